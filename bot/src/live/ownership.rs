//! Which shards' messages this process renders: leases that it renews, and loses when it is too slow.
//!
//! A process that was stopped and goes on does not know that its leases ran out meanwhile. So each is held only as long as
//! its term was counted here, from before it was asked for, by the clock that runs on while the process does not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use easel_service::{Shutdown, chain};
use easel_store::Store;
use easel_store::shard::ShardLease;
use tokio::sync::watch;
use uuid::Uuid;

use crate::metric;

/// The leases that this process holds now. Clones share the view.
#[derive(Debug, Clone)]
pub struct Ownership {
    leases: watch::Receiver<Leases>,
    terms: Terms,
}

type Leases = Arc<BTreeMap<u32, ShardLease>>;

/// Until when each lease holds.
#[derive(Debug, Clone, Default)]
struct Terms(Arc<Mutex<BTreeMap<u32, Instant>>>);

impl Terms {
    fn extend(&self, shard: u32, until: Instant) {
        let mut terms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        terms.insert(shard, until);
    }

    fn runs(&self, shard: u32, now: Instant) -> bool {
        let terms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        terms.get(&shard).is_some_and(|until| now < *until)
    }
}

/// Claims and renews; owned by its task.
#[derive(Debug)]
pub struct Claimer {
    store: Store,
    shards: Vec<u32>,
    holder: Uuid,
    term: Duration,
    leases: watch::Sender<Leases>,
    terms: Terms,
}

impl Ownership {
    /// A claimer for `shards`, and the view of what it holds.
    pub fn new(store: Store, shards: Vec<u32>, holder: Uuid, term: Duration) -> (Claimer, Self) {
        let (sender, receiver) = watch::channel(Leases::default());
        let terms = Terms::default();
        (
            Claimer {
                store,
                shards,
                holder,
                term,
                leases: sender,
                terms: terms.clone(),
            },
            Self {
                leases: receiver,
                terms,
            },
        )
    }

    /// The lease of a shard, if this process holds it and its term has not run out.
    pub fn of(&self, shard: u32) -> Option<ShardLease> {
        let lease = self.leases.borrow().get(&shard).copied()?;
        self.terms.runs(shard, Instant::now()).then_some(lease)
    }

    /// All leases.
    pub fn all(&self) -> Vec<ShardLease> {
        self.leases.borrow().values().copied().collect()
    }

    /// Waits until the leases change. `false` when they never will again.
    pub async fn changed(&mut self) -> bool {
        self.leases.changed().await.is_ok()
    }
}

impl Claimer {
    /// Claims what is free and renews what is held, until draining; then lets go.
    pub async fn run<T>(
        self,
        shutdown: Shutdown,
        released: impl Future<Output = T>,
    ) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(self.term / 3);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.soft().cancelled() => break,
                _ = ticks.tick() => {}
            }
            self.look().await;
        }
        // Edits in flight are finished under the lease.
        released.await;
        let held: Vec<ShardLease> = self.leases.borrow().values().copied().collect();
        for lease in held {
            if let Err(error) = self.store.release_shard(lease).await {
                tracing::warn!(
                    shard = lease.shard(),
                    "release shard: {error}",
                    error = chain(&error)
                );
            }
        }
        Ok(())
    }

    async fn look(&self) {
        let mut held = BTreeMap::clone(&self.leases.borrow());
        let before = held.clone();
        for shard in &self.shards {
            // The database counts from when it is asked, which is later.
            let until = Instant::now() + self.term;
            match held.get(shard) {
                Some(lease) => match self.store.renew_shard(*lease, self.term).await {
                    Ok(()) => self.terms.extend(*shard, until),
                    Err(error) if error.is_lost_race() => {
                        tracing::warn!(
                            shard,
                            "another process renders the messages of shard {shard} now"
                        );
                        held.remove(shard);
                    }
                    // Writes are guarded by the epoch: an unanswered renewal loses nothing.
                    Err(error) => {
                        tracing::warn!(
                            shard,
                            "renew shard {shard}: {error}",
                            error = chain(&error)
                        );
                    }
                },
                None => match self.store.claim_shard(*shard, self.holder, self.term).await {
                    Ok(Some(lease)) => {
                        tracing::info!(
                            shard,
                            epoch = lease.epoch(),
                            "rendering the messages of shard {shard}"
                        );
                        self.terms.extend(*shard, until);
                        held.insert(*shard, lease);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(
                            shard,
                            "claim shard {shard}: {error}",
                            error = chain(&error)
                        );
                    }
                },
            }
        }
        metrics::gauge!(metric::SHARDS_OWNED).set(held.len() as f64);
        if held != before {
            self.leases.send_replace(Arc::new(held));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_that_was_not_renewed_in_time_is_over() {
        let (terms, now) = (Terms::default(), Instant::now());
        assert!(!terms.runs(3, now), "nothing was claimed");
        terms.extend(3, now + Duration::from_secs(10));
        assert!(terms.runs(3, now + Duration::from_secs(9)));
        // As a process that was stopped finds it.
        assert!(!terms.runs(3, now + Duration::from_secs(10)));
        assert!(!terms.runs(4, now));
    }
}
