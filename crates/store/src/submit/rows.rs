//! The rows of an accepted submission.

use easel_domain::tier::ServiceClass;
use easel_domain::{BatchId, UserId};
use secrecy::ExposeSecret;
use tokio_postgres::types::Json;

use super::{Submission, dedupe_key, parent_columns};
use crate::account::LockedAccount;
use crate::cached::Transaction;
use crate::error::StoreError;

/// The place of a job in its batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) batch: BatchId,
    /// Counted from 0.
    pub(super) ordinal: i16,
}

pub(super) async fn insert_job(
    tx: &Transaction<'_>,
    new: &Submission,
    account: &LockedAccount,
    class: ServiceClass,
    batch: Option<Member>,
) -> Result<(), StoreError> {
    let (parent, index) = parent_columns(new);
    let model = new.spec.model();
    tx.execute(
        "-- submit::insert_job\n\
         INSERT INTO jobs (id, interaction_id, user_id, guild_id, action, parent_job_id, parent_index, dedupe_key, region,
                           pool, service_class, tier, model_id, model_hash, spec, storage_class, quote, submitted_at,
                           ordinal, batch_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
        &[
            /* id */ &new.job,
            /* interaction */ &new.interaction,
            /* user */ &account.user,
            /* guild */ &new.place.guild,
            /* action */ &new.action.as_str(),
            /* parent */ &parent,
            /* parent index */ &index,
            /* dedupe key */ &dedupe_key(new, account.user),
            /* region */ &new.region,
            /* pool */ &new.pool,
            /* class */ &class.as_str(),
            /* tier */ &account.tier.name,
            /* model */ &model.id,
            /* weights */ &model.hash,
            /* spec */ &Json(&new.spec),
            /* storage */ &new.storage_class.as_str(),
            /* quote */ &new.quote.0,
            /* submitted */ &new.submitted_at,
            /* ordinal */ &batch.map_or(0, |member| member.ordinal),
            /* batch */ &batch.map(|member| member.batch.0),
        ],
    )
    .await?;
    tx.execute(
        "-- submit::insert_job (event)\n\
         INSERT INTO job_events (job_id, state, attempt) VALUES ($1, 'queued', 1)",
        &[/* job */ &new.job],
    )
    .await?;
    Ok(())
}

pub(super) async fn insert_words(
    tx: &Transaction<'_>,
    new: &Submission,
    user: UserId,
) -> Result<(), StoreError> {
    tokio::try_join!(insert_prompt(tx, new), insert_decision(tx, new, user))?;
    Ok(())
}

async fn insert_prompt(tx: &Transaction<'_>, new: &Submission) -> Result<(), StoreError> {
    tx.execute(
        "-- submit::insert_prompt\n\
         INSERT INTO prompts (job_id, shown, positive, negative, digest) VALUES ($1, $2, $3, $4, $5)",
        &[
            /* job */ &new.job,
            /* shown */ &new.shown,
            /* positive */ &new.text.positive,
            /* negative */ &new.text.negative,
            /* digest */ &new.digest,
        ],
    )
    .await?;
    Ok(())
}

async fn insert_decision(
    tx: &Transaction<'_>,
    new: &Submission,
    user: UserId,
) -> Result<(), StoreError> {
    tx.execute(
        "-- submit::insert_decision\n\
         INSERT INTO moderation_decisions (interaction_id, job_id, user_id, subject, decision)
         VALUES ($1, $2, $3, 'prompt', $4)",
        &[
            /* interaction */ &new.interaction,
            /* job */ &new.job,
            /* user */ &user,
            /* decision */ &new.moderation,
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn reserve(
    tx: &Transaction<'_>,
    new: &Submission,
    user: UserId,
) -> Result<(), StoreError> {
    tx.execute(
        "-- submit::reserve\n\
         INSERT INTO ledger (user_id, job_id, kind, settles, amount) VALUES ($1, $2, 'reserve', false, $3)",
        &[/* user */ &user, /* job */ &new.job, /* amount */ &-new.quote.0],
    )
    .await?;
    tx.execute(
        "-- submit::reserve (balance)\n\
         UPDATE accounts SET balance = balance - $2 WHERE user_id = $1",
        &[/* user */ &user, /* quote */ &new.quote.0],
    )
    .await?;
    Ok(())
}

pub(super) async fn insert_delivery(
    tx: &Transaction<'_>,
    new: &Submission,
) -> Result<(), StoreError> {
    tx.execute(
        "-- submit::insert_delivery\n\
         INSERT INTO deliveries (job_id, shard, application_id, guild_id, channel_id, message_id, ephemeral,
                                 interaction_token, token_expires_at, locale)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            /* job */ &new.job,
            /* shard */ &i32::try_from(new.shard).unwrap_or(i32::MAX),
            /* application */ &new.application,
            /* guild */ &new.place.guild,
            /* channel */ &new.place.channel,
            /* message */ &new.place.message,
            /* ephemeral */ &new.ephemeral,
            /* token */ &new.token.expose_secret(),
            /* token expires */ &new.token_expires_at,
            /* locale */ &new.locale,
        ],
    )
    .await?;
    Ok(())
}

/// The message of one of several jobs: it is posted in the channel, because the answer is theirs in common.
pub(super) async fn insert_posted_delivery(
    tx: &Transaction<'_>,
    new: &Submission,
) -> Result<(), StoreError> {
    tx.execute(
        "-- submit::insert_posted_delivery\n\
         INSERT INTO deliveries (job_id, shard, application_id, guild_id, channel_id, token_expires_at, route, locale)
         VALUES ($1, $2, $3, $4, $5, $6, 'channel', $7)",
        &[
            /* job */ &new.job,
            /* shard */ &i32::try_from(new.shard).unwrap_or(i32::MAX),
            /* application */ &new.application,
            /* guild */ &new.place.guild,
            /* channel */ &new.place.channel,
            /* token expires */ &new.token_expires_at,
            /* locale */ &new.locale,
        ],
    )
    .await?;
    Ok(())
}
