//! Which shards' messages this process renders: leases that it renews, and loses when it is too slow.
//!
//! A new process for the same shards may ask for them, once its sessions are there. Who is asked for all that he owns
//! drains, which ends what he holds in good order, and the process with it; who keeps others lets go at once, and what he
//! was just sending is shown again by the new owner. Only a process that was started later is a successor, and what was
//! handed over is not asked for again: so two that both ask do not ask each other for ever.
//!
//! A process that was stopped and goes on does not know that its leases ran out meanwhile. So each is held only as long as
//! its term was counted here, from before it was asked for, by the clock that runs on while the process does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use easel_service::{Shutdown, chain};
use easel_store::shard::{BotProcess, ShardLease};
use easel_store::{Store, StoreError};
use tokio::sync::watch;

use crate::metric;
use crate::rest::Rest;

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

/// How shards are owned.
#[derive(Debug)]
pub struct OwnershipSettings {
    /// The shards of this process.
    pub shards: Vec<u32>,
    /// This process.
    pub holder: BotProcess,
    /// How long a lease holds without a sign of life.
    pub term: Duration,
    /// Whether their present owner is asked for them.
    pub take_over: bool,
    /// Whether all sessions are there.
    pub connected: watch::Receiver<bool>,
    /// Told how many processes share Discord's limits.
    pub rest: Rest,
}

/// Claims and renews; owned by its task.
#[derive(Debug)]
pub struct Claimer {
    store: Store,
    settings: OwnershipSettings,
    leases: watch::Sender<Leases>,
    terms: Terms,
    /// What a successor has asked for and got: taken again where it is free, and not asked for.
    handed_over: BTreeSet<u32>,
}

impl Ownership {
    /// A claimer, and the view of what it holds.
    pub fn new(store: Store, settings: OwnershipSettings) -> (Claimer, Self) {
        let (sender, receiver) = watch::channel(Leases::default());
        let terms = Terms::default();
        (
            Claimer {
                store,
                settings,
                leases: sender,
                terms: terms.clone(),
                handed_over: BTreeSet::new(),
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

/// How often a shard that is being handed over is looked at.
const ASKING: Duration = Duration::from_millis(200);

impl Claimer {
    /// Claims what is free and renews what is held, until draining; then lets go.
    ///
    /// # Errors
    ///
    /// Never: what fails is tried again.
    pub async fn run<T>(
        mut self,
        shutdown: Shutdown,
        released: impl Future<Output = T>,
    ) -> anyhow::Result<()> {
        let mut connected = self.settings.connected.clone();
        loop {
            let is_promised = self.look(&shutdown).await;
            let term = self.settings.term / 3;
            let pause = if is_promised { term.min(ASKING) } else { term };
            tokio::select! {
                () = shutdown.soft().cancelled() => break,
                () = tokio::time::sleep(pause) => {}
                // With the last session the wait for the next look is over.
                Ok(()) = connected.changed() => {}
            }
        }
        // Edits in flight are finished under the lease.
        released.await;
        let held: Vec<ShardLease> = self.leases.borrow().values().copied().collect();
        for lease in held {
            self.release(lease).await;
        }
        Ok(())
    }

    async fn release(&self, lease: ShardLease) {
        if let Err(error) = self.store.release_shard(lease).await {
            let shard = lease.shard();
            tracing::warn!(shard, "release shard: {error}", error = chain(&error));
        }
    }

    /// Whether it asks for this shard, should another process have it.
    fn asks_for(&self, shard: u32) -> bool {
        self.settings.take_over
            && *self.settings.connected.borrow()
            && !self.handed_over.contains(&shard)
    }

    /// Looks after all shards once. Whether the owner of one was asked for it and will let go.
    async fn look(&mut self, shutdown: &Shutdown) -> bool {
        let before = Leases::clone(&self.leases.borrow());
        let mut held = BTreeMap::clone(&before);
        let (mut wanted, mut is_promised) = (Vec::new(), false);
        for shard in &self.settings.shards {
            let looked = match held.get(shard).copied() {
                Some(lease) => self.renew(lease).await.map(|kept| match kept {
                    Kept::Ours => {}
                    Kept::Wanted => wanted.push(lease),
                    Kept::Lost => drop(held.remove(shard)),
                }),
                None => self.claim(*shard).await.map(|claimed| match claimed {
                    Claimed::Ours(lease) => drop(held.insert(*shard, lease)),
                    Claimed::Promised => is_promised = true,
                    Claimed::Taken => {}
                }),
            };
            // Writes are guarded by the epoch: an unanswered renewal loses nothing.
            if let Err(error) = looked {
                tracing::warn!(
                    shard,
                    "look after shard {shard}: {error}",
                    error = chain(&error)
                );
            }
        }
        let leaves = !wanted.is_empty() && wanted.len() == held.len();
        if !leaves {
            for lease in &wanted {
                held.remove(&lease.shard());
            }
        }
        metrics::gauge!(metric::SHARDS_OWNED).set(held.len() as f64);
        if held != *before {
            self.leases.send_replace(Arc::new(held));
        }
        self.hand_over(wanted, leaves, shutdown).await;
        self.share().await;
        is_promised
    }

    /// Who is asked for all that he has leaves with it; of some he lets go at once.
    async fn hand_over(&mut self, wanted: Vec<ShardLease>, leaves: bool, shutdown: &Shutdown) {
        self.handed_over
            .extend(wanted.iter().map(ShardLease::shard));
        if leaves {
            tracing::info!(
                "another process is ready to render the messages of all shards: leaving"
            );
            shutdown.drain();
            return;
        }
        for lease in wanted {
            self.release(lease).await;
        }
    }

    /// All processes together keep to Discord's limits.
    async fn share(&self) {
        match self.store.count_processes(self.settings.holder.id()).await {
            Ok(processes) => self.settings.rest.share(processes),
            Err(error) => {
                tracing::warn!("count the bot's processes: {error}", error = chain(&error));
            }
        }
    }

    async fn renew(&self, lease: ShardLease) -> Result<Kept, StoreError> {
        let (shard, term) = (lease.shard(), self.settings.term);
        // The database counts from when it is asked, which is later.
        let until = Instant::now() + term;
        match self.store.renew_shard(lease, term).await {
            Ok(is_wanted) => {
                self.terms.extend(shard, until);
                Ok(if is_wanted { Kept::Wanted } else { Kept::Ours })
            }
            Err(error) if error.is_lost_race() => {
                tracing::warn!(
                    shard,
                    "another process renders the messages of shard {shard} now"
                );
                Ok(Kept::Lost)
            }
            Err(error) => Err(error),
        }
    }

    async fn claim(&self, shard: u32) -> Result<Claimed, StoreError> {
        let OwnershipSettings { holder, term, .. } = self.settings;
        let until = Instant::now() + term;
        if let Some(lease) = self.store.claim_shard(shard, holder, term).await? {
            let epoch = lease.epoch();
            tracing::info!(shard, epoch, "rendering the messages of shard {shard}");
            self.terms.extend(shard, until);
            return Ok(Claimed::Ours(lease));
        }
        let is_promised =
            self.asks_for(shard) && self.store.ask_for_shard(shard, holder, term).await?;
        Ok(if is_promised {
            Claimed::Promised
        } else {
            Claimed::Taken
        })
    }
}

/// What became of a claim.
enum Claimed {
    Ours(ShardLease),
    /// Another process has it, and will let go.
    Promised,
    /// Another process has it.
    Taken,
}

/// What became of a lease.
enum Kept {
    Ours,
    /// Ours, and another process asks for it.
    Wanted,
    Lost,
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
