//! The one owner of all messages: it hears what changed, asks the budgeter what is next, and lets it be done.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use easel_domain::message::{ProgressNote, ProgressState};
use easel_domain::{Clock, Entropy, JobId};
use easel_service::Shutdown;
use easel_store::Store;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::budget::{BudgetSettings, Budgeter, Done, EditKind, Next};
use super::edit::{Edited, Editor, Known};
use super::handle::{LiveEvent, LiveHandle};
use super::ownership::Ownership;
use super::picture::PictureSource;
use crate::metric;
use crate::rest::{MessagePayload, Rest};
use crate::view::Live;

/// Events that wait for the owner.
const EVENTS: usize = 4_096;
/// Messages in memory.
const MESSAGES: usize = 10_000;
/// Jobs whose late progress is recognised.
const ENDED: usize = 10_000;
/// A message that nothing happened to for this long is forgotten; the next event finds it again.
const FORGET_AFTER: Duration = Duration::from_mins(5);
/// An edit that panicked is tried again, slowly: its cause may be in the row.
const AFTER_PANIC: Duration = Duration::from_secs(30);
const TIDY_EVERY: Duration = Duration::from_secs(30);
/// Previews are small; a longer one is not shown.
const MAX_PREVIEW_BYTES: usize = 16 * 1024;

/// How messages are kept up to date.
#[derive(Debug, Clone, Copy)]
pub struct DeliverySettings {
    /// Shortest time between two progress edits of a message.
    pub interval: Duration,
    /// Most edits in flight.
    pub in_flight: usize,
}

/// The owner. Run it as a task.
pub struct Deliverer {
    editor: Editor,
    events: mpsc::Receiver<LiveEvent>,
    budget: Budgeter,
    messages: HashMap<JobId, Message>,
    ended: Recent,
    edits: JoinSet<Edited>,
    flying: HashMap<Id, (JobId, EditKind)>,
}

impl std::fmt::Debug for Deliverer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deliverer")
            .field("messages", &self.messages.len())
            .finish_non_exhaustive()
    }
}

/// What is remembered of a message.
#[derive(Default)]
struct Message {
    live: Live,
    known: Option<Known>,
    shown: Option<Box<MessagePayload>>,
}

impl Deliverer {
    /// An owner with nothing to do, and the way to tell it something.
    pub fn new(
        rest: Rest,
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        pictures: PictureSource,
        ownership: Ownership,
        settings: DeliverySettings,
    ) -> (Self, LiveHandle) {
        let (handle, events) = LiveHandle::new(EVENTS);
        let budget = Budgeter::new(BudgetSettings {
            interval: settings.interval,
            in_flight: settings.in_flight,
            messages: MESSAGES,
        });
        let editor = Editor {
            rest,
            store,
            clock,
            entropy,
            pictures,
            ownership,
        };
        let messages = HashMap::new();
        let (ended, edits, flying) = (Recent::default(), JoinSet::new(), HashMap::new());
        (
            Self {
                editor,
                events,
                budget,
                messages,
                ended,
                edits,
                flying,
            },
            handle,
        )
    }

    /// Runs until draining; finishes the edits in flight, then cancels `finished`.
    pub async fn run(
        mut self,
        shutdown: Shutdown,
        finished: CancellationToken,
    ) -> anyhow::Result<()> {
        let _finished = finished.drop_guard();
        let mut tidy = tokio::time::interval(TIDY_EVERY);
        while !shutdown.is_draining() {
            let wait = self.begin_edits();
            tokio::select! {
                () = shutdown.soft().cancelled() => break,
                Some(event) = self.events.recv() => self.hear(event),
                Some(done) = self.edits.join_next_with_id() => self.conclude(done),
                () = tokio::time::sleep(wait) => {}
                _ = tidy.tick() => self.tidy(),
            }
        }
        while !self.edits.is_empty() {
            tokio::select! {
                () = shutdown.hard().cancelled() => break,
                _ = self.edits.join_next() => {}
            }
        }
        Ok(())
    }

    /// Begins what may be begun, and tells how long there is nothing more to begin.
    fn begin_edits(&mut self) -> Duration {
        loop {
            match self.budget.next(Instant::now()) {
                Next::Edit(job, kind) => self.begin(job, kind),
                Next::Wait(wait) => return wait,
                Next::Idle => return TIDY_EVERY,
            }
        }
    }

    fn begin(&mut self, job: JobId, kind: EditKind) {
        let editor = self.editor.clone();
        let message = self.messages.entry(job).or_default();
        let live = message.live.clone();
        let task = match (kind, message.known.clone()) {
            (EditKind::Progress, Some(known)) => {
                let shown = message.shown.clone();
                self.edits
                    .spawn(async move { editor.progress(&known, &live, shown.as_deref()).await })
            }
            // Progress of a message that nothing is known of: its row says whether it is ours and still runs.
            (EditKind::Durable | EditKind::Progress, _) => self
                .edits
                .spawn(async move { editor.durable(job, &live).await }),
        };
        self.flying.insert(task.id(), (job, kind));
    }

    fn hear(&mut self, event: LiveEvent) {
        let now = Instant::now();
        match event {
            LiveEvent::Due(job) => {
                self.budget
                    .want(job, self.channel(job), EditKind::Durable, now);
            }
            LiveEvent::Progress(note) => {
                let ProgressNote {
                    job_id: job,
                    channel_id,
                    state,
                } = note;
                if self.ended.contains(job)
                    || !self.budget.want(job, channel_id, EditKind::Progress, now)
                {
                    return;
                }
                self.messages.entry(job).or_default().live = live(state);
            }
        }
    }

    fn channel(&self, job: JobId) -> Option<easel_domain::DiscordId> {
        self.messages
            .get(&job)?
            .known
            .as_ref()
            .map(|known| known.delivery.channel)
    }

    fn conclude(&mut self, done: Result<(Id, Edited), JoinError>) {
        let (id, edited) = match done {
            Ok((id, edited)) => (id, edited),
            Err(error) => {
                tracing::error!("an edit panicked: {error}");
                (error.id(), Edited::Again(AFTER_PANIC))
            }
        };
        let Some((job, kind)) = self.flying.remove(&id) else {
            return;
        };
        let outcome = match edited {
            Edited::Shown(known, payload) => {
                let message = self.messages.entry(job).or_default();
                if kind == EditKind::Durable {
                    forget_outdated(message, &known);
                }
                message.known = Some(known);
                message.shown = payload.or_else(|| message.shown.take());
                ("shown", Done::Shown)
            }
            Edited::Ended => {
                self.ended.insert(job);
                self.messages.remove(&job);
                ("ended", Done::Ended)
            }
            Edited::NotOurs => {
                self.messages.remove(&job);
                ("not_ours", Done::Ended)
            }
            Edited::Again(pause) => ("again", Done::Again(pause)),
        };
        metrics::counter!(metric::EDITS, "kind" => kind.as_str(), "outcome" => outcome.0)
            .increment(1);
        self.budget.done(job, kind, outcome.1, Instant::now());
    }

    fn tidy(&mut self) {
        self.budget.forget(FORGET_AFTER, Instant::now());
        let budget = &self.budget;
        self.messages.retain(|job, _| budget.remembers(*job));
        metrics::gauge!(metric::LIVE_MESSAGES).set(self.messages.len() as f64);
    }
}

/// A job that went back to the queue, or that a node has just taken, makes what was heard before untrue.
fn forget_outdated(message: &mut Message, known: &Known) {
    let attempt = message
        .known
        .as_ref()
        .map(|before| (before.job.attempt, before.job.state));
    if attempt.is_some_and(|before| before != (known.job.attempt, known.job.state)) {
        message.live = Live::Unknown;
    }
}

fn live(state: ProgressState) -> Live {
    match state {
        ProgressState::Queued { position, eta_s } => {
            let eta = eta_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            Live::Queued { position, eta }
        }
        ProgressState::Running { percent, preview } => {
            let preview = preview
                .filter(|text| text.len() <= MAX_PREVIEW_BYTES * 4 / 3 + 4)
                .and_then(|text| STANDARD.decode(text).ok())
                .map(Bytes::from);
            Live::Running {
                percent: percent.min(100),
                preview,
            }
        }
    }
}

/// The jobs that ended last, as many as fit.
#[derive(Default)]
struct Recent {
    order: VecDeque<JobId>,
    jobs: HashSet<JobId>,
}

impl Recent {
    fn insert(&mut self, job: JobId) {
        if self.jobs.insert(job) {
            self.order.push_back(job);
        }
        if self.order.len() > ENDED
            && let Some(oldest) = self.order.pop_front()
        {
            self.jobs.remove(&oldest);
        }
    }

    fn contains(&self, job: JobId) -> bool {
        self.jobs.contains(&job)
    }
}
