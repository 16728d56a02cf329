//! What a checkpoint's directory is called, and what identifies its content.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The model's own name: `id` of its `easel.json`, else the directory's name.
pub fn id(directory: &Path) -> String {
    let profile = std::fs::read(directory.join("easel.json")).ok();
    let profile: Option<serde_json::Value> =
        profile.and_then(|text| serde_json::from_slice(&text).ok());
    let named = profile
        .as_ref()
        .and_then(|profile| profile.get("id")?.as_str())
        .map(str::to_owned);
    let whole = directory
        .canonicalize()
        .unwrap_or_else(|_| directory.to_owned());
    let base = || {
        whole
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    named.or_else(base).unwrap_or_default()
}

/// SHA-256 over the files' names and contents, in hex: of the lines `<sha256 in hex>  <path>`, sorted by path, for every
/// file below the directory. Hidden files and directories do not count.
pub fn hash(directory: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(directory, directory, &mut files)?;
    files.sort();
    let mut whole = Sha256::new();
    for path in files {
        let name = path
            .components()
            .map(|part| part.as_os_str().to_string_lossy())
            .collect::<Vec<_>>()
            .join("/");
        let mut line = file_hash(&directory.join(&path))?;
        // Writing to a string cannot fail.
        let _ = writeln!(line, "  {name}");
        whole.update(line);
    }
    Ok(hex::encode(whole.finalize()))
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // Follows links: checkpoints are often links into a download cache.
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            files.push(relative.to_owned());
        }
    }
    Ok(())
}

/// SHA-256 of a file, in hex.
fn file_hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex::encode(digest.finalize()));
        }
        digest.update(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_follows_names_and_contents_and_nothing_else() {
        let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for directory in [&left, &right] {
            std::fs::create_dir(directory.path().join("unet")).unwrap();
            std::fs::write(directory.path().join("unet/config.json"), "{}").unwrap();
            std::fs::write(directory.path().join("model_index.json"), "{}").unwrap();
        }
        std::fs::write(left.path().join(".DS_Store"), "x").unwrap();
        assert_eq!(hash(left.path()).unwrap(), hash(right.path()).unwrap());
        std::fs::write(left.path().join("unet/config.json"), "{ }").unwrap();
        assert_ne!(hash(left.path()).unwrap(), hash(right.path()).unwrap());
    }
}
