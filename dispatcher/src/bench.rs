//! `bench`: jobs through the real path (Postgres, RabbitMQ, with `--uploads` S3) with nodes that finish at once.
//!
//! First some jobs one at a time, for the latency of each hop on an idle lane; then the rest at once, for the rate. The
//! lane is one of its own, so no real node takes its jobs, but its rows stay: use a database that you can throw away.
//!
//! With `--kill-leader` the dispatchers are two processes of their own, and the one that leads is killed when a third of
//! the jobs that come at once have ended.

mod node;
mod report;
mod takeover;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use easel_broker::{Action, Broker, Consumer, Delivery, Message, Names, Subscription, Topology};
use easel_domain::clock::EntropyExt;
use easel_domain::ledger::Credits;
use easel_domain::message::{DeliveryHint, JobHint, JobHintKind};
use easel_domain::model::ModelRef;
use easel_domain::picture::StorageClass;
use easel_domain::spec::{self, GenerateSpec, NoisePlan, PromptText, RenderSpec, Sampler};
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, InteractionId, JobId, UserId};
use easel_service::config::{ConfigArgs, Sources};
use easel_service::{BadInput, Context};
use easel_store::submit::{MessagePlace, Repetition, Submission, Submitted};
use easel_store::{Store, StoreConfig};
use futures::{StreamExt, TryStreamExt, stream};
use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::DispatcherConfig;
use crate::leader;
use node::{BenchNode, Marks};
use report::{Hops, Report};
use takeover::Pair;

/// Hash of the weights that the bench's nodes pretend to have.
const MODEL_HASH: &str = "bench";
/// Region and pool of the lane.
const LANE: &str = "bench";
/// The shard whose messages the jobs have.
const SHARD: u32 = 0;
/// Delivery hints taken at once.
const SHOWN_PREFETCH: u16 = 200;
/// Submitters at work at once while the rate is measured.
const SUBMITTERS: usize = 16;
/// Jobs that are sent one at a time: a fifth, and no more than this.
const MOST_ALONE: u32 = 200;
/// Longest wait for the end of one job.
const JOB_LIMIT: Duration = Duration::from_mins(2);

/// Options of `bench`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct BenchArgs {
    /// Jobs in all
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(5..=1_000_000))]
    jobs: u32,
    /// Nodes that take them
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    nodes: u32,
    /// Let each node also ask for a grant, upload a picture and have it checked, as real ones do
    #[arg(long)]
    uploads: bool,
    /// Jobs that are submitted in one transaction while the rate is measured
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    batch: u32,
    /// Kill the leader while the rate is measured, and say how long its standby needed
    #[arg(long)]
    kill_leader: bool,
    /// Print one JSON object and nothing else
    #[arg(long)]
    json: bool,
}

/// Runs the bench and prints its report.
pub(crate) fn run(args: BenchArgs, given: &ConfigArgs) -> ExitCode {
    let own = given.clone();
    let config = Sources::from_args(given)
        .map_err(anyhow::Error::from)
        .and_then(|sources| {
            Ok(easel_service::config::load::<DispatcherConfig>("dispatcher", &sources)?.config)
        });
    easel_service::once("dispatcher", move || async move {
        let report = measure(&args, &own, config?).await?;
        report.print(args.json)
    })
}

async fn measure(
    args: &BenchArgs,
    given: &ConfigArgs,
    mut config: DispatcherConfig,
) -> anyhow::Result<Report> {
    let segment = |text: &str| text.parse().map_err(|error| BadInput(format!("{error}")));
    config.dispatcher.region = segment(LANE)?;
    config.dispatcher.pool = segment(LANE)?;
    config.http.listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let ctx = Context::new("dispatcher-bench");
    if args.kill_leader {
        let bench = Bench::start(&ctx, &config, args).await?;
        let report = bench.measure_takeover(args, given).await;
        bench.stop().await;
        return report;
    }
    let mut leader = JoinSet::new();
    leader.spawn({
        let (ctx, config) = (ctx.clone(), config.clone());
        async move { leader::run(ctx, config).await }
    });
    let mut work = JoinSet::new();
    work.spawn({
        let (ctx, args) = (ctx.clone(), args.clone());
        async move {
            let bench = Bench::start(&ctx, &config, &args).await?;
            let report = bench.measure(&args, None).await;
            bench.stop().await;
            report
        }
    });
    let report = tokio::select! {
        report = work.join_next() => report.context("the bench has a task")??,
        ended = leader.join_next() => {
            ended.context("the leader is a task")???;
            bail!("the dispatcher ended before the bench")
        }
    };
    ctx.shutdown.drain();
    for ended in leader.join_all().await {
        ended?;
    }
    report
}

struct Bench {
    ctx: Context,
    store: Store,
    broker: Broker,
    nodes: Vec<BenchNode>,
    shown: Consumer,
    marks: Marks,
    sent: easel_store::marks::Marks,
    writer: JoinSet<()>,
    queues: [String; 4],
}

impl Bench {
    async fn start(
        ctx: &Context,
        config: &DispatcherConfig,
        args: &BenchArgs,
    ) -> anyhow::Result<Self> {
        let mut store = StoreConfig::new(config.database.url.clone());
        store.pool_size = SUBMITTERS;
        let store = Store::new(&store)?;
        store.migrate().await?;
        let lane = config.dispatcher.lane();
        let names = Names::new(&config.broker.prefix)?;
        let topology = Topology::default().lane(&names, &lane).shard(&names, SHARD);
        let broker = Broker::connect(
            &config.broker,
            "easel-bench",
            topology,
            Arc::clone(&ctx.entropy),
        )
        .await?;
        // The ends are told to somebody, as they are where a bot listens.
        let shown = broker.consume(
            Subscription::new(names.shard(SHARD), SHOWN_PREFETCH),
            |_: Delivery<DeliveryHint>| async { Action::ack() },
        );
        let marks = Marks::default();
        let mut started = Vec::new();
        for number in 0..args.nodes {
            let node = BenchNode::start(config, number, args.uploads, ctx, marks.clone());
            started.push(node.await?);
        }
        let queues = ServiceClass::ALL.map(|class| names.storable(&names.jobs(&lane, class)));
        let (sent, writing) = store.marks();
        let mut writer = JoinSet::new();
        writer.spawn(writing.run());
        Ok(Self {
            ctx: ctx.clone(),
            store,
            broker,
            nodes: started,
            shown,
            marks,
            sent,
            writer,
            queues,
        })
    }

    async fn stop(self) {
        for node in self.nodes {
            node.stop().await;
        }
        self.shown.stop().await;
        drop(self.sent);
        self.writer.join_all().await;
        self.broker.close().await;
        self.store.close();
    }

    async fn measure_takeover(
        &self,
        args: &BenchArgs,
        given: &ConfigArgs,
    ) -> anyhow::Result<Report> {
        let pair = Pair::start(given, &self.store).await?;
        self.measure(args, Some(pair)).await
    }

    async fn measure(&self, args: &BenchArgs, pair: Option<Pair>) -> anyhow::Result<Report> {
        let alone = (args.jobs / 5).clamp(1, MOST_ALONE);
        let mut hops = Hops::default();
        // The first jobs find cold caches and nodes that nobody has heard of yet.
        self.one_job(0).await?;
        for number in 1..=alone {
            hops.add(&self.one_job(number).await?);
        }
        let began = Instant::now();
        let together = args.jobs.saturating_sub(alone).max(1);
        let third = self.marks.count() + together as usize / 3;
        let killed = async {
            let Some(mut pair) = pair else {
                return anyhow::Ok(None);
            };
            self.marks.reach(third, JOB_LIMIT).await?;
            let takeover = pair.kill_leader(&self.store).await?;
            // The pair is kept until all have ended.
            Ok(Some((takeover, pair)))
        };
        let (killed, done) =
            tokio::join!(killed, self.all_at_once(alone + 1, together, args.batch));
        done?;
        let rate = f64::from(together) / began.elapsed().as_secs_f64();
        let takeover = killed?.map(|(takeover, _)| takeover);
        let (accepted, ended, duplicated) = self.count().await?;
        Ok(Report::new(rate, hops, accepted - ended, duplicated).takeover(takeover))
    }

    async fn all_at_once(&self, first: u32, jobs: u32, batch: u32) -> anyhow::Result<()> {
        let numbers: Vec<u32> = (first..first + jobs).collect();
        let batches: Vec<Vec<u32>> = numbers
            .chunks(batch as usize)
            .map(<[u32]>::to_vec)
            .collect();
        let submitted: Vec<Vec<JobId>> = stream::iter(batches)
            .map(|numbers| self.submit_together(numbers))
            .buffer_unordered(SUBMITTERS)
            .try_collect()
            .await?;
        for job in submitted.into_iter().flatten() {
            self.marks.ended(job, JOB_LIMIT).await?;
        }
        Ok(())
    }

    /// One transaction, then its hints at the same time.
    async fn submit_together(&self, numbers: Vec<u32>) -> anyhow::Result<Vec<JobId>> {
        let submissions: Vec<Submission> = numbers.iter().map(|n| self.submission(*n)).collect();
        let jobs: Vec<JobId> = submissions.iter().map(|new| new.job).collect();
        for job in &jobs {
            self.marks.expect(*job);
        }
        let outcomes = self.store.submit_all(submissions).await?;
        let hints = jobs.iter().zip(&outcomes);
        futures::future::try_join_all(hints.map(|(job, outcome)| self.publish(*job, outcome)))
            .await?;
        Ok(jobs)
    }

    /// Moments of one job, from the submit to the answer on its end.
    async fn one_job(&self, number: u32) -> anyhow::Result<[Instant; 6]> {
        let sent = self.submit(number).await?;
        let ended = self.marks.ended(sent.job, JOB_LIMIT).await?;
        Ok([
            sent.began,
            sent.committed,
            sent.confirmed,
            ended.offered,
            ended.reported,
            ended.settled,
        ])
    }

    async fn submit(&self, number: u32) -> anyhow::Result<Sent> {
        let submission = self.submission(number);
        let job = submission.job;
        self.marks.expect(job);
        let began = Instant::now();
        let submitted = self.store.submit(submission).await?;
        let committed = Instant::now();
        self.publish(job, &submitted).await?;
        Ok(Sent {
            job,
            began,
            committed,
            confirmed: Instant::now(),
        })
    }

    /// Sends the hint of an accepted job, and has its outbox row marked.
    async fn publish(&self, job: JobId, submitted: &Submitted) -> anyhow::Result<()> {
        let Submitted::Accepted {
            class, outbox_id, ..
        } = submitted
        else {
            bail!("the platform refused a job of the bench");
        };
        let hint = JobHint {
            job_id: job,
            what: JobHintKind::Submitted,
        };
        let target = self.broker.names().stored(&self.queues[*class as usize]);
        self.broker.publish(Message::new(target, &hint)?).await?;
        self.sent.sent(*outbox_id);
        Ok(())
    }

    fn submission(&self, number: u32) -> Submission {
        let (now, entropy) = (self.ctx.clock.now(), &self.ctx.entropy);
        Submission {
            job: JobId(entropy.ordered_uuid(now)),
            interaction: InteractionId(i64::from(entropy.random_u32()) << 20 | i64::from(number)),
            member: DiscordId(i64::from(entropy.random_u32())),
            fresh_user: UserId(entropy.random_uuid()),
            default_tier: "standard".into(),
            place: MessagePlace {
                guild: None,
                channel: DiscordId(1),
                message: None,
            },
            shard: SHARD,
            application: DiscordId(1),
            token: SecretString::from("none"),
            token_expires_at: now,
            ephemeral: false,
            is_guest: false,
            file_limit: 10 << 20,
            locale: "en-US".to_owned(),
            action: spec::Action::Imagine,
            parent: None,
            repetition: Repetition::Allowed,
            region: LANE.into(),
            pool: LANE.into(),
            lane: None,
            spec: spec(number),
            leeway: spec::Leeway::NONE,
            text: PromptText::default(),
            shown: String::new(),
            digest: String::new(),
            pictured: None,
            storage_class: StorageClass::Public,
            quote: Credits(0),
            submitted_at: now,
            moderation: serde_json::json!({}),
            queues: self.queues.clone(),
        }
    }

    async fn count(&self) -> anyhow::Result<(i64, i64, i64)> {
        Ok(self.store.count_jobs(LANE, LANE).await?)
    }
}

struct Sent {
    job: JobId,
    began: Instant,
    committed: Instant,
    confirmed: Instant,
}

fn spec(number: u32) -> RenderSpec {
    RenderSpec::Generate(GenerateSpec {
        model: ModelRef {
            id: "bench".into(),
            hash: MODEL_HASH.into(),
        },
        width: 64,
        height: 64,
        steps: 1,
        guidance: 1.0,
        sampler: Sampler::Default,
        pictures: vec![NoisePlan::from_seed(number)],
        finish_scale: 1,
        stop: 100,
        seamless: false,
    })
}
