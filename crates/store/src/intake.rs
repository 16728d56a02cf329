//! Interactions that were answered and not yet settled. A restarted bot finds here what its predecessor left "thinking".

use std::time::Duration;

use easel_domain::{DiscordId, InteractionId, JobId};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::pool::Store;

/// An interaction that is being answered.
#[derive(Debug, Clone)]
pub struct NewIntake {
    /// The idempotency key.
    pub interaction: InteractionId,
    /// Needed to edit the answer.
    pub application: DiscordId,
    /// Credential of the answer.
    pub token: SecretString,
    /// When the token dies, less a margin.
    pub token_expires_at: OffsetDateTime,
    /// When the bot got it.
    pub received_at: OffsetDateTime,
    /// Command or button.
    pub kind: &'static str,
    /// The gateway shard.
    pub shard: u32,
    /// Whether a "thinking" message must be replaced.
    pub waits: bool,
    /// The member's language as Discord named it.
    pub locale: String,
}

/// How an interaction was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntakeEnd {
    /// A job came of it.
    Accepted(JobId),
    /// A text was given.
    Answered,
    /// Nothing can be said any more: the token is dead.
    Abandoned,
}

/// What a dead process left behind.
#[derive(Debug, Clone)]
pub struct OpenIntake {
    /// The interaction.
    pub interaction: InteractionId,
    /// Needed to edit the answer.
    pub application: DiscordId,
    /// Credential of the answer, unless it is cleared.
    pub token: Option<SecretString>,
    /// When the token dies.
    pub token_expires_at: OffsetDateTime,
    /// Whether a "thinking" message must be replaced.
    pub waits: bool,
    /// The member's language as Discord named it.
    pub locale: String,
}

/// Settles an interaction within a transaction; nothing happens if it is settled already or was never written.
pub async fn settle_intake(
    tx: &Transaction<'_>,
    interaction: InteractionId,
    end: IntakeEnd,
) -> Result<(), StoreError> {
    let (state, job) = columns(end);
    tx.execute(
        SETTLE,
        &[
            /* interaction */ &interaction,
            /* state */ &state,
            /* job */ &job,
        ],
    )
    .await?;
    Ok(())
}

const SETTLE: &str = "-- intake::settle_intake\n\
    UPDATE intake SET state = $2, job_id = $3, token = NULL WHERE interaction_id = $1 AND state = 'open'";

fn columns(end: IntakeEnd) -> (&'static str, Option<JobId>) {
    match end {
        IntakeEnd::Accepted(job) => ("accepted", Some(job)),
        IntakeEnd::Answered => ("answered", None),
        IntakeEnd::Abandoned => ("abandoned", None),
    }
}

impl Store {
    /// Notes that an interaction is being answered. `false` if it was noted before: a repeated dispatch.
    pub async fn open_intake(&self, new: &NewIntake) -> Result<bool, StoreError> {
        let shard = i32::try_from(new.shard).unwrap_or(i32::MAX);
        let inserted = self
            .connection()
            .await?
            .execute(
                "-- intake::open_intake\n\
                 INSERT INTO intake (interaction_id, application_id, token, token_expires_at, received_at, kind, shard, waits,
                                     locale)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
                &[
                    /* interaction */ &new.interaction,
                    /* application */ &new.application,
                    /* token */ &new.token.expose_secret(),
                    /* token expires */ &new.token_expires_at,
                    /* received */ &new.received_at,
                    /* kind */ &new.kind,
                    /* shard */ &shard,
                    /* waits */ &new.waits,
                    /* locale */ &new.locale,
                ],
            )
            .await?;
        Ok(inserted == 1)
    }

    /// Settles an interaction; nothing happens if it is settled already.
    pub async fn close_intake(
        &self,
        interaction: InteractionId,
        end: IntakeEnd,
    ) -> Result<(), StoreError> {
        let (state, job) = columns(end);
        self.connection()
            .await?
            .execute(
                SETTLE,
                &[
                    /* interaction */ &interaction,
                    /* state */ &state,
                    /* job */ &job,
                ],
            )
            .await?;
        Ok(())
    }

    /// Decides that nothing may come of an interaction any more, so that the member can be told so. `false` when it is
    /// settled, or a job of it was just committed. Doing it twice changes nothing.
    pub async fn give_up_intake(
        &self,
        interaction: InteractionId,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let given_up = self
            .connection()
            .await?
            .execute(
                "-- intake::give_up_intake\n\
                 UPDATE intake SET given_up_at = coalesce(given_up_at, $2) WHERE interaction_id = $1 AND state = 'open'",
                &[/* interaction */ &interaction, /* now */ &now],
            )
            .await?;
        Ok(given_up == 1)
    }

    /// Interactions of a shard that were received longer than `age` before `now` and are still open, oldest first.
    pub async fn open_intakes(
        &self,
        shard: u32,
        now: OffsetDateTime,
        age: Duration,
        limit: u32,
    ) -> Result<Vec<OpenIntake>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- intake::open_intakes\n\
                 SELECT interaction_id, application_id, token, token_expires_at, waits, locale FROM intake
                 WHERE state = 'open' AND shard = $1 AND received_at < $2 ORDER BY received_at LIMIT $3",
                &[
                    /* shard */ &i32::try_from(shard).unwrap_or(i32::MAX),
                    /* received before */ &(now - age),
                    /* limit */ &i64::from(limit),
                ],
            )
            .await?;
        Ok(rows
            .iter()
            .map(|row| OpenIntake {
                interaction: row.get(0),
                application: row.get(1),
                token: row.get::<_, Option<String>>(2).map(SecretString::from),
                token_expires_at: row.get(3),
                waits: row.get(4),
                locale: row.get(5),
            })
            .collect())
    }

    /// Deletes settled interactions received before `before`, at most `limit`, and returns how many.
    pub async fn prune_intakes(
        &self,
        before: OffsetDateTime,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let deleted = self
            .connection()
            .await?
            .execute(
                "-- intake::prune_intakes\n\
                 DELETE FROM intake WHERE interaction_id IN (
                     SELECT interaction_id FROM intake WHERE state <> 'open' AND received_at < $1 LIMIT $2)",
                &[/* before */ &before, /* limit */ &i64::from(limit)],
            )
            .await?;
        Ok(deleted)
    }
}
