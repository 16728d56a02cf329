//! The node's side of the platform: takes offers, renders them on the engine, publishes the results.
//!
//! Each offer becomes one task (`job`) that lives until the dispatcher has settled its lease. Commands find their task
//! through the [`Desk`]; one heartbeat speaks for all leases.

mod answer;
mod canvas;
mod desk;
mod job;
mod judge;
mod progress;
mod publish;
mod watchdog;

pub use desk::Desk;
use judge::PictureCheck;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use easel_blobs::GrantClient;
use easel_broker::{Action, Broker, Delivery, Message, Subscription, Topology};
use easel_domain::BootId;
use easel_domain::clock::EntropyExt;
use easel_domain::message::{Heartbeat, NodeBoot, NodeCommand, NodeLive, NodeModel, NodeTrouble};
use easel_domain::model::ModelProfile;
use easel_moderation::PicturePolicy;
use easel_service::{BadInput, Context};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::checker::Checkers;
use crate::config::{AgentConfig, NodeConfig};
use crate::engine::Engine;
use crate::metric;

/// How long a node that must stop tries to say so; a broker that is away keeps nobody alive.
const LAST_WORD: Duration = Duration::from_secs(1);
const INBOX_PREFETCH: u16 = 64;

/// What every job of this node needs.
pub(crate) struct Workshop {
    pub boot: NodeBoot,
    pub settings: NodeConfig,
    pub broker: Broker,
    pub engine: Arc<dyn Engine>,
    /// What its models can do, by hash.
    pub profiles: BTreeMap<String, ModelProfile>,
    /// Where they lie, by hash.
    pub directories: BTreeMap<String, PathBuf>,
    /// A job failed in the engine since the last check.
    pub doubt: AtomicBool,
    trouble: Mutex<Option<NodeTrouble>>,
    pub grants: GrantClient,
    pub pictures: PictureCheck,
    pub entropy: Arc<dyn easel_domain::Entropy>,
}

impl Workshop {
    /// Why this node should get no work.
    fn trouble(&self) -> Option<NodeTrouble> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_in(&self, trouble: Option<NodeTrouble>) {
        let mut held = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *held = trouble;
    }

    /// The picture known by heart was drawn, and this is what was wrong with it.
    fn answered(&self, wrong: Option<String>) {
        self.is_in(answer::after(self.trouble(), wrong));
    }

    /// The models as a heartbeat names them.
    fn models(&self) -> Vec<NodeModel> {
        let models = self.engine.models().into_iter();
        let named = models.filter_map(|model| {
            let profile = self.profiles.get(&model.hash)?.clone();
            Some(NodeModel {
                hash: model.hash,
                profile,
                residency: model.residency,
                bytes: model.bytes,
                pinned: model.pinned,
                load_s: model.load_time.map(|time| time.as_secs_f64()),
                weighs: true,
                describes: self.settings.describe.is_some(),
            })
        });
        named.collect()
    }
}

/// What the files of a node's models say, by the hash of their weights.
#[derive(Clone, Default)]
pub struct Models {
    /// What each can do.
    pub profiles: BTreeMap<String, ModelProfile>,
    /// Where each lies, where it does.
    pub directories: BTreeMap<String, PathBuf>,
    /// What looks at their pictures.
    pub checkers: Checkers,
}

/// Serves until the drain is over: no new offers, held jobs finished, or handed back when the grace time ends.
///
/// # Errors
///
/// A broker that cannot be reached, or an engine that has stopped or is stuck.
pub async fn run(
    ctx: Context,
    config: AgentConfig,
    engine: Arc<dyn Engine>,
    models: Models,
) -> anyhow::Result<()> {
    let policy = picture_policy(&config.node)?;
    ctx.serve_health(&config.http, Router::new()).await?;
    let broker = Broker::connect(
        &config.broker,
        "easel-gpu-node",
        Topology::none(),
        Arc::clone(&ctx.entropy),
    )
    .await
    .context("reach the broker (section `broker`)")?;
    let state = broker.state();
    ctx.readiness
        .check("broker", move || state.borrow().ready());
    let boot = NodeBoot {
        node: config.node.id.clone(),
        boot: BootId(ctx.entropy.random_uuid()),
    };
    tracing::info!(node.id = %boot.node, boot = %boot.boot,
        "node {} serves {} models on {}", boot.node, models.profiles.len(), engine.info().device);
    let workshop = Arc::new(Workshop {
        boot,
        settings: config.node,
        broker: broker.clone(),
        engine,
        profiles: models.profiles,
        directories: models.directories,
        doubt: AtomicBool::new(false),
        trouble: Mutex::default(),
        grants: GrantClient::new(Arc::clone(&ctx.entropy))?,
        pictures: PictureCheck {
            policy,
            checkers: models.checkers,
        },
        entropy: Arc::clone(&ctx.entropy),
    });
    let desk = Arc::new(Desk::new(workshop.settings.capacity));
    let served = serve(&ctx, &workshop, &desk).await;
    broker.close().await;
    served
}

fn picture_policy(node: &NodeConfig) -> anyhow::Result<PicturePolicy> {
    let Some(path) = &node.picture_policy else {
        return PicturePolicy::built_in().context("read the picture policy");
    };
    PicturePolicy::load(path)
        .map_err(|error| BadInput(format!("`node.picture_policy`: {error}")).into())
}

async fn serve(ctx: &Context, workshop: &Arc<Workshop>, desk: &Arc<Desk>) -> anyhow::Result<()> {
    let mut answers = answer::Answers::default();
    let first = answers.check(workshop, desk, true);
    tokio::select! {
        checked = tokio::time::timeout(workshop.settings.step_deadline, first) => {
            checked.context("draw the picture that this node knows by heart")?;
        }
        () = ctx.shutdown.soft().cancelled() => return Ok(()),
    }
    let (jobs, stop_checks) = (TaskTracker::new(), CancellationToken::new());
    let (checked, its_desk) = (Arc::clone(workshop), Arc::clone(desk));
    jobs.spawn(answer::keep_checking(
        checked,
        its_desk,
        answers,
        stop_checks.clone(),
    ));
    let mut fatal = None;
    let inbox = take_commands(workshop, desk, &jobs);
    let mut ticks = tokio::time::interval(workshop.settings.heartbeat_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = ctx.shutdown.soft().cancelled(), if !desk.is_closed() => {
                desk.close();
                tracing::info!("draining: {} jobs are held", desk.leases().len());
            }
            () = ctx.shutdown.hard().cancelled() => {
                desk.close();
                // Said first, so that what is handed back does not come straight here again.
                let _ = tokio::time::timeout(LAST_WORD, speak(workshop, desk)).await;
                desk.hand_all_back();
                break;
            }
            _ = ticks.tick() => {}
        }
        let step_deadline = workshop.settings.step_deadline;
        if let Some(trouble) = watchdog::look(&*workshop.engine, step_deadline) {
            tracing::error!("{}: this process ends", trouble.message);
            workshop.is_in(Some(trouble.clone()));
            let _ = tokio::time::timeout(LAST_WORD, speak(workshop, desk)).await;
            desk.fail_all(&trouble.message);
            fatal = Some(trouble);
            break;
        }
        speak(workshop, desk).await;
        if desk.is_closed() && desk.leases().is_empty() {
            break;
        }
    }
    stop_checks.cancel();
    jobs.close();
    // Handing back is one message each; a broker that is away keeps nobody alive.
    let _ = tokio::time::timeout(Duration::from_secs(3), jobs.wait()).await;
    inbox.stop().await;
    match fatal {
        Some(trouble) => anyhow::bail!(trouble.message),
        None => Ok(()),
    }
}

/// One heartbeat: registration, capability and lease renewal in one.
async fn speak(workshop: &Workshop, desk: &Desk) {
    let leases = desk.leases();
    metrics::gauge!(metric::LEASES_HELD).set(leases.len() as f64);
    let beat = Heartbeat {
        from: workshop.boot.clone(),
        class: workshop.settings.class.clone(),
        memory_bytes: workshop.engine.info().weight_room_bytes,
        models: workshop.models(),
        capacity: workshop.settings.capacity,
        most_pictures: Some(workshop.engine.info().max_pictures),
        leases,
        draining: desk.is_closed(),
        directed: true,
        paused: desk.paused(),
        trouble: workshop.trouble(),
    };
    let target = workshop
        .broker
        .names()
        .live_target(&workshop.settings.lane(), &workshop.boot.node);
    let Ok(message) = Message::new(target, &NodeLive::Heartbeat(Box::new(beat))) else {
        return;
    };
    if let Err(error) = workshop.broker.publish(message.optional()).await {
        tracing::debug!("heartbeat not sent: {error}");
    }
}

fn take_commands(
    workshop: &Arc<Workshop>,
    desk: &Arc<Desk>,
    jobs: &TaskTracker,
) -> easel_broker::Consumer {
    let queue = workshop
        .broker
        .names()
        .node_inbox(&workshop.boot.node, workshop.boot.boot);
    let subscription = Subscription::new(queue, INBOX_PREFETCH);
    let (workshop, desk, jobs) = (Arc::clone(workshop), Arc::clone(desk), jobs.clone());
    let broker = workshop.broker.clone();
    broker.consume(subscription, move |command: Delivery<NodeCommand>| {
        let (workshop, desk, jobs) = (Arc::clone(&workshop), Arc::clone(&desk), jobs.clone());
        async move {
            match command.body {
                NodeCommand::Offer(offer) => {
                    if let Some(ticket) = desk.open(offer.lease) {
                        jobs.spawn(job::run(workshop, desk, *offer, ticket));
                    }
                }
                NodeCommand::Cancel { lease } => desk.cancel(&lease),
                NodeCommand::Settled { lease, accepted } => desk.settle(&lease, accepted),
                NodeCommand::Load { hash } => workshop.engine.load(&hash),
                NodeCommand::Unload { hash } => workshop.engine.unload(&hash),
                NodeCommand::Pause { lease } => desk.pause(&lease, true),
                NodeCommand::Resume { lease } => desk.pause(&lease, false),
                NodeCommand::Grant {
                    request,
                    lease,
                    uploads,
                } => desk.grant(&lease, request, uploads),
            }
            Action::ack()
        }
    })
}
