//! Names of this crate's metrics.

/// Counter: requests to the object store, by `operation` and `outcome` (`ok`, `absent`, `failed`).
pub const REQUESTS: &str = "easel_blob_requests_total";
/// Histogram: seconds of one request, by `operation`.
pub const SECONDS: &str = "easel_blob_request_seconds";
/// Counter: uploads that were checked, by `outcome` (`good`, `missing`, `mismatch`).
pub const UPLOADS: &str = "easel_blob_uploads_checked_total";
