//! What is done beside the messages of jobs: pictures sent by direct message, and messages of deleted results taken away.
//!
//! The rows are the truth, and tell when the next try is due. Each is looked for by the process that owns its shard; who
//! has just written one says so, to save the wait for the next look. A few of each kind are worked on at once, of one
//! member or channel one at a time.

mod doomed;
mod line;
mod mail;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use easel_domain::{Clock, DiscordId, Entropy, UserId};
use easel_service::{Shutdown, chain};
use easel_store::mailing::MailEnd;
use easel_store::removal::DoomedMessage;
use easel_store::shard::ShardLease;
use easel_store::{Store, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ownership::Ownership;
use super::picture::PictureSource;
use crate::link::WebLinks;
use crate::rest::Rest;
use line::Lines;

/// Rows of each kind and shard taken at one look.
const BATCH: u32 = 100;
/// Of these, of one member or channel.
const OF_ONE: u32 = 10;
/// Worked on at once, of each kind.
const AT_ONCE: usize = 4;
/// What is refused so often is not tried any more.
const REFUSALS: u32 = 5;
/// Hints that may wait; more are found by the look.
const HINTS: usize = 256;

/// Says that a row was written. Clones share the way.
#[derive(Debug, Clone)]
pub struct ErrandHandle {
    sender: mpsc::Sender<Hint>,
}

#[derive(Debug)]
enum Hint {
    Mail(Uuid, Option<oneshot::Sender<MailEnd>>),
    Doomed,
}

impl ErrandHandle {
    /// These pictures are to be sent.
    pub fn mail(&self, id: Uuid) {
        // What does not fit is found by the next look.
        let _ = self.sender.try_send(Hint::Mail(id, None));
    }

    /// These pictures are to be sent, and somebody waits for how it ends; the receiver fails where that is not now.
    pub fn mail_and_tell(&self, id: Uuid) -> oneshot::Receiver<MailEnd> {
        let (tell, told) = oneshot::channel();
        let _ = self.sender.try_send(Hint::Mail(id, Some(tell)));
        told
    }

    /// Messages are to be deleted.
    pub fn doomed(&self) {
        let _ = self.sender.try_send(Hint::Doomed);
    }
}

/// What it is made of.
pub struct Errands {
    /// The rows.
    pub store: Store,
    /// Discord.
    pub rest: Rest,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The pictures.
    pub pictures: PictureSource,
    /// Addresses of messages.
    pub links: WebLinks,
    /// Which rows are ours.
    pub ownership: Ownership,
    /// How often to look.
    pub every: Duration,
}

impl std::fmt::Debug for Errands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Errands")
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

/// A way for hints, and where they come out.
pub fn errand_hints() -> (ErrandHandle, ErrandHints) {
    let (sender, hints) = mpsc::channel(HINTS);
    (ErrandHandle { sender }, ErrandHints(hints))
}

/// Where hints come out.
#[derive(Debug)]
pub struct ErrandHints(mpsc::Receiver<Hint>);

/// The one owner of what is under way.
struct Desk {
    errands: Arc<Errands>,
    mails: Lines<UserId, Uuid>,
    doomed: Lines<DiscordId, (ShardLease, DoomedMessage)>,
    /// Who waits for how a mailing ends.
    told: HashMap<Uuid, Vec<oneshot::Sender<MailEnd>>>,
    tasks: JoinSet<Option<MailEnd>>,
    under_way: HashMap<Id, Errand>,
}

#[derive(Debug, Clone, Copy)]
enum Errand {
    Mail(UserId, Uuid),
    Delete(DiscordId, (ShardLease, DoomedMessage)),
}

impl Errands {
    /// Runs errands until draining; finishes those under way, then cancels `finished`.
    ///
    /// # Errors
    ///
    /// Never: what fails is tried again.
    pub async fn run(
        self,
        hints: ErrandHints,
        shutdown: Shutdown,
        finished: CancellationToken,
    ) -> anyhow::Result<()> {
        let _finished = finished.drop_guard();
        let mut hints = hints.0;
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut desk = Desk {
            errands: Arc::new(self),
            mails: Lines::new(AT_ONCE),
            doomed: Lines::new(AT_ONCE),
            told: HashMap::new(),
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
        };
        while !shutdown.is_draining() {
            desk.begin();
            let looked = tokio::select! {
                () = shutdown.soft().cancelled() => break,
                _ = ticks.tick() => desk.look().await,
                Some(done) = desk.tasks.join_next_with_id() => {
                    desk.conclude(done);
                    Ok(())
                }
                hint = hints.recv() => match hint {
                    Some(Hint::Doomed) => desk.look_for_doomed().await,
                    Some(Hint::Mail(id, tell)) => desk.look_for_mail(id, tell).await,
                    None => break,
                },
            };
            if let Err(error) = looked {
                tracing::warn!("look for errands: {error}", error = chain(&error));
            }
        }
        while !desk.tasks.is_empty() {
            tokio::select! {
                () = shutdown.hard().cancelled() => break,
                Some(done) = desk.tasks.join_next_with_id() => desk.conclude(done),
            }
        }
        Ok(())
    }
}

impl Desk {
    /// Begins what may be begun.
    fn begin(&mut self) {
        while let Some((member, id)) = self.mails.begin() {
            let errands = Arc::clone(&self.errands);
            let task = async move {
                errands.send_mail(id).await.unwrap_or_else(|error| {
                    tracing::warn!("send pictures: {error}", error = chain(&error));
                    None
                })
            };
            let task = self.tasks.spawn(task).id();
            self.under_way.insert(task, Errand::Mail(member, id));
        }
        while let Some((channel, what)) = self.doomed.begin() {
            let errands = Arc::clone(&self.errands);
            let task = async move {
                if let Err(error) = errands.delete_message(what.0, what.1).await {
                    tracing::warn!("delete a message: {error}", error = chain(&error));
                }
                None
            };
            let task = self.tasks.spawn(task).id();
            self.under_way.insert(task, Errand::Delete(channel, what));
        }
    }

    fn conclude(&mut self, done: Result<(Id, Option<MailEnd>), JoinError>) {
        let (task, end) = done.unwrap_or_else(|error| {
            tracing::error!("an errand panicked: {error}");
            (error.id(), None)
        });
        match self.under_way.remove(&task) {
            Some(Errand::Mail(member, id)) => {
                self.mails.done(member, &id);
                // Who waits is told the end; where this was none, that it is not now.
                for tell in self.told.remove(&id).into_iter().flatten() {
                    if let Some(end) = end {
                        // Nobody may be waiting any more.
                        let _ = tell.send(end);
                    }
                }
            }
            Some(Errand::Delete(channel, what)) => self.doomed.done(channel, &what),
            None => {}
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        self.look_for_doomed().await?;
        self.look_for_mails().await
    }

    async fn look_for_doomed(&mut self) -> Result<(), StoreError> {
        let errands = Arc::clone(&self.errands);
        for lease in errands.ownership.all() {
            let (shard, now) = (lease.shard(), errands.clock.now());
            let found = errands.store.doomed_messages(shard, now, OF_ONE, BATCH);
            for doomed in found.await? {
                self.doomed.push(doomed.channel, (lease, doomed));
            }
        }
        Ok(())
    }

    async fn look_for_mails(&mut self) -> Result<(), StoreError> {
        let errands = Arc::clone(&self.errands);
        for lease in errands.ownership.all() {
            let (shard, now) = (lease.shard(), errands.clock.now());
            let found = errands.store.due_mailings(shard, now, OF_ONE, BATCH);
            for (id, member) in found.await? {
                self.mails.push(member, id);
            }
        }
        Ok(())
    }

    /// Somebody has asked for pictures, once more perhaps: a pause after a failed try holds all the same.
    async fn look_for_mail(
        &mut self,
        id: Uuid,
        tell: Option<oneshot::Sender<MailEnd>>,
    ) -> Result<(), StoreError> {
        self.look_for_mails().await?;
        if self.mails.knows(&id) {
            self.told.entry(id).or_default().extend(tell);
        }
        Ok(())
    }
}
