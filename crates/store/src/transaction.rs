//! One runner for every transaction.

use std::future::Future;
use std::pin::Pin;

use crate::cached::Transaction;
use tracing::Instrument;

use crate::error::StoreError;
use crate::pool::Store;

/// What the body of a transaction returns: `Box::pin(async move { … })`.
pub type TxFuture<'t, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 't>>;

/// How often a transaction is tried before it gives up.
const MAX_ATTEMPTS: u32 = 8;

/// Seconds that a transaction took, its retries included; labels: name, outcome.
pub const TRANSACTION_SECONDS: &str = "easel_store_transaction_seconds";
/// Tries that ended in a serialisation failure or deadlock; label: name.
pub const TRANSACTION_RETRIES: &str = "easel_store_transaction_retries_total";

impl Store {
    /// Runs `body` in a transaction called `name`, again when it lost against another one.
    ///
    /// The body may run several times, so it must do nothing but SQL.
    ///
    /// # Errors
    ///
    /// The body's own error, after which nothing is changed; [`StoreError::Contention`] after too many tries.
    pub async fn run<T, F>(&self, name: &'static str, body: F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'t> Fn(&'t Transaction<'t>) -> TxFuture<'t, T> + Send + Sync,
    {
        let started = std::time::Instant::now();
        let span = tracing::debug_span!("transaction", transaction.name = name);
        let result = self.run_attempts(name, &body).instrument(span).await;
        let outcome = if result.is_ok() { "ok" } else { "error" };
        metrics::histogram!(TRANSACTION_SECONDS, "name" => name, "outcome" => outcome)
            .record(started.elapsed().as_secs_f64());
        result
    }

    async fn run_attempts<T, F>(&self, name: &'static str, body: &F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'t> Fn(&'t Transaction<'t>) -> TxFuture<'t, T> + Send + Sync,
    {
        for _ in 0..MAX_ATTEMPTS {
            match self.run_once(body).await {
                Err(error) if error.is_contention() => {
                    metrics::counter!(TRANSACTION_RETRIES, "name" => name).increment(1);
                }
                done => return done,
            }
        }
        Err(StoreError::Contention {
            name,
            attempts: MAX_ATTEMPTS,
        })
    }

    async fn run_once<T, F>(&self, body: &F) -> Result<T, StoreError>
    where
        T: Send,
        F: for<'t> Fn(&'t Transaction<'t>) -> TxFuture<'t, T> + Send + Sync,
    {
        let connection = self.connection().await?;
        let tx = connection.begin();
        match body(&tx).await {
            Ok(value) => {
                tx.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // What it says is of no interest: a connection that cannot even do this is closed.
                let _ = tx.rollback().await;
                Err(error)
            }
        }
    }
}
