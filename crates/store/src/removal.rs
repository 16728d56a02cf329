//! Results that are deleted: by their owner or a moderator, for good.
//!
//! One transaction lets go of words, files and stars and dooms every message that is known to show the job; the process
//! that owns the shard deletes those, and proves it with its [`ShardLease`].

use easel_domain::job::JobState;
use easel_domain::{DiscordId, GuildKey, JobId, UserId};
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::pool::Store;
use crate::row::corrupt;
use crate::shard::{OwnedChange, ShardLease};
use crate::user::resolve_user;

/// Who wants a result deleted.
#[derive(Debug, Clone, Copy)]
pub struct Removal {
    /// The job.
    pub job: JobId,
    /// Who asks.
    pub member: DiscordId,
    /// Key of the member, if he is new.
    pub fresh_user: UserId,
    /// The guild he moderates, if he asks there: results of others that were asked for in it are his to delete.
    pub moderates: Option<GuildKey>,
    /// The gateway shard that it came through.
    pub shard: u32,
    /// When.
    pub at: OffsetDateTime,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is deleted; its messages go now.
    Done,
    /// It was deleted before.
    Already,
    /// It has not ended: it is to be cancelled instead.
    UnderWay,
    /// It is somebody else's.
    NotYours,
    /// There is no such job.
    Unknown,
}

/// A message that is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DoomedMessage {
    /// Where.
    pub channel: DiscordId,
    /// Which.
    pub message: DiscordId,
    /// Failed tries.
    pub failures: u32,
}

impl Store {
    /// Deletes the result of a job that has ended. Doing it twice changes nothing.
    pub async fn remove_result(&self, removal: Removal) -> Result<Removed, StoreError> {
        self.run("remove_result", move |tx| {
            Box::pin(async move { remove_result(tx, removal).await })
        })
        .await
    }

    /// Messages of a shard that are to be deleted and may be tried at `now`: of each channel those that waited longest, at
    /// most `per_channel`, so that a busy channel does not hide the others.
    pub async fn doomed_messages(
        &self,
        shard: u32,
        now: OffsetDateTime,
        per_channel: u32,
        limit: u32,
    ) -> Result<Vec<DoomedMessage>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- removal::doomed_messages\n\
                 SELECT channel_id, message_id, failures FROM (
                     SELECT channel_id, message_id, failures, next_try_at,
                            row_number() OVER (PARTITION BY channel_id ORDER BY next_try_at, message_id) AS place
                     FROM doomed_messages WHERE shard = $1 AND ended_at IS NULL AND next_try_at <= $2
                 ) due
                 WHERE place <= $3 ORDER BY place, next_try_at, message_id LIMIT $4",
                &[
                    /* shard */ &i32::try_from(shard).unwrap_or(i32::MAX),
                    /* now */ &now,
                    /* per channel */ &i64::from(per_channel),
                    /* limit */ &i64::from(limit),
                ],
            )
            .await?;
        let doomed = rows.iter().map(|row| DoomedMessage {
            channel: row.get(0),
            message: row.get(1),
            failures: u32::try_from(row.get::<_, i32>(2)).unwrap_or(0),
        });
        Ok(doomed.collect())
    }

    /// The message is gone, or cannot be deleted for this reason.
    pub async fn end_doomed(
        &self,
        lease: ShardLease,
        message: DiscordId,
        reason: Option<&'static str>,
        at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let end = OwnedChange {
            module: "removal",
            name: "end_doomed",
            table: "doomed_messages",
            set: "ended_at = $4, reason = $5",
            row: DOOMED,
        };
        let values: [&(dyn ToSql + Sync); 2] = [/* at */ &at, /* reason */ &reason];
        let changed = self.change_owned(end, lease, &message, &values).await;
        unless_lost(changed)
    }

    /// A try failed; the next one is not before `next_try_at`.
    pub async fn doomed_failed(
        &self,
        lease: ShardLease,
        message: DiscordId,
        next_try_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let again = OwnedChange {
            module: "removal",
            name: "doomed_failed",
            table: "doomed_messages",
            set: "failures = failures + 1, next_try_at = $4",
            row: DOOMED,
        };
        let values: [&(dyn ToSql + Sync); 1] = [/* not before */ &next_try_at];
        let changed = self.change_owned(again, lease, &message, &values).await;
        unless_lost(changed)
    }
}

const DOOMED: &str = "message_id = $3 AND ended_at IS NULL";

/// A message that another process looks after now, or that is gone already, is nothing to do for this one.
fn unless_lost(changed: Result<(), StoreError>) -> Result<(), StoreError> {
    match changed {
        Err(error) if error.is_lost_race() => Ok(()),
        other => other,
    }
}

async fn remove_result(tx: &Transaction<'_>, removal: Removal) -> Result<Removed, StoreError> {
    let row = tx
        .query_opt(
            "-- removal::remove_result (job)\n\
             SELECT j.state, u.discord_id, j.guild_id FROM jobs j LEFT JOIN discord_users u ON u.user_id = j.user_id
             WHERE j.id = $1 FOR UPDATE OF j",
            &[/* job */ &removal.job],
        )
        .await?;
    let Some(row) = row else {
        return Ok(Removed::Unknown);
    };
    let state: &str = row.get(0);
    let state = JobState::from_name(state).ok_or_else(|| corrupt("job state", state))?;
    let is_own = row.get::<_, Option<DiscordId>>(1) == Some(removal.member);
    let moderates = removal.moderates.is_some() && removal.moderates == row.get(2);
    if !is_own && !moderates {
        return Ok(Removed::NotYours);
    }
    if !state.is_end() {
        return Ok(Removed::UnderWay);
    }
    let user = resolve_user(tx, removal.member, removal.fresh_user).await?;
    let inserted = tx
        .execute(
            "-- removal::remove_result\n\
             INSERT INTO removals (job_id, removed_by, moderated, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            &[
                /* job */ &removal.job,
                /* by */ &user,
                /* moderated */ &!is_own,
                /* at */ &removal.at,
            ],
        )
        .await?;
    doom_messages(tx, removal).await?;
    if inserted == 0 {
        // A copy that became known since goes all the same.
        return Ok(Removed::Already);
    }
    for (name, rest) in LET_GO {
        let statement = format!("-- removal::remove_result ({name})\n{rest}");
        tx.execute(&statement, &[/* job */ &removal.job]).await?;
    }
    Ok(Removed::Done)
}

/// What is let go of with a result.
const LET_GO: [(&str, &str); 6] = [
    (
        "message",
        "UPDATE deliveries SET undeliverable = coalesce(undeliverable, 'removed'), interaction_token = NULL,
                               post_intent_at = NULL WHERE job_id = $1",
    ),
    (
        "mailings",
        "UPDATE mailings SET state = 'void', reason = 'removed', ended_at = now(), post_intent_at = NULL
         WHERE job_id = $1 AND state = 'open'",
    ),
    ("stars", "DELETE FROM favourites WHERE job_id = $1"),
    (
        "files",
        "WITH gone AS (DELETE FROM job_files WHERE job_id = $1 RETURNING blob_key)
         INSERT INTO garbage (key) SELECT DISTINCT blob_key FROM gone ORDER BY blob_key
         ON CONFLICT (key) DO UPDATE SET noticed_at = now()",
    ),
    ("words", "DELETE FROM prompts WHERE job_id = $1"),
    ("answer", "DELETE FROM job_answers WHERE job_id = $1"),
];

/// Every message that is known to show the job.
async fn doom_messages(tx: &Transaction<'_>, removal: Removal) -> Result<(), StoreError> {
    tx.execute(
        "-- removal::doom_messages\n\
         INSERT INTO doomed_messages (message_id, channel_id, job_id, shard)
         SELECT message_id, channel_id, job_id, shard FROM deliveries
             WHERE job_id = $1 AND message_id IS NOT NULL AND NOT (route = 'interaction' AND (guest OR ephemeral))
         UNION ALL SELECT message_id, channel_id, job_id, $2 FROM job_messages WHERE job_id = $1
         ON CONFLICT (message_id) DO NOTHING",
        &[
            /* job */ &removal.job,
            /* shard */ &i32::try_from(removal.shard).unwrap_or(i32::MAX),
        ],
    )
    .await?;
    Ok(())
}

/// Keeps removals of a job's result out until the transaction ends: a removal holds the job's row until it has read which
/// messages show it, so one that is under way is waited for, and seen by what is read after this. `false` if there is no
/// such job.
pub(crate) async fn keep_removals_out(
    tx: &Transaction<'_>,
    job: JobId,
) -> Result<bool, StoreError> {
    let rows = tx
        .query(
            "-- removal::keep_removals_out\nSELECT 1 FROM jobs WHERE id = $1 FOR SHARE",
            &[/* job */ &job],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Dooms a message that shows a job whose result is deleted, and tells whether it is. Removals are kept out already.
pub(crate) async fn doom_if_removed(
    tx: &Transaction<'_>,
    job: JobId,
    channel: DiscordId,
    message: DiscordId,
    shard: u32,
) -> Result<bool, StoreError> {
    let row = tx
        .query_one(
            "-- removal::doom_if_removed\n\
             WITH removed AS (SELECT job_id FROM removals WHERE job_id = $1), doomed AS (
                 INSERT INTO doomed_messages (message_id, channel_id, job_id, shard)
                 SELECT $3, $2, job_id, $4 FROM removed ON CONFLICT (message_id) DO NOTHING)
             SELECT EXISTS (SELECT FROM removed)",
            &[
                /* job */ &job,
                /* channel */ &channel,
                /* message */ &message,
                /* shard */ &i32::try_from(shard).unwrap_or(i32::MAX),
            ],
        )
        .await?;
    Ok(row.get(0))
}
