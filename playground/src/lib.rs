//! A Discord on localhost, with a chat page, and the local S3 server.

pub mod s3;
