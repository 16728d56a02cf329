//! Messages that commit together with the rows they speak of.

use easel_domain::message::Versioned;
use serde::Serialize;
use std::time::Duration;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::pool::Store;

/// A message that the broker has not confirmed yet.
#[derive(Debug, Clone, PartialEq)]
pub struct UnsentMessage {
    /// Row id, in order of writing.
    pub id: i64,
    /// Name of the queue it is for.
    pub queue: String,
    /// Body, with its version.
    pub body: serde_json::Value,
}

/// Writes `body` for `queue` into the outbox of this transaction and returns the row's id, so that the writer can send
/// it right after the commit and mark it with [`Store::mark_outbox_sent`].
pub async fn enqueue<T: Serialize + Sync>(
    tx: &Transaction<'_>,
    queue: &str,
    body: &T,
) -> Result<i64, StoreError> {
    let body = self::body(body)?;
    let row = tx
        .query_one(
            "-- outbox::enqueue\n\
             INSERT INTO outbox (queue, body) VALUES ($1, $2) RETURNING id",
            &[/* queue */ &queue, /* body */ &body],
        )
        .await?;
    Ok(row.get(0))
}

/// What stands in the outbox for `body`.
pub(crate) fn body<T: Serialize>(body: &T) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(Versioned::new(body)).map_err(|error| StoreError::Corrupt {
        what: "outbox body",
        value: error.to_string(),
    })
}

impl Store {
    /// The oldest unsent messages that have waited for at least `age`, at most `limit` of them.
    pub async fn unsent_outbox(
        &self,
        age: Duration,
        limit: u32,
    ) -> Result<Vec<UnsentMessage>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- outbox::unsent_outbox\n\
                 SELECT id, queue, body FROM outbox
                 WHERE sent_at IS NULL AND created_at <= now() - make_interval(secs => $1)
                 ORDER BY id LIMIT $2",
                &[
                    /* age in seconds */ &age.as_secs_f64(),
                    /* limit */ &i64::from(limit),
                ],
            )
            .await?;
        Ok(rows
            .iter()
            .map(|row| UnsentMessage {
                id: row.get(0),
                queue: row.get(1),
                body: row.get(2),
            })
            .collect())
    }

    /// Notes that the broker has confirmed these messages.
    pub async fn mark_outbox_sent(&self, ids: &[i64]) -> Result<(), StoreError> {
        self.connection()
            .await?
            .execute(
                "-- outbox::mark_outbox_sent\n\
                 UPDATE outbox SET sent_at = now() WHERE id = ANY ($1) AND sent_at IS NULL",
                &[/* ids */ &ids],
            )
            .await?;
        Ok(())
    }

    /// Of the oldest `limit` messages, deletes those that were sent longer than `age` ago, and returns how many. One that
    /// is still unsent holds up nothing but its own place among them.
    pub async fn prune_outbox(&self, age: Duration, limit: u32) -> Result<u64, StoreError> {
        let deleted = self
            .connection()
            .await?
            .execute(
                "-- outbox::prune_outbox\n\
                 DELETE FROM outbox WHERE ctid = ANY (ARRAY(
                     SELECT o.ctid FROM (SELECT ctid, sent_at FROM outbox ORDER BY id LIMIT $2) o
                     WHERE o.sent_at < now() - make_interval(secs => $1)))",
                &[
                    /* age in seconds */ &age.as_secs_f64(),
                    /* limit */ &i64::from(limit),
                ],
            )
            .await?;
        Ok(deleted)
    }

    /// Unsent messages, and the age of the oldest in seconds: what the outbox metrics show.
    pub async fn outbox_backlog(&self) -> Result<(i64, f64), StoreError> {
        let row = self
            .connection()
            .await?
            .query_one(
                "-- outbox::outbox_backlog\n\
                 SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8
                 FROM outbox WHERE sent_at IS NULL",
                &[],
            )
            .await?;
        Ok((row.get(0), row.get(1)))
    }
}
