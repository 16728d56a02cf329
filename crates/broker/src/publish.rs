//! Publishing with confirms: what is published while channels are busy travels together, as soon as one is free.
//!
//! A channel carries one batch at a time. So a batch that is given up takes its channel with it, and no late confirm can
//! reach another message.

mod batch;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use easel_service::config::BrokerConfig;
use lapin::Channel;
use lapin::options::ConfirmSelectOptions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::connection::{Link, Shared};
use crate::error::PublishError;
use crate::{Message, metric};

/// Batches under way at once, of each of the two kinds. More would be smaller ones, and each costs the broker its own
/// turn: at four, one of them fills while the others wait for their disks.
const CHANNELS: usize = 4;
/// Messages of one batch.
const AT_ONCE: usize = 64;

/// Confirm channels of one connection that wait for their next batch.
pub(crate) struct ChannelPool {
    idle: Mutex<Vec<Channel>>,
}

impl ChannelPool {
    pub(crate) fn new() -> Self {
        Self {
            idle: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Channel>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Channel> {
        self.lock().pop()
    }

    fn give_back(&self, channel: Channel) {
        if channel.status().connected() {
            self.lock().push(channel);
        }
    }
}

/// A message on its way, and who waits for its confirm.
struct Waiting {
    message: Message,
    link: Arc<Link>,
    asker: Asker,
}

struct Asker {
    reply: oneshot::Sender<Result<(), PublishError>>,
    /// Held until the message is answered for: it bounds how many there are.
    _slot: OwnedSemaphorePermit,
}

impl Asker {
    fn answer(self, outcome: Result<(), PublishError>) {
        // Whoever asked may have stopped waiting.
        let _ = self.reply.send(outcome);
    }
}

/// Messages that wait for a channel, and how many channels are busy with others.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    busy: usize,
}

#[derive(Clone)]
pub(crate) struct Publisher {
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
    limit: Duration,
    /// What is kept in memory does not wait for what goes to disk.
    transient: Arc<Mutex<Queue>>,
    persistent: Arc<Mutex<Queue>>,
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Publisher {
    pub(crate) fn new(shared: Arc<Shared>, config: &BrokerConfig) -> Self {
        let slots = Arc::new(Semaphore::new(usize::from(config.in_flight.max(1))));
        Self {
            shared,
            slots,
            limit: config.confirm_timeout,
            transient: Arc::default(),
            persistent: Arc::default(),
        }
    }

    pub(crate) async fn publish(&self, message: Message) -> Result<(), PublishError> {
        let started = Instant::now();
        let result = self.attempt(message, started + self.limit).await;
        let outcome = result
            .as_ref()
            .map_or_else(PublishError::outcome, |()| "confirmed");
        metrics::counter!(metric::PUBLISHED, "outcome" => outcome).increment(1);
        metrics::histogram!(metric::CONFIRM_SECONDS).record(started.elapsed().as_secs_f64());
        result
    }

    async fn attempt(&self, message: Message, deadline: Instant) -> Result<(), PublishError> {
        let not_sent = |reason| PublishError::NotSent {
            limit: self.limit,
            reason,
        };
        let free = Arc::clone(&self.slots).acquire_owned();
        let Ok(Ok(slot)) = timeout_at(deadline, free).await else {
            return Err(not_sent("too many publishes were in flight"));
        };
        let link = self
            .link(deadline)
            .await
            .ok_or_else(|| not_sent("there was no connection"))?;
        let (reply, answered) = oneshot::channel();
        let asker = Asker { reply, _slot: slot };
        self.enqueue(Waiting {
            message,
            link,
            asker,
        });
        match timeout_at(deadline, answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(PublishError::Broken {
                reason: "the connection was closed".into(),
            }),
            Err(_) => Err(PublishError::Timeout { limit: self.limit }),
        }
    }

    async fn link(&self, deadline: Instant) -> Option<Arc<Link>> {
        if let Some(link) = self.shared.links.borrow().clone() {
            return Some(link);
        }
        let mut links = self.shared.links.clone();
        let hangup = self.shared.hangup.clone();
        tokio::select! {
            () = hangup.cancelled() => None,
            found = timeout_at(deadline, links.wait_for(Option::is_some)) => found.ok()?.ok()?.clone(),
        }
    }

    /// Puts a message in the queue of its kind, and sees to it that somebody empties it.
    fn enqueue(&self, waiting: Waiting) {
        let queue = if waiting.message.target.persistent {
            &self.persistent
        } else {
            &self.transient
        };
        let mut queued = lock(queue);
        queued.waiting.push_back(waiting);
        if queued.busy < CHANNELS {
            queued.busy += 1;
            let (queue, limit) = (Arc::clone(queue), self.limit);
            let busy = Busy(Some(queue));
            // A publish that nobody waits for any more goes on: its task belongs to the connection.
            self.shared.tracker.spawn(empty(busy, limit));
        }
    }
}

/// Counts as a busy channel until it is dropped, also by a panic.
struct Busy(Option<Arc<Mutex<Queue>>>);

impl Busy {
    /// The next batch, with the connection that it was meant for. Nothing when nothing waits: then it counts no more, so
    /// that whoever comes next sees to his message himself.
    fn next(&mut self) -> Option<(Arc<Link>, Vec<Waiting>)> {
        let queue = self.0.take()?;
        let mut queued = lock(&queue);
        let Some(first) = queued.waiting.front() else {
            queued.busy -= 1;
            return None;
        };
        let link = Arc::clone(&first.link);
        // After a reconnect, what was meant for the old connection fails with it and for itself.
        let same = queued.waiting.iter().take(AT_ONCE);
        let same = same.take_while(|one| Arc::ptr_eq(&one.link, &link)).count();
        let batch = queued.waiting.drain(..same).collect();
        drop(queued);
        self.0 = Some(queue);
        Some((link, batch))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            lock(&queue).busy -= 1;
        }
    }
}

/// Sends batch after batch until nothing waits.
async fn empty(mut busy: Busy, limit: Duration) {
    while let Some((link, batch)) = busy.next() {
        batch::send(&link, batch, limit).await;
    }
}

async fn open(link: &Link) -> Result<Channel, lapin::Error> {
    let channel = link.connection.create_channel().await?;
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok(channel)
}
