//! What identifies a file's content.

use md5::Md5;
use sha2::{Digest, Sha256};

/// Digests and length of one body, as a claim names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDigests {
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// MD5 in lower-case hex: the `ETag` of an object that was uploaded in one part.
    pub md5: String,
    /// Length in bytes.
    pub size_bytes: u64,
}

impl FileDigests {
    /// The digests of `body`.
    pub fn of(body: &[u8]) -> Self {
        Self {
            sha256: hex::encode(Sha256::digest(body)),
            md5: hex::encode(Md5::digest(body)),
            size_bytes: body.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_nothing_are_the_published_ones() {
        let digests = FileDigests::of(b"");
        assert_eq!(
            digests.sha256,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(digests.md5, "d41d8cd98f00b204e9800998ecf8427e");
    }
}
