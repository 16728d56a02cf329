//! One leader for each lane, by a lease with an epoch. Only the database's clock counts.

use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::cached::Transaction;
use crate::error::{StoreError, expect_one_row};
use crate::pool::Store;

/// A term of office: every dispatcher transaction proves it with [`hold`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leadership {
    /// Region that is led.
    pub region: String,
    /// Pool that is led.
    pub pool: String,
    /// Grows with every change of leader.
    pub epoch: i64,
    /// The process that leads.
    pub holder: Uuid,
}

/// Proof that a transaction runs under a leadership that nobody has taken over, and that nobody can until it ends.
#[derive(Debug)]
pub struct Leading(());

/// Locks the leadership row at its epoch for the length of the transaction.
///
/// # Errors
///
/// [`StoreError::Guard`] when another process leads: roll back and stop leading.
pub async fn hold(tx: &Transaction<'_>, leadership: &Leadership) -> Result<Leading, StoreError> {
    let rows = tx.query(HOLD, &leadership.key()).await?;
    held(&rows)
}

/// The statement of [`hold`], for those who send it together with others; its values are [`Leadership::key`].
pub(crate) const HOLD: &str = "-- leadership::hold\n\
     SELECT 1 FROM leadership WHERE region = $1 AND pool = $2 AND epoch = $3 FOR SHARE";

impl Leadership {
    /// Region, pool and epoch.
    pub(crate) fn key(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.region, &self.pool, &self.epoch]
    }
}

/// Whether [`HOLD`] found its row.
pub(crate) fn held(rows: &[Row]) -> Result<Leading, StoreError> {
    if rows.is_empty() {
        Err(StoreError::LeadershipLost)
    } else {
        Ok(Leading(()))
    }
}

impl Store {
    /// Takes the lead when nobody has it, or when its holder let the lease run out.
    pub async fn try_lead(
        &self,
        region: &str,
        pool: &str,
        holder: Uuid,
        term: Duration,
    ) -> Result<Option<Leadership>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- leadership::try_lead\n\
                 INSERT INTO leadership AS l (region, pool, epoch, holder, expires_at)
                 VALUES ($1, $2, 1, $3, now() + make_interval(secs => $4))
                 ON CONFLICT (region, pool) DO UPDATE
                 SET epoch = l.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at
                 WHERE l.expires_at <= now()
                 RETURNING epoch",
                &[
                    /* region */ &region,
                    /* pool */ &pool,
                    /* holder */ &holder,
                    /* term in seconds */ &term.as_secs_f64(),
                ],
            )
            .await?;
        Ok(row.map(|row| Leadership {
            region: region.into(),
            pool: pool.into(),
            epoch: row.get(0),
            holder,
        }))
    }

    /// Extends the lease.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeadershipLost`] when another process has taken over.
    pub async fn renew_leadership(
        &self,
        leadership: &Leadership,
        term: Duration,
    ) -> Result<(), StoreError> {
        let changed = self
            .connection()
            .await?
            .execute(
                "-- leadership::renew_leadership\n\
                 UPDATE leadership SET expires_at = now() + make_interval(secs => $4)
                 WHERE region = $1 AND pool = $2 AND epoch = $3",
                &[
                    /* region */ &leadership.region,
                    /* pool */ &leadership.pool,
                    /* epoch */ &leadership.epoch,
                    /* term in seconds */ &term.as_secs_f64(),
                ],
            )
            .await?;
        expect_one_row("renew_leadership", changed).map_err(|_| StoreError::LeadershipLost)
    }

    /// The epoch of whoever leads a lane now, if anybody does.
    pub async fn current_epoch(&self, region: &str, pool: &str) -> Result<Option<i64>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- leadership::current_epoch\n\
                 SELECT epoch FROM leadership WHERE region = $1 AND pool = $2 AND expires_at > now()",
                &[/* region */ &region, /* pool */ &pool],
            )
            .await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Lets the lease run out at once, so that a standby need not wait. Nothing happens when it is lost already.
    pub async fn resign(&self, leadership: &Leadership) -> Result<(), StoreError> {
        self.connection()
            .await?
            .execute(
                "-- leadership::resign\n\
                 UPDATE leadership SET expires_at = now() WHERE region = $1 AND pool = $2 AND epoch = $3",
                &[
                    /* region */ &leadership.region,
                    /* pool */ &leadership.pool,
                    /* epoch */ &leadership.epoch,
                ],
            )
            .await?;
        Ok(())
    }
}
