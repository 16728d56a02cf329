//! All S3.
