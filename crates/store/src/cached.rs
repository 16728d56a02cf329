//! Connections and transactions whose statements are prepared once, and sent together where none needs another's answer.
//!
//! Unprepared, each query costs the server a parse and a plan, and the caller two more round trips. Every statement of
//! this crate is one of a fixed set of texts, so a connection's cache of them stays small.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use deadpool_postgres::Object;
use futures::future::{join, try_join, try_join_all};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, Statement};

type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

/// A connection of the pool. Its statements are prepared when they are used first, and kept.
#[derive(Debug)]
pub struct Connection {
    /// Nothing only while it is dropped.
    object: Option<Object>,
    /// A transaction on it was left half-way: the server ends it with the connection.
    spoiled: AtomicBool,
}

const FRESH: u8 = 0;
const OPEN: u8 = 1;
const OVER: u8 = 2;

/// A transaction on a [`Connection`], with the same cache. It begins with its first statement, in the same packet, and
/// is undone unless it is committed.
#[derive(Debug)]
pub struct Transaction<'c> {
    connection: &'c Connection,
    stage: AtomicU8,
}

impl Connection {
    pub(crate) fn new(object: Object) -> Self {
        Self {
            object: Some(object),
            spoiled: AtomicBool::new(false),
        }
    }

    fn object(&self) -> &Object {
        self.object
            .as_ref()
            .expect("a connection has its object until it is dropped")
    }

    /// A transaction that begins with its first statement.
    pub fn begin(&self) -> Transaction<'_> {
        Transaction {
            connection: self,
            stage: AtomicU8::new(FRESH),
        }
    }

    /// Takes the connection out of its pool and closes it.
    pub(crate) fn close(mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.spoiled.load(Ordering::Relaxed)
            && let Some(object) = self.object.take()
        {
            drop(Object::take(object));
        }
    }
}

impl Transaction<'_> {
    /// Whether the caller must begin it now.
    fn begins(&self) -> bool {
        let before = self
            .stage
            .compare_exchange(FRESH, OPEN, Ordering::Relaxed, Ordering::Relaxed);
        before.is_ok()
    }

    fn is_over(&self) {
        self.stage.store(OVER, Ordering::Relaxed);
    }

    /// Runs a script without values.
    pub async fn batch_execute(&self, sql: &str) -> Result<(), Error> {
        let object = self.connection.object();
        if self.begins() {
            object.batch_execute("BEGIN").await?;
        }
        object.batch_execute(sql).await
    }

    /// Several statements in one packet, in their order; each sees what the ones before it did. All their rows.
    pub async fn query_all(&self, asked: &[(&str, Values<'_>)]) -> Result<Vec<Vec<Row>>, Error> {
        let mut statements = Vec::with_capacity(asked.len());
        for (sql, _) in asked {
            statements.push(self.prepared(sql).await?);
        }
        let object = self.connection.object();
        // A query is on its way once its future was polled: in the order of the list.
        let pairs = statements.iter().zip(asked);
        let queries =
            try_join_all(pairs.map(|(statement, (_, values))| object.query(statement, values)));
        if self.begins() {
            let ((), rows) = try_join(object.batch_execute("BEGIN"), queries).await?;
            Ok(rows)
        } else {
            queries.await
        }
    }

    /// The last statement, and the commit in the same packet. Where it fails, nothing is changed.
    pub async fn query_and_commit(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Error> {
        let statement = self.prepared(sql).await?;
        let object = self.connection.object();
        if self.begins() {
            object.batch_execute("BEGIN").await?;
        }
        // After a statement that failed, the server takes a commit for a rollback.
        let (rows, committed) = join(
            object.query(&statement, values),
            object.batch_execute("COMMIT"),
        )
        .await;
        if committed.is_ok() {
            self.is_over();
        }
        let rows = rows?;
        committed?;
        Ok(rows)
    }

    /// Makes its changes last.
    pub async fn commit(self) -> Result<(), Error> {
        if self.stage.load(Ordering::Relaxed) == OPEN {
            self.connection.object().batch_execute("COMMIT").await?;
        }
        self.is_over();
        Ok(())
    }

    /// Undoes its changes.
    pub(crate) async fn rollback(self) -> Result<(), Error> {
        if self.stage.load(Ordering::Relaxed) == OPEN {
            self.connection.object().batch_execute("ROLLBACK").await?;
        }
        self.is_over();
        Ok(())
    }

    async fn prepared(&self, sql: &str) -> Result<Statement, Error> {
        self.connection.object().prepare_cached(sql).await
    }

    async fn rows(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Error> {
        let mut all = self.query_all(&[(sql, values)]).await?;
        Ok(all.pop().unwrap_or_default())
    }

    /// All rows.
    pub async fn query(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Error> {
        self.rows(sql, values).await
    }

    /// The one row; an error if there is none, or another.
    pub async fn query_one(&self, sql: &str, values: Values<'_>) -> Result<Row, Error> {
        let statement = self.prepared(sql).await?;
        let object = self.connection.object();
        let query = object.query_one(&statement, values);
        if self.begins() {
            let ((), row) = try_join(object.batch_execute("BEGIN"), query).await?;
            Ok(row)
        } else {
            query.await
        }
    }

    /// A row or none; an error if there is another.
    pub async fn query_opt(&self, sql: &str, values: Values<'_>) -> Result<Option<Row>, Error> {
        let statement = self.prepared(sql).await?;
        let object = self.connection.object();
        let query = object.query_opt(&statement, values);
        if self.begins() {
            let ((), row) = try_join(object.batch_execute("BEGIN"), query).await?;
            Ok(row)
        } else {
            query.await
        }
    }

    /// How many rows were changed.
    pub async fn execute(&self, sql: &str, values: Values<'_>) -> Result<u64, Error> {
        let statement = self.prepared(sql).await?;
        let object = self.connection.object();
        let query = object.execute(&statement, values);
        if self.begins() {
            let ((), count) = try_join(object.batch_execute("BEGIN"), query).await?;
            Ok(count)
        } else {
            query.await
        }
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.stage.load(Ordering::Relaxed) == OPEN {
            self.connection.spoiled.store(true, Ordering::Relaxed);
        }
    }
}

impl Connection {
    /// All rows.
    pub async fn query(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Error> {
        let statement = self.object().prepare_cached(sql).await?;
        self.object().query(&statement, values).await
    }

    /// The one row; an error if there is none, or another.
    pub async fn query_one(&self, sql: &str, values: Values<'_>) -> Result<Row, Error> {
        let statement = self.object().prepare_cached(sql).await?;
        self.object().query_one(&statement, values).await
    }

    /// A row or none; an error if there is another.
    pub async fn query_opt(&self, sql: &str, values: Values<'_>) -> Result<Option<Row>, Error> {
        let statement = self.object().prepare_cached(sql).await?;
        self.object().query_opt(&statement, values).await
    }

    /// How many rows were changed.
    pub async fn execute(&self, sql: &str, values: Values<'_>) -> Result<u64, Error> {
        let statement = self.object().prepare_cached(sql).await?;
        self.object().execute(&statement, values).await
    }
}

/// What needs no preparation: scripts, notifications, the statement cache itself.
impl Deref for Connection {
    type Target = Object;

    fn deref(&self) -> &Object {
        self.object()
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Object {
        self.object
            .as_mut()
            .expect("a connection has its object until it is dropped")
    }
}
