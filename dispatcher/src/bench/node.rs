//! A node that finishes at once: it speaks the protocol, with uploads if they are wanted, and draws nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use easel_blobs::{FileDigests, GrantClient};
use easel_broker::{Action, Broker, Consumer, Delivery, Lane, Message, Subscription, Topology};
use easel_domain::clock::EntropyExt;
use easel_domain::message::{
    Calls, FileClaim, Heartbeat, LeaseRef, NodeBoot, NodeCommand, NodeEvent, NodeLive, NodeModel,
    NodeReport, StoredFile, Timings, UploadGrant,
};
use easel_domain::model::ModelProfile;
use easel_domain::picture::{FileRole, PictureOutcome, PictureVerdict};
use easel_domain::spec::Sampler;
use easel_domain::{BootId, JobId, RequestId};
use easel_service::Context;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::MODEL_HASH;
use crate::config::DispatcherConfig;

const CAPACITY: u32 = 16;
const PREFETCH: u16 = 64;
/// What a call of its engine is said to take, however many pictures are in it: then a node is given all it has places for.
const CALL_S: f64 = 0.001;

/// When things happened to one job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub offered: Instant,
    pub reported: Instant,
    pub settled: Instant,
}

type Moments = HashMap<JobId, watch::Sender<Option<Mark>>>;

/// The moments of all jobs, as their nodes saw them.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    jobs: Arc<Mutex<Moments>>,
    /// How many have ended.
    ended: watch::Sender<usize>,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            jobs: Arc::default(),
            ended: watch::channel(0).0,
        }
    }
}

impl Marks {
    fn lock(&self) -> MutexGuard<'_, Moments> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many jobs have ended.
    pub fn count(&self) -> usize {
        *self.ended.borrow()
    }

    /// Waits until so many jobs have ended.
    pub async fn reach(&self, jobs: usize, limit: Duration) -> anyhow::Result<()> {
        let mut ended = self.ended.subscribe();
        let reached = tokio::time::timeout(limit, ended.wait_for(|ended| *ended >= jobs)).await;
        reached.with_context(|| format!("{jobs} jobs did not end within {limit:?}"))??;
        Ok(())
    }

    /// A job is about to be submitted.
    pub fn expect(&self, job: JobId) {
        self.lock()
            .entry(job)
            .or_insert_with(|| watch::channel(None).0);
    }

    fn set(&self, job: JobId, mark: Mark) {
        let told = self
            .lock()
            .get(&job)
            .map(|sender| sender.send_replace(Some(mark)));
        if matches!(told, Some(None)) {
            self.ended.send_modify(|ended| *ended += 1);
        }
    }

    /// Waits for a job's end.
    pub async fn ended(&self, job: JobId, limit: Duration) -> anyhow::Result<Mark> {
        let mut seen = self
            .lock()
            .get(&job)
            .map(watch::Sender::subscribe)
            .ok_or_else(|| anyhow!("unknown job"))?;
        let ended = tokio::time::timeout(limit, seen.wait_for(Option::is_some)).await;
        let mark = *ended.with_context(|| format!("job {job} did not end within {limit:?}"))??;
        mark.ok_or_else(|| anyhow!("job {job} has no mark"))
    }
}

/// A running node.
pub(super) struct BenchNode {
    broker: Broker,
    inbox: Consumer,
    tasks: TaskTracker,
    stop: tokio_util::sync::CancellationToken,
}

struct Hands {
    broker: Broker,
    lane: Lane,
    boot: NodeBoot,
    grants: GrantClient,
    marks: Marks,
    uploads: bool,
    entropy: Arc<dyn easel_domain::Entropy>,
    open: Mutex<HashMap<LeaseRef, Progress>>,
}

#[derive(Debug, Clone)]
struct Progress {
    offered: Instant,
    reported: Option<Instant>,
    body: bytes::Bytes,
    claim: FileClaim,
}

impl BenchNode {
    pub async fn start(
        config: &DispatcherConfig,
        number: u32,
        uploads: bool,
        ctx: &Context,
        marks: Marks,
    ) -> anyhow::Result<Self> {
        let broker = Broker::connect(
            &config.broker,
            "easel-bench-node",
            Topology::none(),
            Arc::clone(&ctx.entropy),
        )
        .await?;
        let boot = NodeBoot {
            node: format!("bench-{number}").parse()?,
            boot: BootId(ctx.entropy.random_uuid()),
        };
        let hands = Arc::new(Hands {
            broker: broker.clone(),
            lane: config.dispatcher.lane(),
            boot: boot.clone(),
            grants: GrantClient::new(Arc::clone(&ctx.entropy))?,
            marks,
            uploads,
            entropy: Arc::clone(&ctx.entropy),
            open: Mutex::default(),
        });
        let tasks = TaskTracker::new();
        let stop = tokio_util::sync::CancellationToken::new();
        let inbox = {
            let (hands, tasks) = (Arc::clone(&hands), tasks.clone());
            let queue = broker.names().node_inbox(&boot.node, boot.boot);
            broker.consume(
                Subscription::new(queue, PREFETCH),
                move |command: Delivery<NodeCommand>| {
                    let hands = Arc::clone(&hands);
                    tasks.spawn(async move { hands.take(command.body).await });
                    async { Action::ack() }
                },
            )
        };
        tasks.spawn(hands.speak(stop.clone()));
        Ok(Self {
            broker,
            inbox,
            tasks,
            stop,
        })
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.inbox.stop().await;
        self.tasks.close();
        self.tasks.wait().await;
        self.broker.close().await;
    }
}

impl Hands {
    async fn speak(self: Arc<Self>, stop: tokio_util::sync::CancellationToken) {
        let mut ticks = tokio::time::interval(Duration::from_millis(500));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let beat = Heartbeat {
                from: self.boot.clone(),
                class: "bench".into(),
                memory_bytes: 0,
                models: vec![NodeModel::resident(MODEL_HASH, profile())],
                capacity: CAPACITY,
                most_pictures: None,
                leases: self.lock().keys().copied().collect(),
                draining: false,
                directed: false,
                paused: Vec::new(),
                trouble: None,
            };
            let target = self.broker.names().live_target(&self.lane, &self.boot.node);
            if let Ok(message) = Message::new(target, &NodeLive::Heartbeat(Box::new(beat))) {
                // The next one follows in half a second.
                let _ = self.broker.publish(message.optional()).await;
            }
        }
    }

    async fn take(&self, command: NodeCommand) {
        match command {
            NodeCommand::Offer(offer) => self.ask(offer.lease).await,
            NodeCommand::Grant { lease, uploads, .. } if self.uploads => {
                self.upload(lease, uploads).await;
            }
            NodeCommand::Grant { lease, .. } => self.done(lease, Vec::new()).await,
            NodeCommand::Settled { lease, .. } => {
                let progress = self.lock().remove(&lease);
                if let Some(Progress {
                    offered,
                    reported: Some(reported),
                    ..
                }) = progress
                {
                    self.marks.set(
                        lease.job_id,
                        Mark {
                            offered,
                            reported,
                            settled: Instant::now(),
                        },
                    );
                }
            }
            NodeCommand::Cancel { lease } => {
                self.lock().remove(&lease);
            }
            // Nobody tells these to a node that is not directed.
            NodeCommand::Load { .. }
            | NodeCommand::Unload { .. }
            | NodeCommand::Pause { .. }
            | NodeCommand::Resume { .. } => {}
        }
    }

    async fn ask(&self, lease: LeaseRef) {
        let body = bytes::Bytes::from(lease.job_id.to_string());
        let digests = FileDigests::of(&body);
        let claim = FileClaim {
            role: FileRole::Full,
            index: 0,
            sha256: digests.sha256,
            md5: digests.md5,
            size_bytes: digests.size_bytes,
            content_type: "image/png".into(),
            width: 1,
            height: 1,
        };
        let progress = Progress {
            offered: Instant::now(),
            reported: None,
            body,
            claim: claim.clone(),
        };
        self.lock().insert(lease, progress);
        let request = RequestId(self.entropy.random_uuid());
        self.report(
            lease,
            NodeEvent::GrantRequest {
                request,
                files: vec![claim],
            },
        )
        .await;
    }

    async fn upload(&self, lease: LeaseRef, uploads: Vec<UploadGrant>) {
        let progress = self.lock().get(&lease).cloned();
        let (Some(Progress { body, claim, .. }), Some(grant)) = (progress, uploads.first()) else {
            return;
        };
        if let Err(error) = self.grants.put(grant, body).await {
            tracing::warn!("upload of the bench: {error}");
            return;
        }
        let file = StoredFile {
            key: grant.key.clone(),
            claim,
        };
        self.done(lease, vec![file]).await;
    }

    async fn done(&self, lease: LeaseRef, files: Vec<StoredFile>) {
        let verdict = PictureVerdict {
            outcome: PictureOutcome::Pass,
            checker: "bench".into(),
            scores: [].into(),
        };
        // Marked before it is sent: the answer may overtake the confirm.
        let together = self.mark_reported(lease);
        self.report(
            lease,
            NodeEvent::Done {
                files,
                verdicts: vec![verdict],
                timings: timings(together),
                answer: None,
            },
        )
        .await;
    }

    /// Returns how many jobs the node has.
    fn mark_reported(&self, lease: LeaseRef) -> usize {
        let mut open = self.lock();
        if let Some(progress) = open.get_mut(&lease) {
            progress.reported = Some(Instant::now());
        }
        open.len()
    }

    async fn report(&self, lease: LeaseRef, event: NodeEvent) {
        let report = NodeReport {
            from: self.boot.clone(),
            lease,
            event,
        };
        let target = self.broker.names().done_target(&self.lane, &self.boot.node);
        let Ok(message) = Message::new(target, &report) else {
            return;
        };
        if let Err(error) = self.broker.publish(message).await {
            tracing::warn!("report of the bench: {error}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LeaseRef, Progress>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn timings(together: usize) -> Timings {
    let calls = Calls {
        pictures: u32::try_from(together).unwrap_or(CAPACITY),
        count: 1,
        seconds: CALL_S,
    };
    Timings {
        denoise_s: CALL_S,
        calls: vec![calls],
        ..Timings::default()
    }
}

fn profile() -> ModelProfile {
    ModelProfile {
        id: "bench".into(),
        native_width: 64,
        native_height: 64,
        max_side: 64,
        multiple: 16,
        default_steps: 1,
        default_guidance: 1.0,
        default_sampler: Sampler::Default,
        safe: true,
        finish_scale: 1,
        aliases: Vec::new(),
    }
}
