//! Messages that nothing could read: kept until somebody replays or drops them.

use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::error::StoreError;
use crate::pool::Store;

/// A message that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number.
    pub id: i64,
    /// Where it was found, by its full name.
    pub queue: String,
    /// What was wrong with it.
    pub reason: String,
    /// As it came.
    pub body: Vec<u8>,
    /// When it was set aside.
    pub at: OffsetDateTime,
}

fn letter(row: &Row) -> DeadLetter {
    DeadLetter {
        id: row.get("id"),
        queue: row.get("queue"),
        reason: row.get("reason"),
        body: row.get("body"),
        at: row.get("at"),
    }
}

impl Store {
    /// Keeps a message.
    pub async fn keep_dead_letter(
        &self,
        queue: &str,
        reason: &str,
        body: &[u8],
    ) -> Result<i64, StoreError> {
        let row = self
            .connection()
            .await?
            .query_one(
                "-- dead::keep_dead_letter\n\
                 INSERT INTO dead_letters (queue, reason, body) VALUES ($1, $2, $3) RETURNING id",
                &[
                    /* queue */ &queue, /* reason */ &reason, /* body */ &body,
                ],
            )
            .await?;
        Ok(row.get(0))
    }

    /// The oldest messages after `after`, at most `limit` of them.
    pub async fn dead_letters(
        &self,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- dead::dead_letters\n\
                 SELECT id, queue, reason, body, at FROM dead_letters WHERE id > $1 ORDER BY id LIMIT $2",
                &[/* after */ &after, /* limit */ &i64::from(limit)],
            )
            .await?;
        Ok(rows.iter().map(letter).collect())
    }

    /// One message.
    pub async fn dead_letter(&self, id: i64) -> Result<Option<DeadLetter>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- dead::dead_letter\nSELECT id, queue, reason, body, at FROM dead_letters WHERE id = $1",
                &[/* id */ &id],
            )
            .await?;
        Ok(row.as_ref().map(letter))
    }

    /// Forgets a message. Returns whether it was there.
    pub async fn drop_dead_letter(&self, id: i64) -> Result<bool, StoreError> {
        let gone = self
            .connection()
            .await?
            .execute(
                "-- dead::drop_dead_letter\nDELETE FROM dead_letters WHERE id = $1",
                &[/* id */ &id],
            )
            .await?;
        Ok(gone > 0)
    }
}
