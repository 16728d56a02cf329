//! What can go wrong between us and the object store.

use s3::request::ResponseData;

use crate::key::KeyError;

/// A request made with the store's credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The settings cannot work.
    #[error("object store settings: {0}; check `s3` (EASEL_S3__…)")]
    Settings(String),
    /// A key that is not one of ours.
    #[error("object key")]
    Key(#[from] KeyError),
    /// No answer.
    #[error(
        "reach the object store at {endpoint} (bucket {bucket}); check that it runs and `s3.endpoint` (EASEL_S3__ENDPOINT)"
    )]
    Unreachable {
        /// The server.
        endpoint: String,
        /// The bucket.
        bucket: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server does not take our account or secret.
    #[error(
        "the object store at {endpoint} (bucket {bucket}) refuses the credentials: {code}; check `s3.access_key` and `s3.secret_key` (EASEL_S3__ACCESS_KEY, EASEL_S3__SECRET_KEY)"
    )]
    Credentials {
        /// The server.
        endpoint: String,
        /// The bucket.
        bucket: String,
        /// The server's code, or the status where it gave none.
        code: String,
    },
    /// The bucket does not exist.
    #[error(
        "the object store at {endpoint} has no bucket {bucket}; create it or set `s3.bucket` (EASEL_S3__BUCKET)"
    )]
    NoBucket {
        /// The server.
        endpoint: String,
        /// The bucket.
        bucket: String,
    },
    /// The object does not exist.
    #[error("no object {key}")]
    NotFound {
        /// The key.
        key: String,
    },
    /// Any other answer than success.
    #[error("{operation} {key} at {endpoint}: answered {status} {code}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// About which object.
        key: String,
        /// The server.
        endpoint: String,
        /// The status.
        status: u16,
        /// The server's code, if it gave one.
        code: String,
    },
}

/// A grant that could not be redeemed. Links are credentials and never shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// The grant cannot be used: no link, or a header that is none.
    #[error("the grant is malformed: {0}")]
    Malformed(&'static str),
    /// The body is not the one that the grant names.
    #[error("the body is not the granted one: {0}")]
    WrongBody(&'static str),
    /// The body is larger than allowed.
    #[error("the object is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// The server refused: the grant expired, or what was sent differs from what was signed. Ask for a new one.
    #[error("the object store refused the grant: {status} {code}")]
    Refused {
        /// The status.
        status: u16,
        /// The server's code, if it gave one.
        code: String,
    },
    /// The object is not there.
    #[error("the granted object does not exist")]
    NotFound,
    /// No usable answer after every retry.
    #[error("reach the object store")]
    Unreachable(#[source] reqwest::Error),
    /// The server failed after every retry.
    #[error("the object store failed: {status}")]
    Failed {
        /// The status.
        status: u16,
    },
}

impl GrantError {
    /// Whether a new grant could help.
    pub fn wants_a_new_grant(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Unreachable(_) | Self::Failed { .. } => true,
            Self::Malformed(_) | Self::WrongBody(_) | Self::TooLarge { .. } | Self::NotFound => {
                false
            }
        }
    }
}

/// The `<Code>` of an S3 error document, if there is one.
pub(crate) fn code_of(body: &str) -> String {
    let code = body
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map(|(code, _)| {
        code.chars()
            .filter(char::is_ascii_alphanumeric)
            .take(64)
            .collect()
    })
    .unwrap_or_default()
}

/// The status of an answer, with the code of its error document.
pub(crate) fn status_and_code(answer: &ResponseData) -> (u16, String) {
    let status = answer.status_code();
    let code = if status < 300 {
        String::new()
    } else {
        code_of(&String::from_utf8_lossy(answer.as_slice()))
    };
    (status, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_out_of_an_error_document() {
        assert_eq!(
            code_of("<Error><Code>NoSuchKey</Code><Message>…"),
            "NoSuchKey"
        );
        assert_eq!(code_of("<html>"), "");
    }
}
