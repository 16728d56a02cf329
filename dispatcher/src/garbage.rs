//! Deletes the objects that no result refers to: of results that were deleted, of tries that came to nothing, and pictures of
//! members that nobody has begun from for long.

use std::time::Duration;

use easel_blobs::ObjectKey;
use easel_service::chain;
use easel_store::StoreError;
use futures::{StreamExt, stream};
use tokio::time::Instant;

use crate::lanes::Office;
use crate::metric;
use crate::term::TermEnd;

const LOOK_EVERY: Duration = Duration::from_secs(15);
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(500);
/// Grants, and pictures of members, looked at in one go.
const GRANTS: u32 = 2_000;
/// Objects deleted in one go.
const BATCH: u32 = 200;
/// Deletes under way at once.
const AT_ONCE: usize = 8;

/// Collects until the term ends.
pub(crate) async fn run(office: Office) -> TermEnd {
    let every = office.settings.garbage_after;
    let every = every.clamp(LOOK_AT_MOST_EVERY, LOOK_EVERY);
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match collect_all(&office).await {
            Ok(()) => {}
            Err(StoreError::LeadershipLost) => return TermEnd::Lost,
            Err(error) => tracing::warn!("collect garbage: {error}", error = chain(&error)),
        }
    }
}

async fn collect_all(office: &Office) -> Result<(), StoreError> {
    while collect(office).await? {}
    let state = office.store.garbage_state().await?;
    for (name, objects) in [("waiting", state.waiting), ("marked", state.marked)] {
        metrics::gauge!(metric::GARBAGE_OBJECTS, "state" => name).set(objects as f64);
    }
    metrics::gauge!(metric::GARBAGE_OLDEST_SECONDS).set(state.oldest.as_secs_f64());
    Ok(())
}

/// One batch. Returns whether it was full and some of it went, so that more may be due.
async fn collect(office: &Office) -> Result<bool, StoreError> {
    let (store, age) = (&office.store, office.settings.garbage_after);
    store.settle_grants(age, GRANTS).await?;
    store
        .settle_inputs(office.settings.inputs_after, GRANTS)
        .await?;
    // Another leader takes what is still marked after `age`, and what it has deleted may be stored again then.
    let until = Instant::now() + age / 2;
    let keys = store
        .collect_garbage(&office.leadership, age, BATCH)
        .await?;
    let full = keys.len() == BATCH as usize;
    // What cannot be deleted now stays marked, and is tried again later.
    let gone: Vec<String> = stream::iter(keys)
        .map(|key| async move { delete(office, &key, until).await.then_some(key) })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    if gone.is_empty() {
        return Ok(false);
    }
    metrics::counter!(metric::OBJECTS_COLLECTED).increment(gone.len() as u64);
    store.garbage_gone(&gone).await?;
    Ok(full)
}

async fn delete(office: &Office, key: &str, until: Instant) -> bool {
    if Instant::now() >= until {
        return false;
    }
    let parsed: ObjectKey = match key.parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            // No object can have it.
            tracing::error!("a row of garbage names no object: {error}");
            return true;
        }
    };
    match office.blobs.delete(&parsed).await {
        Ok(()) => true,
        Err(error) => {
            metrics::counter!(metric::OBJECTS_REFUSED).increment(1);
            tracing::warn!("an object is deleted later: {error}", error = chain(&error));
            false
        }
    }
}
