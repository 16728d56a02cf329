//! A new token for a message that nothing but a token reaches.

use easel_domain::{DiscordId, JobId};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use crate::error::StoreError;
use crate::pool::Store;
use crate::removal::keep_removals_out;

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
    /// the job has no such message. A message that was kept up to date in its place, such as a direct one, still shows the
    /// job, and goes with it. Needs no lease: the token is a fact.
    pub async fn renew_token(&self, renewal: &Renewal) -> Result<bool, StoreError> {
        let (job, channel) = (renewal.job, renewal.channel);
        let shard = i32::try_from(renewal.shard).unwrap_or(i32::MAX);
        let token = renewal.token.clone();
        let dies = renewal.token_expires_at;
        self.run("renew_token", move |tx| {
            let token = token.clone();
            Box::pin(async move {
                // A removal that comes later finds the old message where it is kept from now on.
                if !keep_removals_out(tx, job).await? {
                    return Ok(false);
                }
                let renewed = tx
                    .execute(
                        RENEW_TOKEN,
                        &[
                            /* job */ &job,
                            /* shard */ &shard,
                            /* channel */ &channel,
                            /* token */ &token.expose_secret(),
                            /* its death */ &dies,
                        ],
                    )
                    .await?;
                Ok(renewed == 1)
            })
        })
        .await
    }
}

// Both parts see the row as it was before. By the route of an interaction nothing but a token reaches the message, and it
// is the very one that was pressed.
const RENEW_TOKEN: &str = "-- renewal::renew_token
    WITH kept AS (
        INSERT INTO job_messages (message_id, channel_id, job_id)
        SELECT message_id, channel_id, job_id FROM deliveries
        WHERE job_id = $1 AND (guest OR ephemeral) AND route <> 'interaction' AND message_id IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM removals WHERE job_id = $1)
        ON CONFLICT (message_id) DO NOTHING
    )
    UPDATE deliveries
    SET route = 'interaction', shard = $2, channel_id = $3, interaction_token = $4, token_expires_at = $5,
        message_id = NULL, post_intent_at = NULL, undeliverable = NULL, failures = 0,
        next_try_at = '-infinity', desired_rev = desired_rev + 1
    WHERE job_id = $1 AND (guest OR ephemeral)
      AND NOT EXISTS (SELECT 1 FROM removals WHERE job_id = $1)";
