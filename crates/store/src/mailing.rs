//! Pictures that a member wants in his direct messages: one row for each job and member.
//!
//! ```text
//! open ─> sent | refused | void        asked for once more, later ─> open
//! ```
//!
//! Anybody may ask; only the process that owns the shard sends, and proves it with its [`ShardLease`].

use std::time::Duration;

use easel_domain::job::JobState;
use easel_domain::picture::StorageClass;
use easel_domain::{DiscordId, JobId, UserId};
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::favourite::note_job_message;
use crate::pool::Store;
use crate::removal::{doom_if_removed, keep_removals_out};
use crate::row::corrupt;
use crate::shard::{OwnedChange, ShardLease};
use crate::user::resolve_user;

/// Somebody wants pictures sent to him.
#[derive(Debug, Clone)]
pub struct NewMailing {
    /// Its key.
    pub id: Uuid,
    /// The job.
    pub job: JobId,
    /// Who.
    pub member: DiscordId,
    /// Key of the member, if he is new.
    pub fresh_user: UserId,
    /// The gateway shard that it came through.
    pub shard: u32,
    /// His language, where Discord has told it.
    pub locale: Option<String>,
    /// Channel and message that he reacted to.
    pub reacted_to: Option<(DiscordId, DiscordId)>,
    /// When.
    pub at: OffsetDateTime,
    /// What was sent within this time is not sent again.
    pub same_within: Duration,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailAsked {
    /// They will be sent, under this key.
    Open(Uuid),
    /// They were sent a moment ago.
    SentBefore,
    /// It is somebody else's, who keeps it to himself.
    Private,
    /// There is no such job, or it ended without pictures.
    Nothing,
}

/// How sending ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailEnd {
    /// In this message.
    Sent(DiscordId),
    /// The member cannot be written to.
    Refused(&'static str),
    /// There is nothing to send.
    Void(&'static str),
}

/// A row that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailing {
    /// Its key.
    pub id: Uuid,
    /// The job.
    pub job: JobId,
    /// Who gets it, unless he is erased.
    pub member: Option<DiscordId>,
    /// The gateway shard whose process sends it.
    pub shard: u32,
    /// His language.
    pub locale: String,
    /// Channel and message that he reacted to.
    pub reacted_to: Option<(DiscordId, DiscordId)>,
    /// His direct messages, once known.
    pub channel: Option<DiscordId>,
    /// Whether the message may have been posted without our knowing its id.
    pub may_be_posted: bool,
    /// Failed tries.
    pub failures: u32,
}

impl Store {
    /// Asks for pictures to be sent. Asking twice changes nothing.
    pub async fn ask_mailing(&self, new: NewMailing) -> Result<MailAsked, StoreError> {
        self.run("ask_mailing", move |tx| {
            let new = new.clone();
            Box::pin(async move { ask_mailing(tx, &new).await })
        })
        .await
    }

    /// Open rows of a shard whose jobs have ended and that may be tried at `now`, each with whom it is for: of each member
    /// those that waited longest, at most `per_member`, so that one who wants many does not hide the others.
    pub async fn due_mailings(
        &self,
        shard: u32,
        now: OffsetDateTime,
        per_member: u32,
        limit: u32,
    ) -> Result<Vec<(Uuid, UserId)>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- mailing::due_mailings\n\
                 SELECT id, user_id FROM (
                     SELECT m.id, m.user_id, m.next_try_at,
                            row_number() OVER (PARTITION BY m.user_id ORDER BY m.next_try_at, m.id) AS place
                     FROM mailings m JOIN jobs j ON j.id = m.job_id
                     WHERE m.shard = $1 AND m.state = 'open' AND m.next_try_at <= $2 AND j.ended_at IS NOT NULL
                 ) due
                 WHERE place <= $3 ORDER BY place, next_try_at, id LIMIT $4",
                &[
                    /* shard */ &i32::try_from(shard).unwrap_or(i32::MAX),
                    /* now */ &now,
                    /* per member */ &i64::from(per_member),
                    /* limit */ &i64::from(limit),
                ],
            )
            .await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// A row that is still open.
    pub async fn open_mailing(&self, id: Uuid) -> Result<Option<Mailing>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- mailing::open_mailing\n\
                 SELECT m.job_id, u.discord_id, m.shard, m.locale, m.asked_channel, m.asked_message, m.channel_id,
                        m.post_intent_at IS NOT NULL AS may_be_posted, m.failures
                 FROM mailings m LEFT JOIN discord_users u ON u.user_id = m.user_id
                 WHERE m.id = $1 AND m.state = 'open'",
                &[/* id */ &id],
            )
            .await?;
        let number = |value: i32| u32::try_from(value).unwrap_or(0);
        Ok(row.map(|row| Mailing {
            id,
            job: row.get("job_id"),
            member: row.get("discord_id"),
            shard: number(row.get("shard")),
            locale: row.get("locale"),
            reacted_to: row
                .get::<_, Option<DiscordId>>("asked_channel")
                .zip(row.get("asked_message")),
            channel: row.get("channel_id"),
            may_be_posted: row.get("may_be_posted"),
            failures: number(row.get("failures")),
        }))
    }

    /// The job whose pictures a message brought.
    pub async fn mailed_job(&self, id: Uuid) -> Result<Option<JobId>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- mailing::mailed_job\nSELECT job_id FROM mailings WHERE id = $1",
                &[/* id */ &id],
            )
            .await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Writes the intent to post in `channel`.
    pub async fn begin_mailing(
        &self,
        lease: ShardLease,
        id: Uuid,
        channel: DiscordId,
        at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let set = "channel_id = $4, post_intent_at = $5";
        let values: [&(dyn ToSql + Sync); 2] = [/* channel */ &channel, /* at */ &at];
        self.change_mailing("begin_mailing", set, lease, id, &values)
            .await
    }

    /// A try failed; the next one is not before `next_try_at`.
    pub async fn mailing_failed(
        &self,
        lease: ShardLease,
        id: Uuid,
        next_try_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let set = "failures = failures + 1, next_try_at = $4";
        self.change_mailing(
            "mailing_failed",
            set,
            lease,
            id,
            &[/* not before */ &next_try_at],
        )
        .await
    }

    /// Ends a row. A message that was sent shows the job from now on.
    pub async fn end_mailing(
        &self,
        lease: ShardLease,
        id: Uuid,
        end: MailEnd,
        at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let (state, message, reason) = match end {
            MailEnd::Sent(message) => ("sent", Some(message), None),
            MailEnd::Refused(reason) => ("refused", None, Some(reason)),
            MailEnd::Void(reason) => ("void", None, Some(reason)),
        };
        let set = "state = $4, message_id = $5, reason = $6, ended_at = $7, post_intent_at = NULL";
        let values: [&(dyn ToSql + Sync); 4] = [
            /* state */ &state, /* message */ &message, /* reason */ &reason,
            /* at */ &at,
        ];
        if let Some(message) = message {
            self.run("learn_mail", move |tx| {
                Box::pin(async move { learn_mail(tx, lease, id, message).await })
            })
            .await?;
        }
        self.change_mailing("end_mailing", set, lease, id, &values)
            .await
    }

    async fn change_mailing(
        &self,
        name: &'static str,
        set: &str,
        lease: ShardLease,
        id: Uuid,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<(), StoreError> {
        let change = OwnedChange {
            module: "mailing",
            name,
            table: "mailings",
            set,
            row: "id = $3 AND state = 'open'",
        };
        self.change_owned(change, lease, &id, values).await
    }
}

async fn ask_mailing(tx: &Transaction<'_>, new: &NewMailing) -> Result<MailAsked, StoreError> {
    let row = tx
        .query_opt(
            "-- mailing::ask_mailing (job)\n\
             SELECT j.state, j.storage_class, u.discord_id, r.job_id IS NOT NULL AS removed
             FROM jobs j LEFT JOIN discord_users u ON u.user_id = j.user_id
             LEFT JOIN removals r ON r.job_id = j.id WHERE j.id = $1",
            &[/* job */ &new.job],
        )
        .await?;
    let Some(row) = row else {
        return Ok(MailAsked::Nothing);
    };
    let (state, class): (&str, &str) = (row.get(0), row.get(1));
    let state = JobState::from_name(state).ok_or_else(|| corrupt("job state", state))?;
    let class = StorageClass::from_name(class).ok_or_else(|| corrupt("storage class", class))?;
    if row.get(3) || state.is_end() && state != JobState::Completed {
        return Ok(MailAsked::Nothing);
    }
    let is_own = row.get::<_, Option<DiscordId>>(2) == Some(new.member);
    if class != StorageClass::Public && !is_own {
        return Ok(MailAsked::Private);
    }
    let user = resolve_user(tx, new.member, new.fresh_user).await?;
    let (channel, message) = new.reacted_to.unzip();
    // Who reacts does not say in which language: that of his last job tells.
    let row = tx
        .query_opt(
            "-- mailing::ask_mailing\n\
             INSERT INTO mailings AS m (id, job_id, user_id, shard, locale, asked_channel, asked_message, asked_at)
             SELECT $1, $2, $3, $4, coalesce($5, (
                        SELECT d.locale FROM jobs j JOIN deliveries d ON d.job_id = j.id
                        WHERE j.user_id = $3 ORDER BY j.id DESC LIMIT 1),
                        (SELECT d.locale FROM deliveries d WHERE d.job_id = $2), 'en'), $6, $7, $8
             ON CONFLICT (job_id, user_id) DO UPDATE SET
                 id = CASE WHEN m.state = 'open' THEN m.id ELSE excluded.id END,
                 shard = CASE WHEN m.state = 'open' THEN m.shard ELSE excluded.shard END,
                 asked_channel = excluded.asked_channel, asked_message = excluded.asked_message,
                 asked_at = excluded.asked_at, state = 'open', ended_at = NULL, reason = NULL,
                 message_id = CASE WHEN m.state = 'open' THEN m.message_id END,
                 post_intent_at = CASE WHEN m.state = 'open' THEN m.post_intent_at END,
                 failures = CASE WHEN m.state = 'open' THEN m.failures ELSE 0 END,
                 next_try_at = CASE WHEN m.state = 'open' THEN m.next_try_at ELSE '-infinity' END
             WHERE m.state <> 'sent' OR m.ended_at <= $9
             RETURNING id",
            &[
                /* id */ &new.id,
                /* job */ &new.job,
                /* user */ &user,
                /* shard */ &i32::try_from(new.shard).unwrap_or(i32::MAX),
                /* locale */ &new.locale,
                /* channel */ &channel,
                /* message */ &message,
                /* at */ &new.at,
                /* sent before */ &(new.at - new.same_within),
            ],
        )
        .await?;
    Ok(row.map_or(MailAsked::SentBefore, |row| MailAsked::Open(row.get(0))))
}

/// Notes that a message shows a job, whatever has become of its row meanwhile: a result that was deleted while it was on
/// its way takes it along.
async fn learn_mail(
    tx: &Transaction<'_>,
    lease: ShardLease,
    id: Uuid,
    message: DiscordId,
) -> Result<(), StoreError> {
    let row = tx
        .query_opt(
            "-- mailing::learn_mail\n\
             SELECT job_id, channel_id FROM mailings WHERE id = $1 AND channel_id IS NOT NULL",
            &[/* id */ &id],
        )
        .await?;
    let Some(row) = row else { return Ok(()) };
    let (job, channel) = (row.get(0), row.get(1));
    keep_removals_out(tx, job).await?;
    note_job_message(tx, channel, message, job).await?;
    doom_if_removed(tx, job, channel, message, lease.shard()).await?;
    Ok(())
}
