//! A message that was just made, and the row that it was made for.

use easel_domain::{DiscordId, JobId};

use super::{Route, SHOWN};
use crate::cached::Transaction;
use crate::error::{StoreError, expect_one_row};
use crate::removal::{doom_if_removed, keep_removals_out};
use crate::shard::{ShardLease, hold_shard};

/// What was made, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewMessage {
    pub(super) job: JobId,
    pub(super) route: Route,
    pub(super) channel: DiscordId,
    pub(super) message: DiscordId,
    /// What it shows.
    pub(super) rev: i32,
}

impl NewMessage {
    pub(super) async fn record(
        self,
        tx: &Transaction<'_>,
        lease: ShardLease,
    ) -> Result<(), StoreError> {
        hold_shard(tx, lease).await?;
        keep_removals_out(tx, self.job).await?;
        if !self.becomes_the_rows(tx, lease).await? {
            self.stands_beside(tx).await?;
        }
        doom_if_removed(tx, self.job, self.channel, self.message, lease.shard()).await?;
        Ok(())
    }

    async fn becomes_the_rows(
        self,
        tx: &Transaction<'_>,
        lease: ShardLease,
    ) -> Result<bool, StoreError> {
        let statement = format!(
            "-- delivery::record_new_message\n\
             UPDATE deliveries SET {SHOWN}
             WHERE shard = $1 AND $2::bigint IS NOT NULL AND job_id = $3 AND route = $6 AND channel_id = $7"
        );
        let recorded = tx
            .execute(
                &statement,
                &[
                    /* shard */ &i32::try_from(lease.shard()).unwrap_or(i32::MAX),
                    /* epoch, held already */ &lease.epoch(),
                    /* job */ &self.job,
                    /* revision */ &self.rev,
                    /* message */ &Some(self.message),
                    /* route */ &self.route.as_str(),
                    /* channel */ &self.channel,
                ],
            )
            .await?;
        Ok(recorded == 1)
    }

    /// Meanwhile a press has brought a new token for the message in whose place this one was made. It shows the job as well,
    /// and goes with it. What was made by a token needs not be known: it is the very message of the press.
    async fn stands_beside(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        let others = tx
            .execute(
                "-- delivery::stands_beside\n\
                 WITH kept AS (
                     INSERT INTO job_messages (message_id, channel_id, job_id)
                     SELECT $2, $3, job_id FROM deliveries WHERE job_id = $1 AND $4 <> 'interaction'
                     ON CONFLICT (message_id) DO NOTHING
                 )
                 UPDATE deliveries SET post_intent_at = NULL WHERE job_id = $1",
                &[
                    /* job */ &self.job,
                    /* message */ &self.message,
                    /* channel */ &self.channel,
                    /* route */ &self.route.as_str(),
                ],
            )
            .await?;
        expect_one_row("record_new_message", others)
    }
}
