//! A new version is rolled out while members ask for pictures: each job ends once, and nobody's try is used up.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use easel_broker::{Action, Delivery, Subscription};
use easel_domain::clock::EntropyExt;
use easel_domain::message::MESSAGE_VERSION;
use easel_domain::{BootId, JobId, NodeId};
use easel_gpu_node::engine::fake::Gate;
use easel_tests::real::{Platform, Process};
use easel_tests::world::{Node, World, eventually};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

/// Jobs of the member that are under way at once: fewer than he may have, so that none is refused.
const UNDER_WAY: i64 = 8;
/// Jobs that must end between two steps of the upgrade, so that each step happens under load.
const BETWEEN: i64 = 15;
const LOOK_EVERY: Duration = Duration::from_millis(10);
const BEAT_EVERY: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(30);

const UNFINISHED: &str = "SELECT count(*) FROM jobs WHERE ended_at IS NULL";
const COMPLETED: &str = "SELECT count(*) FROM jobs WHERE state = 'completed'";
const EPOCH: &str = "SELECT max(epoch) FROM leadership";

/// Nobody runs out of credits while this lasts.
const RICH: &str = "WITH paid AS (INSERT INTO ledger (user_id, kind, settles, amount)
                                  SELECT user_id, 'release', true, 1000000 FROM accounts)
                    UPDATE accounts SET balance = balance + 1000000";

/// Submits job after job until it is told that the upgrade is over. Returns them all.
async fn ask_for_pictures(world: &World, over: watch::Receiver<bool>) -> Result<Vec<JobId>> {
    let mut jobs = Vec::new();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    while !*over.borrow() {
        looks.tick().await;
        if world.number(UNFINISHED).await? < UNDER_WAY {
            jobs.push(world.submit(world.grid()).await?);
        }
    }
    Ok(jobs)
}

/// Waits until some more jobs have been completed.
async fn under_load(world: &World) -> Result<()> {
    let before = world.number(COMPLETED).await?;
    eventually("jobs to flow", || async {
        let done = world.number(COMPLETED).await? - before;
        Ok((done >= BETWEEN).then_some(()))
    })
    .await
}

/// Replaces the leader twice and each node once, and returns what runs in the end.
async fn roll(platform: &Platform, nodes: [Node; 2]) -> Result<(Process, Vec<Node>)> {
    let world = &platform.world;
    let mut leader = platform.dispatcher()?;
    under_load(world).await?;
    let mut replaced = Vec::new();
    for (node, name) in nodes.into_iter().zip(["a", "b"]) {
        let epoch = world.number(EPOCH).await?;
        // The new process stands beside the old one before that is told to go.
        let next = platform.dispatcher()?;
        under_load(world).await?;
        leader.terminate().await?;
        leader = next;
        under_load(world).await?;
        ensure!(
            world.number(EPOCH).await? > epoch,
            "nobody took over from the old leader"
        );
        node.process.stop().await?;
        under_load(world).await?;
        replaced.push(world.node(name, Gate::open()).await?);
        under_load(world).await?;
    }
    Ok((leader, replaced))
}

#[tokio::test]
async fn dispatcher_and_nodes_are_replaced_under_load_and_no_job_is_lost_or_repeated() -> Result<()>
{
    let platform = Platform::new().await?;
    let world = &platform.world;
    world.meddle(RICH).await?;
    let nodes = [
        world.node("a", Gate::open()).await?,
        world.node("b", Gate::open()).await?,
    ];
    let (finish, over) = watch::channel(false);
    let upgrade = async {
        let outcome = roll(&platform, nodes).await;
        finish.send_replace(true);
        outcome
    };
    let (jobs, replaced) = tokio::join!(ask_for_pictures(world, over), upgrade);
    let (jobs, _still_running) = (jobs?, replaced?);
    for job in &jobs {
        world.until(*job, "completed").await?;
        let path = world.path(*job).await?;
        ensure!(
            path.iter().all(|step| step.ends_with(" 1")),
            "job {job} used up a try: {path:?}"
        );
    }
    ensure!(world.number(COMPLETED).await? == i64::try_from(jobs.len())?);
    platform.world.close().await
}

/// A node of the version before this one: nothing that it says has a field that came later.
struct OldNode<'w> {
    world: &'w World,
    from: Value,
    beat: Value,
    inbox: mpsc::Receiver<Value>,
}

const OLD: &str = "old";

impl<'w> OldNode<'w> {
    fn start(world: &'w World) -> Result<Self> {
        let (node, boot): (NodeId, _) = (OLD.parse()?, BootId(world.entropy.random_uuid()));
        let (sender, inbox) = mpsc::channel(100);
        let queue = Subscription::new(world.names().node_inbox(&node, boot), 10);
        // It lives as long as its connection.
        world.broker.consume(queue, move |order: Delivery<Value>| {
            let sender = sender.clone();
            async move {
                // The test may be over.
                let _ = sender.send(order.body).await;
                Action::ack()
            }
        });
        let from = json!({ "node": OLD, "boot": boot });
        let profile = json!({ "id": world.model.id, "native_width": 64, "native_height": 64, "max_side": 96,
            "default_steps": 4, "default_guidance": 5.0 });
        let beat = json!({ "v": MESSAGE_VERSION - 1, "type": "heartbeat", "from": from, "class": OLD,
            "memory_bytes": 1, "capacity": 1, "leases": [], "draining": false,
            "models": [{ "hash": world.model.hash, "profile": profile }] });
        Ok(Self {
            world,
            from,
            beat,
            inbox,
        })
    }

    /// Goes on living until it is told something of this kind.
    async fn told(&mut self, kind: &str) -> Result<Value> {
        let live = self
            .world
            .names()
            .live_target(&self.world.lane, &OLD.parse()?);
        let mut beats = tokio::time::interval(BEAT_EVERY);
        let began = tokio::time::Instant::now();
        while began.elapsed() < PATIENCE {
            tokio::select! {
                order = self.inbox.recv() => {
                    let order = order.context("the inbox is closed")?;
                    if order["type"] == kind {
                        return Ok(order);
                    }
                }
                _ = beats.tick() => self.world.send_raw(live.clone(), &self.beat).await?,
            }
        }
        bail!("it was never told a {kind}")
    }

    async fn report(&self, lease: &Value, event: Value) -> Result<()> {
        let done = self
            .world
            .names()
            .done_target(&self.world.lane, &OLD.parse()?);
        let report =
            json!({ "v": MESSAGE_VERSION - 1, "from": self.from, "lease": lease, "event": event });
        self.world.send_raw(done, &report).await
    }
}

#[tokio::test]
async fn a_node_of_the_version_before_is_understood() -> Result<()> {
    let world = World::new().await?;
    let _dispatcher = world.dispatcher()?;
    let mut node = OldNode::start(&world)?;
    let job = world.submit(world.grid()).await?;
    let lease = node.told("offer").await?["lease"].clone();
    node.beat["leases"] = json!([lease]);
    let asked = json!({ "type": "grant_request", "request": world.entropy.random_uuid(), "files": world.claims(4) });
    node.report(&lease, asked).await?;
    node.told("grant").await?;
    let verdict = json!({ "outcome": "pass", "checker": OLD, "scores": {} });
    let timings = json!({ "wait_s": 0.1, "denoise_s": 1.0, "decode_s": 0.1, "publish_s": 0.1 });
    let verdicts = vec![verdict; 4];
    let done = json!({ "type": "done", "files": [], "verdicts": verdicts, "timings": timings });
    node.report(&lease, done).await?;
    node.told("settled").await?;
    world.until(job, "completed").await?;
    world.close().await
}
