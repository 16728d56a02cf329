//! Messages of deleted results, taken away.

use easel_domain::clock::EntropyExt;
use easel_service::chain;
use easel_store::StoreError;
use easel_store::removal::DoomedMessage;
use easel_store::shard::ShardLease;

use super::{Errands, REFUSALS};
use crate::live::decide::backoff;
use crate::rest::code;

impl Errands {
    /// Tries to delete a message.
    pub(super) async fn delete_message(
        &self,
        lease: ShardLease,
        doomed: DoomedMessage,
    ) -> Result<(), StoreError> {
        let DoomedMessage {
            channel,
            message,
            failures,
        } = doomed;
        let deleted = self.rest.delete_message(channel, message).await;
        let (store, now) = (&self.store, self.clock.now());
        let Err(error) = deleted else {
            return store.end_doomed(lease, message, None, now).await;
        };
        if matches!(
            error.code(),
            Some(code::UNKNOWN_MESSAGE | code::UNKNOWN_CHANNEL)
        ) {
            return store.end_doomed(lease, message, None, now).await;
        }
        if !error.is_transient() && failures + 1 >= REFUSALS {
            tracing::warn!(
                "delete a message of a deleted result: {error}; giving up",
                error = chain(&error)
            );
            return store.end_doomed(lease, message, Some("refused"), now).await;
        }
        let pause =
            backoff(failures, self.entropy.random_unit()).max(error.pause().unwrap_or_default());
        store.doomed_failed(lease, message, now + pause).await
    }
}
