//! A new token for a message that nothing but a token reaches.

use easel_domain::{DiscordId, JobId};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use crate::error::StoreError;
use crate::pool::Store;

/// A press under such a message: it brings a new token for the very same one.
#[derive(Debug)]
pub struct Renewal {
    /// Whose message.
    pub job: JobId,
    /// The shard that the press came through.
    pub shard: u32,
    /// Where the message is.
    pub channel: DiscordId,
    /// The new credential.
    pub token: SecretString,
    /// When it dies, less a margin.
    pub token_expires_at: OffsetDateTime,
}

impl Store {
    /// The message is kept up to date by another token from now on, whatever became of the delivery before; `false` where
    /// the job has no such message. Needs no lease: the token is a fact.
    pub async fn renew_token(&self, renewal: &Renewal) -> Result<bool, StoreError> {
        let changed = self
            .connection()
            .await?
            .execute(
                "-- renewal::renew_token\n\
                 UPDATE deliveries
                 SET route = 'interaction', shard = $2, channel_id = $3, interaction_token = $4, token_expires_at = $5,
                     message_id = NULL, post_intent_at = NULL, undeliverable = NULL, failures = 0,
                     next_try_at = '-infinity', desired_rev = desired_rev + 1
                 WHERE job_id = $1 AND (guest OR ephemeral)
                   AND NOT EXISTS (SELECT 1 FROM removals WHERE job_id = $1)",
                &[
                    /* job */ &renewal.job,
                    /* shard */ &i32::try_from(renewal.shard).unwrap_or(i32::MAX),
                    /* channel */ &renewal.channel,
                    /* token */ &renewal.token.expose_secret(),
                    /* its death */ &renewal.token_expires_at,
                ],
            )
            .await?;
        Ok(changed == 1)
    }
}
