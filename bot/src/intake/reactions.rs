//! Reactions: ⭐, ✉️ and ❌ on the message of a job. Nobody is answered; what a reaction does shows elsewhere.
//!
//! They go through lanes, one member's always through the same, so that setting a star and taking it back keep their order.
//! Each may come several times and changes nothing the second time.

use std::panic::AssertUnwindSafe;

use anyhow::Context as _;
use easel_domain::JobId;
use easel_service::{Shutdown, chain};
use easel_store::StoreError;
use easel_store::favourite::Learnt;
use futures::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Intake, count};
use crate::reaction::{Reaction, Sign};

/// Reactions of different members that are acted on at once.
const LANES: usize = 16;
/// Reactions that may wait in a lane.
const WAITING: usize = 64;

/// Where reactions are handed in. Never blocks.
#[derive(Debug, Clone)]
pub struct ReactionHandle {
    lanes: Vec<mpsc::Sender<Reaction>>,
}

/// Acts on what is handed in.
#[derive(Debug)]
pub struct ReactionLanes {
    lanes: Vec<mpsc::Receiver<Reaction>>,
}

/// Empty lanes, and the way into them.
pub fn lanes() -> (ReactionHandle, ReactionLanes) {
    let (senders, receivers) = (0..LANES).map(|_| mpsc::channel(WAITING)).unzip();
    (
        ReactionHandle { lanes: senders },
        ReactionLanes { lanes: receivers },
    )
}

impl ReactionHandle {
    /// Hands a reaction in; one that finds its lane full is dropped.
    pub fn take(&self, reaction: Reaction) {
        let sign = reaction.sign;
        let lane = reaction.member.spread() as usize % LANES;
        if self.lanes[lane].try_send(reaction).is_err() {
            count(sign.kind(), "busy");
            tracing::warn!("a reaction is dropped: too many at once");
        }
    }
}

impl ReactionLanes {
    /// Acts on reactions until draining.
    ///
    /// # Errors
    ///
    /// A lane was torn down.
    pub async fn run(self, intake: Intake, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut lanes = JoinSet::new();
        for mut lane in self.lanes {
            let (intake, soft) = (intake.clone(), shutdown.soft().clone());
            lanes.spawn(async move {
                loop {
                    let next = tokio::select! {
                        () = soft.cancelled() => return,
                        next = lane.recv() => next,
                    };
                    let Some(reaction) = next else { return };
                    let handled = AssertUnwindSafe(intake.reacted(reaction)).catch_unwind();
                    if handled.await.is_err() {
                        tracing::error!("acting on a reaction panicked");
                    }
                }
            });
        }
        while let Some(ended) = lanes.join_next().await {
            ended.context("act on reactions")?;
        }
        Ok(())
    }
}

impl Intake {
    async fn reacted(&self, reaction: Reaction) {
        let outcome = match self.act_on(&reaction).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!("act on a reaction: {error}", error = chain(&error));
                "failed"
            }
        };
        count(reaction.sign.kind(), outcome);
    }

    async fn act_on(&self, reaction: &Reaction) -> Result<&'static str, StoreError> {
        // To whose message a star was taken back, or what stands in direct messages, only the look at the message tells.
        if reaction.author.is_some() && self.is_too_fast(reaction) {
            return Ok("too_fast");
        }
        let Some(job) = self.job_of_message(reaction).await? else {
            return Ok("no_job");
        };
        if reaction.author.is_none() && self.is_too_fast(reaction) {
            return Ok("too_fast");
        }
        match (reaction.sign, reaction.is_set) {
            (Sign::Star, true) => self.star(reaction, job).await,
            (Sign::Star, false) => self.unstar(reaction, job).await,
            (Sign::Envelope, true) => self.envelope(reaction, job).await,
            (Sign::Cross, true) => self.cross(reaction, job).await,
            (Sign::Envelope | Sign::Cross, false) => Ok("taken_back"),
        }
    }

    /// Reactions to our messages count as commands and presses do. There is no way to say so to who reacts.
    fn is_too_fast(&self, reaction: &Reaction) -> bool {
        self.pace.check(reaction.member, reaction.guild).is_err()
    }

    /// The job that the message shows: of its row, or else of its buttons, where it is ours. The buttons are looked at
    /// once for each message.
    async fn job_of_message(&self, reaction: &Reaction) -> Result<Option<JobId>, StoreError> {
        let (store, message) = (&self.parts.store, reaction.message);
        if let Some(job) = store.job_of_message(message).await? {
            return Ok(Some(job));
        }
        // Of a reaction that was taken back the author is not told; setting it would have made the message known.
        let may_be_ours = reaction.author.is_some() || reaction.guild.is_none();
        if !reaction.is_set || !may_be_ours {
            return Ok(None);
        }
        let shown = match self.parts.rest.message(reaction.channel, message).await {
            Ok(shown) => shown.job(),
            Err(error) => {
                tracing::debug!("look at a message: {error}", error = chain(&error));
                None
            }
        };
        let Some(job) = shown else { return Ok(None) };
        let known = store.learn_job_message(reaction.channel, message, job, reaction.shard);
        match known.await? {
            Learnt::Shows => Ok(Some(job)),
            Learnt::NoJob => Ok(None),
            Learnt::Doomed => {
                self.parts.errands.doomed();
                Ok(None)
            }
        }
    }
}
