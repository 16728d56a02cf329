//! Reading columns into types that cannot be wrong.

use serde::de::DeserializeOwned;
use tokio_postgres::Row;

use crate::error::StoreError;

/// A stored value that does not fit its type.
pub(crate) fn corrupt(what: &'static str, value: &str) -> StoreError {
    StoreError::Corrupt {
        what,
        value: value.chars().take(200).collect(),
    }
}

/// A `jsonb` column as `T`.
pub(crate) fn json<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, StoreError> {
    let value: serde_json::Value = row.get(column);
    // The error names the field; the value itself may hold words of a member.
    serde_json::from_value(value).map_err(|error| corrupt(column, &error.to_string()))
}
