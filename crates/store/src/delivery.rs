//! The message of each job: which revision it should show, which it shows, and over which route it can be reached.
//!
//! Only the process that owns the shard writes here; each write proves it with its [`ShardLease`].

mod new_message;
mod route;

use easel_domain::{DiscordId, GuildKey, JobId};
use secrecy::SecretString;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::pool::Store;
use crate::shard::{OwnedChange, ShardLease, hold_shard};
use new_message::NewMessage;
pub use route::Route;

/// One row of `deliveries`.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The job.
    pub job: JobId,
    /// The gateway shard whose process owns the message.
    pub shard: u32,
    /// Needed for edits by token.
    pub application: DiscordId,
    /// `None` in direct messages.
    pub guild: Option<GuildKey>,
    /// Where the message is.
    pub channel: DiscordId,
    /// The message, once Discord has told it.
    pub message: Option<DiscordId>,
    /// Whether only the token can edit it.
    pub ephemeral: bool,
    /// Whether the bot is no member there: only the token reaches the answer.
    pub is_guest: bool,
    /// Bytes that one file may have there, if the interaction told it.
    pub file_limit: Option<u64>,
    /// Credential of the interaction, while it lives.
    pub token: Option<SecretString>,
    /// When the token dies, less a margin.
    pub token_expires_at: OffsetDateTime,
    /// The revision that the message should show.
    pub desired_rev: i32,
    /// The revision that it shows.
    pub shown_rev: i32,
    /// Which message it is.
    pub route: Route,
    /// The newest message that was given up; the one in its place is newer.
    pub superseded: Option<DiscordId>,
    /// Set while a new message may have been posted without our knowing its id.
    pub post_intent_at: Option<OffsetDateTime>,
    /// Not before.
    pub next_try_at: Option<OffsetDateTime>,
    /// Failed tries of this revision.
    pub failures: u32,
    /// Why no route is left.
    pub undeliverable: Option<String>,
}

/// What the intent to post a new message found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostIntent {
    /// Nothing was posted yet.
    Written,
    /// There was an intent already: the message may exist, and must be looked for before it is posted again.
    Before,
    /// Nothing is to be posted any more: the message is known, or the result was deleted.
    Over,
}

/// What is written once a message shows revision `$4`; `$5` is its id, where that is news.
const SHOWN: &str = "shown_rev = greatest(shown_rev, least($4, desired_rev)), message_id = coalesce($5, message_id),
                     post_intent_at = NULL, failures = 0, next_try_at = '-infinity'";

impl Delivery {
    /// Whether nothing but the interaction's token reaches the message.
    pub fn is_by_token_alone(&self) -> bool {
        self.route == Route::Interaction && (self.is_guest || self.ephemeral)
    }
}

impl Store {
    /// The delivery of a job.
    pub async fn delivery(&self, job: JobId) -> Result<Option<Delivery>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- delivery::delivery\n\
                 SELECT job_id, shard, application_id, guild_id, channel_id, message_id, ephemeral, guest,
                        file_limit_bytes, interaction_token,
                        token_expires_at, desired_rev, shown_rev, route, superseded_id, post_intent_at,
                        nullif(next_try_at, '-infinity') AS next_try_at, failures, undeliverable
                 FROM deliveries WHERE job_id = $1",
                &[/* job */ &job],
            )
            .await?;
        row.as_ref().map(delivery).transpose()
    }

    /// Jobs of a shard whose messages are out of date and may be tried at `now`, each with its channel: of each channel
    /// those that waited longest, at most `per_channel`, so that a busy channel does not hide the others.
    pub async fn due_deliveries(
        &self,
        shard: u32,
        now: OffsetDateTime,
        per_channel: u32,
        limit: u32,
    ) -> Result<Vec<(JobId, DiscordId)>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- delivery::due_deliveries\n\
                 SELECT job_id, channel_id FROM (
                     SELECT job_id, channel_id, next_try_at,
                            row_number() OVER (PARTITION BY channel_id ORDER BY next_try_at, job_id) AS place
                     FROM deliveries
                     WHERE shard = $1 AND next_try_at <= $2 AND shown_rev < desired_rev AND undeliverable IS NULL
                 ) due
                 WHERE place <= $3 ORDER BY place, next_try_at, job_id LIMIT $4",
                &[
                    /* shard */ &i32::try_from(shard).unwrap_or(i32::MAX),
                    /* now */ &now,
                    /* per channel */ &i64::from(per_channel),
                    /* limit */ &i64::from(limit),
                ],
            )
            .await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Notes the message that answers the interaction, if none is known yet. Needs no lease: it is a fact.
    pub async fn learn_message(&self, job: JobId, message: DiscordId) -> Result<(), StoreError> {
        self.connection()
            .await?
            .execute(
                "-- delivery::learn_message\n\
                 UPDATE deliveries SET message_id = $2
                 WHERE job_id = $1 AND route = 'interaction' AND message_id IS NULL",
                &[/* job */ &job, /* message */ &message],
            )
            .await?;
        Ok(())
    }

    /// The message shows revision `rev`.
    pub async fn record_shown(
        &self,
        lease: ShardLease,
        job: JobId,
        rev: i32,
    ) -> Result<(), StoreError> {
        self.guarded(
            "record_shown",
            SHOWN,
            lease,
            job,
            &[
                /* revision */ &rev,
                /* message */ &None::<DiscordId>,
            ],
        )
        .await
    }

    /// A message whose id was not known, made by the route and in the channel of `sent`, shows revision `rev`. Where the result
    /// was deleted while the message was on its way, it is to be deleted as well; where another one took its place
    /// meanwhile, it is kept among those that show the job.
    pub async fn record_new_message(
        &self,
        lease: ShardLease,
        sent: &Delivery,
        rev: i32,
        message: DiscordId,
    ) -> Result<(), StoreError> {
        let new = NewMessage {
            job: sent.job,
            route: sent.route,
            channel: sent.channel,
            message,
            rev,
        };
        self.run("record_new_message", move |tx| {
            Box::pin(async move { new.record(tx, lease).await })
        })
        .await
    }

    /// What the message shows is no longer certain: it is to be shown again by whoever owns it, where it can be edited.
    /// Needs no lease: it is for those who lost theirs.
    pub async fn reassert_delivery(&self, job: JobId) -> Result<(), StoreError> {
        self.connection()
            .await?
            .execute(
                "-- delivery::reassert_delivery\n\
                 UPDATE deliveries SET desired_rev = desired_rev + 1
                 WHERE job_id = $1 AND undeliverable IS NULL
                   AND (message_id IS NOT NULL AND NOT (route = 'interaction' AND (ephemeral OR guest))
                        OR interaction_token IS NOT NULL AND token_expires_at > now())",
                &[/* job */ &job],
            )
            .await?;
        Ok(())
    }

    /// A try failed; the next one is not before `next_try_at`.
    pub async fn record_delivery_failure(
        &self,
        lease: ShardLease,
        job: JobId,
        next_try_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let set = "failures = failures + 1, next_try_at = $4";
        self.guarded(
            "record_delivery_failure",
            set,
            lease,
            job,
            &[/* not before */ &next_try_at],
        )
        .await
    }

    /// The interaction's token is dead: nothing is edited by it any more.
    pub async fn forget_token(&self, lease: ShardLease, job: JobId) -> Result<(), StoreError> {
        self.guarded("forget_token", "interaction_token = NULL", lease, job, &[])
            .await
    }

    /// The message that was kept up to date is lost: from now on it is another one, which is yet to be posted in
    /// `channel`.
    pub async fn change_route(
        &self,
        lease: ShardLease,
        job: JobId,
        route: Route,
        channel: DiscordId,
    ) -> Result<(), StoreError> {
        let set =
            "route = $4, channel_id = $5, superseded_id = greatest(superseded_id, message_id),
                   message_id = NULL, post_intent_at = NULL, interaction_token = NULL, failures = 0,
                   next_try_at = '-infinity'";
        self.guarded(
            "change_route",
            set,
            lease,
            job,
            &[
                /* route */ &route.as_str(),
                /* channel */ &channel,
            ],
        )
        .await
    }

    /// No route is left.
    pub async fn give_up_delivery(
        &self,
        lease: ShardLease,
        job: JobId,
        reason: &str,
    ) -> Result<(), StoreError> {
        let set = "undeliverable = $4, interaction_token = NULL, post_intent_at = NULL";
        self.guarded("give_up_delivery", set, lease, job, &[/* reason */ &reason])
            .await
    }

    /// Writes the intent to post a new message.
    pub async fn begin_post(
        &self,
        lease: ShardLease,
        job: JobId,
        at: OffsetDateTime,
    ) -> Result<PostIntent, StoreError> {
        self.run("begin_post", move |tx| {
            Box::pin(async move { begin_post(tx, lease, job, at).await })
        })
        .await
    }

    async fn guarded(
        &self,
        name: &'static str,
        set: &str,
        lease: ShardLease,
        job: JobId,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<(), StoreError> {
        let change = OwnedChange {
            module: "delivery",
            name,
            table: "deliveries",
            set,
            row: "job_id = $3",
        };
        self.change_owned(change, lease, &job, values).await
    }
}

async fn begin_post(
    tx: &Transaction<'_>,
    lease: ShardLease,
    job: JobId,
    at: OffsetDateTime,
) -> Result<PostIntent, StoreError> {
    hold_shard(tx, lease).await?;
    let row = tx
        .query_opt(
            "-- delivery::begin_post (row)\n\
             SELECT post_intent_at IS NOT NULL FROM deliveries
             WHERE job_id = $1 AND shard = $2 AND message_id IS NULL AND undeliverable IS NULL FOR UPDATE",
            &[
                /* job */ &job,
                /* shard */ &i32::try_from(lease.shard()).unwrap_or(i32::MAX),
            ],
        )
        .await?;
    match row.map(|row| row.get(0)) {
        None => Ok(PostIntent::Over),
        Some(true) => Ok(PostIntent::Before),
        Some(false) => {
            tx.execute(
                "-- delivery::begin_post\n\
                 UPDATE deliveries SET post_intent_at = $2 WHERE job_id = $1",
                &[/* job */ &job, /* at */ &at],
            )
            .await?;
            Ok(PostIntent::Written)
        }
    }
}

fn delivery(row: &Row) -> Result<Delivery, StoreError> {
    let route: &str = row.get("route");
    Ok(Delivery {
        job: row.get("job_id"),
        shard: u32::try_from(row.get::<_, i32>("shard")).unwrap_or(0),
        application: row.get("application_id"),
        guild: row.get("guild_id"),
        channel: row.get("channel_id"),
        message: row.get("message_id"),
        ephemeral: row.get("ephemeral"),
        is_guest: row.get("guest"),
        file_limit: row
            .get::<_, Option<i64>>("file_limit_bytes")
            .and_then(|bytes| u64::try_from(bytes).ok()),
        token: row
            .get::<_, Option<String>>("interaction_token")
            .map(SecretString::from),
        token_expires_at: row.get("token_expires_at"),
        desired_rev: row.get("desired_rev"),
        shown_rev: row.get("shown_rev"),
        route: Route::from_name(route).ok_or_else(|| StoreError::Corrupt {
            what: "delivery route",
            value: route.to_owned(),
        })?,
        superseded: row.get("superseded_id"),
        post_intent_at: row.get("post_intent_at"),
        next_try_at: row.get("next_try_at"),
        failures: u32::try_from(row.get::<_, i32>("failures")).unwrap_or(0),
        undeliverable: row.get("undeliverable"),
    })
}
