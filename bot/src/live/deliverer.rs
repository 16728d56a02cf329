//! The one owner of all messages: it hears what changed, asks the budgeter what is next, and lets it be done.

use std::collections::HashMap;
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

use super::budget::{BudgetSettings, Budgeter, Done, EditKind, Lane, Next};
use super::compose::way;
use super::decide::DeliveryAction;
use super::edit::{Edited, Editor, Known, Wanted};
use super::ended::Recent;
use super::handle::{LiveEvent, LiveHandle};
use super::ownership::Ownership;
use super::picture::PictureSource;
use crate::metric;
use crate::rest::{Permit, Rest, Turn, Urgency};
use crate::view::Live;

/// Events that wait for the owner.
const EVENTS: usize = 4_096;
/// Messages in memory.
const MESSAGES: usize = 20_000;
/// Rows read at once.
const READS: usize = 8;
/// With more messages than this in memory, a preview is forgotten when it has been shown.
const FEW: usize = 1_000;
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
    tasks: JoinSet<Outcome>,
    flying: HashMap<Id, (JobId, Flight)>,
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
    /// What its row wants, once that is read.
    wanted: Option<(Known, DeliveryAction)>,
    /// The print of what it shows.
    print: Option<u64>,
}

/// What a task does.
#[derive(Debug, Clone, Copy)]
enum Flight {
    Read,
    Edit(EditKind),
}

/// What a task comes back with.
enum Outcome {
    Read(Wanted),
    Edited(Edited),
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
            reads: READS,
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
        let (ended, tasks, flying) = (Recent::default(), JoinSet::new(), HashMap::new());
        (
            Self {
                editor,
                events,
                budget,
                messages,
                ended,
                tasks,
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
                Some(done) = self.tasks.join_next_with_id() => self.conclude(done),
                () = tokio::time::sleep(wait) => {}
                _ = tidy.tick() => self.tidy(),
            }
        }
        while !self.tasks.is_empty() {
            tokio::select! {
                () = shutdown.hard().cancelled() => break,
                _ = self.tasks.join_next() => {}
            }
        }
        Ok(())
    }

    /// Begins what may be begun, and tells how long there is nothing more to begin.
    fn begin_edits(&mut self) -> Duration {
        loop {
            let mut permit = None;
            let (messages, editor) = (&self.messages, &self.editor);
            let gate = |job: JobId, kind| take_turn(messages.get(&job), editor, kind, &mut permit);
            match self.budget.next(Instant::now(), gate) {
                Next::Read(job) => {
                    let editor = self.editor.clone();
                    let task = async move { Outcome::Read(editor.read(job).await) };
                    let task = self.tasks.spawn(task);
                    self.flying.insert(task.id(), (job, Flight::Read));
                }
                Next::Edit(job, kind) => self.begin(job, kind, permit),
                Next::Wait(wait) => return wait,
                Next::Idle => return TIDY_EVERY,
            }
        }
    }

    fn begin(&mut self, job: JobId, kind: EditKind, permit: Option<Permit>) {
        let editor = self.editor.clone();
        let many = self.messages.len() > FEW;
        let message = self.messages.entry(job).or_default();
        let live = message.live.clone();
        if let Live::Running { preview, .. } = &mut message.live
            && many
        {
            *preview = None;
        }
        let work = match kind {
            EditKind::Durable => message.wanted.take(),
            EditKind::Progress => message.known.clone().and_then(|known| {
                let action = editor.progress_action(&known)?;
                Some((known, action))
            }),
        };
        let (Some((known, action)), Some(permit)) = (work, permit) else {
            // There is no way to show it: an end state will find one.
            self.budget.done(job, kind, Done::Shown, Instant::now());
            return;
        };
        let print = message.print;
        let task = async move {
            Outcome::Edited(match kind {
                EditKind::Durable => editor.send_wanted(known, action, &live, permit).await,
                EditKind::Progress => editor.progress(known, action, &live, print, permit).await,
            })
        };
        let task = self.tasks.spawn(task);
        self.flying.insert(task.id(), (job, Flight::Edit(kind)));
    }

    fn hear(&mut self, event: LiveEvent) {
        let now = Instant::now();
        match event {
            LiveEvent::Due(job) => {
                self.budget
                    .want(job, self.channel(job), EditKind::Durable, now);
            }
            LiveEvent::Found(job, channel) => {
                // The sweep finds again and again what waits for its turn.
                if !self.budget.attends(job) {
                    self.budget.want(job, Some(channel), EditKind::Durable, now);
                }
            }
            LiveEvent::Progress(note) => self.hear_progress(note, now),
        }
    }

    fn hear_progress(&mut self, note: ProgressNote, now: Instant) {
        let ProgressNote {
            job_id: job,
            channel_id,
            state,
        } = note;
        if self.ended.contains(job) || !self.budget.want(job, channel_id, EditKind::Progress, now) {
            return;
        }
        let message = self.messages.entry(job).or_default();
        message.live = live(state);
        // Its row says whether the message is ours and still runs.
        if message.known.is_none() && !self.budget.attends(job) {
            self.budget.want(job, channel_id, EditKind::Durable, now);
        }
    }

    fn channel(&self, job: JobId) -> Option<easel_domain::DiscordId> {
        self.messages
            .get(&job)?
            .known
            .as_ref()
            .map(|known| known.delivery.channel)
    }

    fn conclude(&mut self, done: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match done {
            Ok((id, outcome)) => (id, Some(outcome)),
            Err(error) => {
                tracing::error!("an edit panicked: {error}");
                (error.id(), None)
            }
        };
        let Some((job, flight)) = self.flying.remove(&id) else {
            return;
        };
        let now = Instant::now();
        let edited = match outcome {
            Some(Outcome::Read(Wanted::Send(known, action))) => {
                let (lane, _) = way(&known.delivery, action);
                let channel = known.delivery.channel;
                self.messages.entry(job).or_default().wanted = Some((known, action));
                self.budget.read(job, channel, lane, now);
                return;
            }
            Some(Outcome::Read(Wanted::Nothing(edited)) | Outcome::Edited(edited)) => edited,
            None => Edited::Again(AFTER_PANIC),
        };
        let (word, done) = self.note(job, flight, edited);
        match flight {
            Flight::Read => self.budget.read_in_vain(job, done, now),
            Flight::Edit(kind) => {
                metrics::counter!(metric::EDITS, "kind" => kind.as_str(), "outcome" => word)
                    .increment(1);
                self.budget.done(job, kind, done, now);
            }
        }
    }

    /// Keeps what is known of a message after a read or an edit.
    fn note(&mut self, job: JobId, flight: Flight, edited: Edited) -> (&'static str, Done) {
        match edited {
            Edited::Shown(known, print) => {
                let message = self.messages.entry(job).or_default();
                if !matches!(flight, Flight::Edit(EditKind::Progress)) {
                    forget_outdated(message, &known);
                }
                message.known = Some(known);
                message.print = print.or(message.print);
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
        }
    }

    fn tidy(&mut self) {
        self.budget.forget(FORGET_AFTER, Instant::now());
        let budget = &self.budget;
        self.messages.retain(|job, _| budget.remembers(*job));
        metrics::gauge!(metric::LIVE_MESSAGES).set(self.messages.len() as f64);
    }
}

/// A turn for an edit of this message, where there is one.
fn take_turn(
    message: Option<&Message>,
    editor: &Editor,
    kind: EditKind,
    permit: &mut Option<Permit>,
) -> (Lane, Turn) {
    let planned = message.and_then(|message| match kind {
        EditKind::Durable => {
            let (known, action) = message.wanted.as_ref()?;
            Some((known, *action, Urgency::Must))
        }
        EditKind::Progress => {
            let known = message.known.as_ref()?;
            Some((known, editor.progress_action(known)?, Urgency::May))
        }
    });
    let Some((known, action, urgency)) = planned else {
        return (Lane::default(), Turn::Now);
    };
    let (lane, way) = way(&known.delivery, action);
    match editor.rest.turn(way, urgency) {
        Ok(taken) => {
            *permit = Some(taken);
            (lane, Turn::Now)
        }
        Err(wait) => (lane, wait),
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
