//! The one owner of the scheduler: it orders all events of a term and performs what the scheduler decides.

mod acts;
mod direct;
mod lease;
mod queue_view;
mod regions;
mod rules;
mod troubles;
mod watch;
mod weights;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use easel_domain::message::{Heartbeat, LeaseRef, NodeBoot, ProgressNote, ProgressState, Timings};
use easel_domain::{DiscordId, JobId, UserId};
use easel_scheduler::event::Outcome;
use easel_scheduler::scaling::Scaler;
use easel_store::StoreError;
use easel_store::waiting::WaitingJob;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::lanes::Office;
use crate::scheduler::Scheduler;
use crate::term::TermEnd;
use queue_view::QueueView;
use troubles::Troubles;
use weights::Weights;

const TICK: Duration = Duration::from_millis(250);
/// Inputs taken between two decisions.
const AT_ONCE: usize = 64;
/// The leader has not heard itself for this long: the silence of nodes proves nothing.
const DEAF_AFTER: Duration = Duration::from_millis(2_500);

/// What the rest of a term tells the coordinator.
#[derive(Debug)]
pub(crate) enum Input {
    /// A job waits.
    Waiting(Box<WaitingJob>),
    /// Somebody wants a job cancelled.
    CancelRequested(JobId),
    /// A node speaks.
    Heartbeat(Box<Heartbeat>),
    /// A leased job has come this far.
    Progress {
        lease: LeaseRef,
        percent: u8,
        preview: Option<String>,
    },
    /// A lease was ended by its node's report.
    LeaseEnded {
        lease: LeaseRef,
        waits_again: bool,
        outcome: Outcome,
        timings: Option<Timings>,
    },
    /// The pictures of a lease are made, and its node asks where to put them.
    Finishing(LeaseRef),
    /// The leader heard itself.
    Echo,
}

/// A job that a node has, as this leader knows it.
#[derive(Debug, Clone)]
struct Leased {
    lease: LeaseRef,
    holder: NodeBoot,
    user_id: UserId,
    shard: u32,
    channel_id: DiscordId,
    since: Instant,
    /// The furthest that its node has told of, and when.
    percent: u8,
    moved_at: Instant,
    /// What it renders, where this leader placed it.
    row: Option<Box<WaitingJob>>,
    /// Nothing is rendered any more: an upload may take as long as the object store is away.
    finishing: bool,
    /// It was told to be held up, and when its node was told last.
    paused: Option<Instant>,
}

struct Coordinator {
    office: Office,
    scheduler: Scheduler,
    leased: HashMap<JobId, Leased>,
    queue_view: QueueView,
    heard_itself_at: Option<Instant>,
    swept_at: Option<Instant>,
    weights: Weights,
    troubles: Troubles,
    /// Rows that cannot be read, each told of once.
    unreadable: HashSet<JobId>,
    scaler: Scaler,
    snapshot_at: Option<Instant>,
}

/// Runs until the term is over.
pub(crate) async fn run(office: Office, mut inbox: mpsc::Receiver<Input>) -> TermEnd {
    let weights = Weights::new(office.clock.now());
    let mut coordinator = Coordinator {
        office,
        scheduler: Scheduler::new(),
        leased: HashMap::new(),
        queue_view: QueueView::default(),
        heard_itself_at: None,
        swept_at: None,
        weights,
        troubles: Troubles::default(),
        unreadable: HashSet::new(),
        scaler: Scaler::default(),
        snapshot_at: None,
    };
    if let Err(end) = coordinator.take_over().await {
        return end;
    }
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting = Vec::with_capacity(AT_ONCE);
    loop {
        let step = tokio::select! {
            received = inbox.recv_many(&mut waiting, AT_ONCE) => match received {
                0 => return TermEnd::Drained,
                _ => coordinator.take_all(&mut waiting).await,
            },
            _ = ticks.tick() => coordinator.tick().await,
        };
        let step = match step {
            Ok(()) => coordinator.place().await,
            failed => failed,
        };
        match step {
            Ok(()) => {}
            Err(StoreError::LeadershipLost) => return TermEnd::Lost,
            // The rows are the truth: what failed now is found again by the sweep.
            Err(error) => tracing::warn!("coordinator: {error}"),
        }
    }
}

impl Coordinator {
    /// Every lease gets a full term, and every waiting job is read.
    async fn take_over(&mut self) -> Result<(), TermEnd> {
        let outcome = async {
            self.read_rules().await?;
            self.adopt_leases().await?;
            self.sweep().await
        };
        outcome.await.map_err(|error| match error {
            StoreError::LeadershipLost => TermEnd::Lost,
            other => TermEnd::Failed(format!("taking over failed: {other}")),
        })
    }

    /// Takes all that has come meanwhile before anything is decided: what is decided at once is leased at once.
    async fn take_all(&mut self, inputs: &mut Vec<Input>) -> Result<(), StoreError> {
        let mut outcome = Ok(());
        for input in inputs.drain(..) {
            match self.take(input).await {
                Err(StoreError::LeadershipLost) => return Err(StoreError::LeadershipLost),
                Err(error) if outcome.is_ok() => outcome = Err(error),
                _ => {}
            }
        }
        outcome
    }

    async fn take(&mut self, input: Input) -> Result<(), StoreError> {
        match input {
            Input::Waiting(job) => self.scheduler.job_waits(*job, self.office.clock.now()),
            Input::CancelRequested(job_id) => self.cancel(job_id).await?,
            Input::Heartbeat(beat) => {
                let now = self.office.clock.now();
                self.troubles.heard(&beat);
                if !beat.draining {
                    self.weights.heard(&beat.models, now);
                }
                self.scheduler.node_speaks(&beat, now);
                self.agree_on_pauses(&beat).await;
            }
            Input::Progress {
                lease,
                percent,
                preview,
            } => {
                self.moved(lease, percent);
                self.pass_on(lease, percent, preview);
            }
            Input::Finishing(lease) => self.finishes(lease),
            Input::LeaseEnded {
                lease,
                waits_again,
                outcome,
                timings,
            } => {
                self.learn(lease, timings);
                self.lease_ended(lease, waits_again, outcome).await?;
            }
            Input::Echo => self.heard_itself().await?,
        }
        Ok(())
    }

    async fn tick(&mut self) -> Result<(), StoreError> {
        if self.can_hear() {
            self.expire_leases().await?;
            self.take_back_hung().await?;
        }
        let due = self
            .swept_at
            .is_none_or(|at| at.elapsed() >= self.office.settings.sweep_every);
        if due {
            self.read_rules().await?;
            self.sweep().await?;
            for job_id in self.open_cancel_requests().await? {
                self.cancel(job_id).await?;
            }
            self.settle_homeless().await?;
            self.balance_regions().await?;
        }
        self.tell_positions();
        self.record_gauges();
        self.write_snapshot().await
    }

    fn can_hear(&self) -> bool {
        self.heard_itself_at
            .is_some_and(|at| at.elapsed() < DEAF_AFTER)
    }

    /// After a gap, nobody's silence counts: each lease gets a full term again.
    async fn heard_itself(&mut self) -> Result<(), StoreError> {
        if !self.can_hear() {
            let now = self.office.clock.now();
            self.scheduler.forgive_silence(now);
            self.weights.forgive_silence(now);
            self.adopt_leases().await?;
            self.forgive_standstill();
        }
        self.heard_itself_at = Some(Instant::now());
        Ok(())
    }

    fn pass_on(&self, lease: LeaseRef, percent: u8, preview: Option<String>) {
        let Some(leased) = self
            .leased
            .get(&lease.job_id)
            .filter(|leased| leased.lease == lease)
        else {
            return;
        };
        let note = ProgressNote {
            job_id: lease.job_id,
            channel_id: Some(leased.channel_id),
            state: ProgressState::Running { percent, preview },
        };
        self.office.mentions.say(leased.shard, note);
    }

    async fn lease_ended(
        &mut self,
        lease: LeaseRef,
        waits_again: bool,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        let job_id = lease.job_id;
        match self.leased.get(&job_id) {
            // The sweep was faster, and the job has been leased again since.
            Some(newer) if newer.lease != lease => return Ok(()),
            Some(ended) => {
                self.queue_view.job_took(ended.since.elapsed());
                self.leased.remove(&job_id);
            }
            None => {}
        }
        let now = self.office.clock.now();
        self.scheduler.lease_ended(job_id, outcome, now);
        if waits_again {
            self.reload(job_id).await
        } else {
            Ok(())
        }
    }
}
