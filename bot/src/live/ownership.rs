//! Which shards' messages this process renders: leases that it renews, and loses when it is too slow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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
}

type Leases = Arc<BTreeMap<u32, ShardLease>>;

/// Claims and renews; owned by its task.
#[derive(Debug)]
pub struct Claimer {
    store: Store,
    shards: Vec<u32>,
    holder: Uuid,
    term: Duration,
    leases: watch::Sender<Leases>,
}

impl Ownership {
    /// A claimer for `shards`, and the view of what it holds.
    pub fn new(store: Store, shards: Vec<u32>, holder: Uuid, term: Duration) -> (Claimer, Self) {
        let (sender, receiver) = watch::channel(Leases::default());
        (
            Claimer {
                store,
                shards,
                holder,
                term,
                leases: sender,
            },
            Self { leases: receiver },
        )
    }

    /// The lease of a shard, if this process holds it.
    pub fn of(&self, shard: u32) -> Option<ShardLease> {
        self.leases.borrow().get(&shard).copied()
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
    pub async fn run(
        self,
        shutdown: Shutdown,
        released: impl Future<Output = ()>,
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
            match held.get(shard) {
                Some(lease) => match self.store.renew_shard(*lease, self.term).await {
                    Ok(()) => {}
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
