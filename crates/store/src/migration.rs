//! Bringing a database to the schema that this build knows.

use std::ops::DerefMut;

use crate::error::StoreError;
use crate::pool::Store;

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// Key of the advisory lock under which one process migrates and the others wait.
const MIGRATION_LOCK: i64 = 0x0065_6173_656c; // "easel"

impl Store {
    /// Applies the migrations that are missing. Several processes may call it at once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Migration`] when a migration fails, when an applied one was edited, or when the database is newer
    /// than this build.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        connection
            .batch_execute("-- migrate\nSET statement_timeout = 0")
            .await?;
        connection
            .execute(
                "-- migrate\nSELECT pg_advisory_lock($1)",
                &[/* key */ &MIGRATION_LOCK],
            )
            .await?;
        let result = embedded::migrations::runner()
            .set_abort_divergent(true)
            .set_abort_missing(true)
            .run_async(connection.deref_mut().deref_mut().deref_mut())
            .await;
        // The session must not go back to the pool with its lock and without its limits.
        connection.close();
        let report = result.map_err(Box::new)?;
        for migration in report.applied_migrations() {
            tracing::info!(
                migration.version = migration.version(),
                "applied migration {}",
                migration.name()
            );
        }
        Ok(())
    }
}
