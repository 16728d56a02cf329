//! Connections and transactions whose statements are prepared once.
//!
//! Unprepared, each query costs the server a parse and a plan, and the caller two more round trips. Every statement of
//! this crate is one of a fixed set of texts, so a connection's cache of them stays small.

use std::ops::{Deref, DerefMut};

use deadpool_postgres::Object;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

/// A connection of the pool. Its statements are prepared when they are used first, and kept.
#[derive(Debug)]
pub struct Connection(Object);

/// A transaction on a [`Connection`], with the same cache. Rolled back unless it is committed.
#[expect(
    missing_debug_implementations,
    reason = "the driver's transaction has none"
)]
pub struct Transaction<'c>(deadpool_postgres::Transaction<'c>);

impl Connection {
    pub(crate) fn new(object: Object) -> Self {
        Self(object)
    }

    /// Begins a transaction.
    pub async fn transaction(&mut self) -> Result<Transaction<'_>, Error> {
        self.0.transaction().await.map(Transaction)
    }

    /// Takes the connection out of its pool and closes it.
    pub(crate) fn close(self) {
        drop(Object::take(self.0));
    }
}

impl Transaction<'_> {
    /// Runs a script without values.
    pub async fn batch_execute(&self, sql: &str) -> Result<(), Error> {
        self.0.batch_execute(sql).await
    }

    /// Makes its changes last.
    pub async fn commit(self) -> Result<(), Error> {
        self.0.commit().await
    }
}

macro_rules! prepared_statements {
    ($($queries:tt)*) => {
        impl $($queries)* {
            /// All rows.
            pub async fn query(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Error> {
                let statement = self.0.prepare_cached(sql).await?;
                self.0.query(&statement, values).await
            }

            /// The one row; an error if there is none, or another.
            pub async fn query_one(&self, sql: &str, values: Values<'_>) -> Result<Row, Error> {
                let statement = self.0.prepare_cached(sql).await?;
                self.0.query_one(&statement, values).await
            }

            /// A row or none; an error if there is another.
            pub async fn query_opt(&self, sql: &str, values: Values<'_>) -> Result<Option<Row>, Error> {
                let statement = self.0.prepare_cached(sql).await?;
                self.0.query_opt(&statement, values).await
            }

            /// How many rows were changed.
            pub async fn execute(&self, sql: &str, values: Values<'_>) -> Result<u64, Error> {
                let statement = self.0.prepare_cached(sql).await?;
                self.0.execute(&statement, values).await
            }
        }
    };
}

prepared_statements!(Connection);
prepared_statements!(Transaction<'_>);

/// What needs no preparation: scripts, notifications, the statement cache itself.
impl Deref for Connection {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.0
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Object {
        &mut self.0
    }
}
