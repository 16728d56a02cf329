//! What can go wrong between us and the database.

use tokio_postgres::error::SqlState;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The connection text is not one.
    #[error("the database url is not valid")]
    InvalidUrl(#[source] tokio_postgres::Error),
    /// No connection could be had in time.
    #[error("no connection to the database")]
    Unavailable(#[source] deadpool_postgres::PoolError),
    /// The database refused or broke off a statement.
    #[error("database statement")]
    Database(#[from] tokio_postgres::Error),
    /// A guarded change touched another number of rows than it must: somebody else was faster, or a lease is lost.
    #[error("{statement} changed {actual} rows instead of {expected}")]
    Guard {
        /// Which statement.
        statement: &'static str,
        /// Rows that it must change.
        expected: u64,
        /// Rows that it changed.
        actual: u64,
    },
    /// The transaction was tried often enough.
    #[error("transaction {name} did not get through in {attempts} attempts")]
    Contention {
        /// Name of the transaction.
        name: &'static str,
        /// How often it was tried.
        attempts: u32,
    },
    /// A stored value does not fit its type: a newer process wrote it, or somebody edited it.
    #[error("stored {what} is not valid: {value:?}")]
    Corrupt {
        /// What it should be.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// The schema could not be brought to the version that this build knows.
    #[error("migrate the database")]
    Migration(#[from] Box<refinery::Error>),
    /// Another process leads this lane now: stop leading.
    #[error("leadership is lost")]
    LeadershipLost,
    /// A statement took longer than its limit.
    #[error("{0} took too long")]
    Timeout(&'static str),
}

impl StoreError {
    /// Whether running the transaction again may succeed (serialisation failure or deadlock).
    pub fn is_contention(&self) -> bool {
        let Self::Database(error) = self else {
            return false;
        };
        matches!(
            error.code(),
            Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED)
        )
    }

    /// Whether the database may answer again later: a restart, a lost connection, a full pool.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout(_) | Self::Contention { .. } => true,
            Self::Database(error) => {
                error.is_closed()
                    || error
                        .code()
                        .is_none_or(|code| code.code().starts_with("57P"))
            }
            Self::InvalidUrl(_)
            | Self::Guard { .. }
            | Self::Corrupt { .. }
            | Self::Migration(_)
            | Self::LeadershipLost => false,
        }
    }

    /// Whether the guard of a statement failed: the caller lost a race or a lease.
    pub fn is_lost_race(&self) -> bool {
        matches!(self, Self::Guard { .. })
    }
}

/// The guard of a change that must touch exactly one row.
///
/// # Errors
///
/// [`StoreError::Guard`] when it did not.
pub fn expect_one_row(statement: &'static str, actual: u64) -> Result<(), StoreError> {
    if actual == 1 {
        Ok(())
    } else {
        Err(StoreError::Guard {
            statement,
            expected: 1,
            actual,
        })
    }
}
