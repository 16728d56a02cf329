//! How the rest of the bot talks to the one owner of all messages.

use easel_domain::message::ProgressNote;
use easel_domain::{DiscordId, JobId};
use tokio::sync::mpsc;

/// What the owner of the messages is told.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// The row of this job's message has a newer revision.
    Due(JobId),
    /// The sweep found that the message of this job, in this channel, is out of date.
    Found(JobId, DiscordId),
    /// What a live message may show next.
    Progress(ProgressNote),
}

/// The way to the owner. Never blocks: what does not fit is found by the sweep.
#[derive(Debug, Clone)]
pub struct LiveHandle {
    sender: mpsc::Sender<LiveEvent>,
}

impl LiveHandle {
    pub(super) fn new(capacity: usize) -> (Self, mpsc::Receiver<LiveEvent>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { sender }, receiver)
    }

    /// Tells the owner.
    pub fn tell(&self, event: LiveEvent) {
        if self.sender.try_send(event).is_err() {
            tracing::debug!("the owner of the messages is busy; the sweep will find what changed");
        }
    }
}
