//! All S3.
//!
//! [`BlobStore`] holds the credentials: it derives keys, grants uploads and downloads by signed links of at most a
//! minute, and checks what was uploaded. [`GrantClient`] holds none: it is what a node uses to redeem grants.
//!
//! Objects are never overwritten: a key follows from the content, and every upload carries `if-none-match: *`. A server
//! may keep an object whose checksum did not match, so an upload counts only after [`BlobStore::check_upload`], which
//! deletes what does not fit.

mod digest;
mod error;
mod grant;
mod key;
pub mod metric;
mod store;
mod terms;

pub use digest::FileDigests;
pub use error::{BlobError, GrantError};
pub use grant::{GrantClient, Stored};
pub use key::{KeyError, KeySecret, ObjectKey, Scope};
pub use store::BlobStore;
pub use terms::{ObjectInfo, UploadCheck, UploadTerms};
