//! When a session may begin: shards whose numbers have the same remainder by `max_concurrency` begin some seconds apart,
//! whichever processes serve them. The turns are rows, so all processes take them from the same place.

use std::time::Duration;

use easel_service::{Shutdown, chain};
use easel_store::Store;
use tokio::sync::mpsc;

/// Sessions that were begun and not yet noted.
const NOTES: usize = 64;
/// Pause before the database is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// A wait is never shorter: two processes do not look at the same moment for ever.
const LEAST: Duration = Duration::from_millis(20);

/// Turns of this process. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    store: Store,
    max_concurrency: u32,
    every: Duration,
    begun: mpsc::Sender<u32>,
}

/// Writes down when sessions begin; owned by the gateway's task.
#[derive(Debug)]
pub(super) struct Noted {
    turns: Turns,
    begun: mpsc::Receiver<u32>,
}

impl Turns {
    /// Turns as Discord allows them, and the part that writes them down.
    pub(super) fn new(store: Store, max_concurrency: u32, every: Duration) -> (Self, Noted) {
        let (sender, receiver) = mpsc::channel(NOTES);
        let turns = Self {
            store,
            max_concurrency: max_concurrency.max(1),
            every,
            begun: sender,
        };
        let noted = Noted {
            turns: turns.clone(),
            begun: receiver,
        };
        (turns, noted)
    }

    fn bucket(&self, shard: u32) -> u32 {
        shard % self.max_concurrency
    }

    /// Waits until the shard may begin its first session. `false` where draining came first.
    pub(super) async fn wait(&self, shard: u32, shutdown: &Shutdown) -> bool {
        while !shutdown.is_draining() {
            let asked = self
                .store
                .take_identify_turn(self.bucket(shard), self.every);
            let pause = match asked.await {
                Ok(None) => return true,
                Ok(Some(left)) => left.max(LEAST),
                Err(error) => {
                    tracing::warn!(
                        shard,
                        "wait for a session's turn: {error}",
                        error = chain(&error)
                    );
                    RETRY
                }
            };
            tokio::select! {
                () = shutdown.soft().cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        false
    }

    /// A shard begins a session now: its first, some time after its turn was taken, or one in place of a lost one, which the
    /// library begins without asking.
    pub(super) fn note(&self, shard: u32) {
        // What does not fit is one of very many: the others keep the bucket closed.
        let _ = self.begun.try_send(shard);
    }
}

impl Noted {
    /// Writes down what is noted until draining.
    pub(super) async fn run(mut self, shutdown: Shutdown) {
        loop {
            let shard = tokio::select! {
                () = shutdown.soft().cancelled() => return,
                Some(shard) = self.begun.recv() => shard,
            };
            let (turns, bucket) = (&self.turns, self.turns.bucket(shard));
            if let Err(error) = turns.store.note_identify(bucket, turns.every).await {
                tracing::warn!(shard, "note a session: {error}", error = chain(&error));
            }
        }
    }
}
