//! Which bot process renders the messages of a gateway shard: a lease with an epoch, by the database's clock.

use std::time::Duration;

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::cached::Transaction;
use crate::error::{StoreError, expect_one_row};
use crate::pool::Store;

/// The right to render the messages of one shard, until another process takes over. Only [`Store::claim_shard`] makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShardLease {
    shard: i32,
    epoch: i64,
    holder: Uuid,
}

impl ShardLease {
    /// The shard.
    pub fn shard(&self) -> u32 {
        u32::try_from(self.shard).unwrap_or(0)
    }

    /// Grows with every change of owner.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }
}

/// A process of the bot, with its place in the order in which processes may follow one another.
/// [`Store::begin_process`] makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BotProcess {
    id: Uuid,
    release: i64,
    start: i64,
}

impl BotProcess {
    /// Its name.
    pub fn id(&self) -> Uuid {
        self.id
    }
}

/// A change of one row that bears a shard.
#[derive(Debug)]
pub(crate) struct OwnedChange<'a> {
    /// The module that makes it, for the statement's first line.
    pub module: &'static str,
    /// What makes it, there and in errors.
    pub name: &'static str,
    /// Whose row.
    pub table: &'static str,
    /// The new values; parameters from `$4` on.
    pub set: &'a str,
    /// Which row; its key is `$3`.
    pub row: &'static str,
}

impl Store {
    /// Changes a row while its shard's lease holds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when another process owns the shard, or the row is no longer as wanted.
    pub(crate) async fn change_owned(
        &self,
        change: OwnedChange<'_>,
        lease: ShardLease,
        key: &(dyn ToSql + Sync),
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<(), StoreError> {
        let OwnedChange {
            module,
            name,
            table,
            set,
            row,
        } = change;
        let statement = format!(
            "-- {module}::{name}\nUPDATE {table} SET {set} WHERE {row} AND EXISTS (
                 SELECT 1 FROM shard_owners o WHERE o.shard = {table}.shard AND o.shard = $1 AND o.epoch = $2)"
        );
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&lease.shard, &lease.epoch, key];
        parameters.extend_from_slice(values);
        let connection = self.connection().await?;
        let changed = connection.execute(&statement, &parameters).await?;
        expect_one_row(name, changed)
    }
}

/// Locks the owner's row at its epoch for the length of the transaction.
///
/// # Errors
///
/// [`StoreError::Guard`] when another process owns the shard.
pub async fn hold_shard(tx: &Transaction<'_>, lease: ShardLease) -> Result<(), StoreError> {
    let rows = tx
        .query(
            "-- shard::hold_shard\n\
             SELECT 1 FROM shard_owners WHERE shard = $1 AND epoch = $2 FOR SHARE",
            &[/* shard */ &lease.shard, /* epoch */ &lease.epoch],
        )
        .await?;
    expect_one_row("hold_shard", rows.len() as u64)
}

impl Store {
    /// A process that starts now, after all that were begun before. `release` goes before the order of starts: a process
    /// of a lower one is never a successor, however often it is started again.
    pub async fn begin_process(&self, id: Uuid, release: u32) -> Result<BotProcess, StoreError> {
        let row = self
            .connection()
            .await?
            .query_one("-- shard::begin_process\nSELECT nextval('bot_starts')", &[])
            .await?;
        Ok(BotProcess {
            id,
            release: i64::from(release),
            start: row.get(0),
        })
    }

    /// Takes the shard when nobody has it, when its owner let the lease run out, or when `holder` has it already. While
    /// somebody asks for it, nobody else takes it.
    pub async fn claim_shard(
        &self,
        shard: u32,
        holder: BotProcess,
        term: Duration,
    ) -> Result<Option<ShardLease>, StoreError> {
        let shard = i32::try_from(shard).unwrap_or(i32::MAX);
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- shard::claim_shard\n\
                 INSERT INTO shard_owners AS s (shard, epoch, holder, expires_at, holder_release, holder_start)
                 VALUES ($1, 1, $2, now() + make_interval(secs => $3), $4, $5)
                 ON CONFLICT (shard) DO UPDATE
                 SET epoch = s.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at,
                     holder_release = excluded.holder_release, holder_start = excluded.holder_start,
                     successor = NULL, successor_until = NULL
                 WHERE s.holder = excluded.holder
                    OR s.expires_at <= now()
                       AND (s.successor IS NULL OR s.successor = excluded.holder OR s.successor_until <= now())
                 RETURNING epoch",
                &[
                    /* shard */ &shard,
                    /* holder */ &holder.id,
                    /* term in seconds */ &term.as_secs_f64(),
                    /* release */ &holder.release,
                    /* start */ &holder.start,
                ],
            )
            .await?;
        Ok(row.map(|row| ShardLease {
            shard,
            epoch: row.get(0),
            holder: holder.id,
        }))
    }

    /// Extends the lease, and tells whether another process asks for it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when another process has taken over.
    pub async fn renew_shard(&self, lease: ShardLease, term: Duration) -> Result<bool, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- shard::renew_shard\n\
                 UPDATE shard_owners SET expires_at = now() + make_interval(secs => $4)
                 WHERE shard = $1 AND epoch = $2 AND holder = $3
                 RETURNING coalesce(successor_until > now(), false)",
                &[
                    /* shard */ &lease.shard,
                    /* epoch */ &lease.epoch,
                    /* holder */ &lease.holder,
                    /* term in seconds */ &term.as_secs_f64(),
                ],
            )
            .await?;
        expect_one_row("renew_shard", row.iter().len() as u64)?;
        Ok(row.is_some_and(|row| row.get(0)))
    }

    /// Asks the owner of a shard to let go of it: `asker` is connected and can take over. Repeated within `term`, or it
    /// counts no more. `false` where it does not count: the owner is a later process, or another one has asked before.
    pub async fn ask_for_shard(
        &self,
        shard: u32,
        asker: BotProcess,
        term: Duration,
    ) -> Result<bool, StoreError> {
        let changed = self
            .connection()
            .await?
            .execute(
                "-- shard::ask_for_shard\n\
                 UPDATE shard_owners SET successor = $2, successor_until = now() + make_interval(secs => $3)
                 WHERE shard = $1 AND holder <> $2 AND (holder_release, holder_start) < ($4, $5)
                   AND (successor IS NULL OR successor = $2 OR successor_until <= now())",
                &[
                    /* shard */ &i32::try_from(shard).unwrap_or(i32::MAX),
                    /* asker */ &asker.id,
                    /* term in seconds */ &term.as_secs_f64(),
                    /* release */ &asker.release,
                    /* start */ &asker.start,
                ],
            )
            .await?;
        Ok(changed == 1)
    }

    /// How many processes own a shard or ask for one, `this` one included.
    pub async fn count_processes(&self, this: Uuid) -> Result<u32, StoreError> {
        let count: i64 = self
            .connection()
            .await?
            .query_one(
                "-- shard::count_processes\n\
                 SELECT count(*) FROM (
                     SELECT holder FROM shard_owners WHERE expires_at > now()
                     UNION SELECT successor FROM shard_owners WHERE successor_until > now()
                     UNION SELECT $1
                 ) process",
                &[/* this */ &this],
            )
            .await?
            .get(0);
        Ok(u32::try_from(count).unwrap_or(1).max(1))
    }

    /// Lets the lease run out at once, so that a successor need not wait. Nothing happens when it is lost already.
    pub async fn release_shard(&self, lease: ShardLease) -> Result<(), StoreError> {
        self.connection()
            .await?
            .execute(
                "-- shard::release_shard\n\
                 UPDATE shard_owners SET expires_at = now() WHERE shard = $1 AND epoch = $2",
                &[/* shard */ &lease.shard, /* epoch */ &lease.epoch],
            )
            .await?;
        Ok(())
    }
}
