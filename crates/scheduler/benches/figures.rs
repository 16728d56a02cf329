//! What a waiting job costs in memory, and a decision in time, while more and more wait: `cargo bench -p easel-scheduler`.
//!
//! Forty models on 240 nodes of two kinds, four lanes, a member for each hundred jobs and a guild for each thousand.
//! Memory is what the process grew by for each job, as the kernel counts it. A decision is: a job ends, one
//! arrives, and the next is found and placed; the median of five rounds of processor time is printed. Sizes may be named
//! as arguments.

use std::time::Instant;

use easel_domain::JobId;
use easel_domain::tier::ServiceClass;
use easel_scheduler::easel::{Easel, Settings};
use easel_scheduler::fleet::{ClassRule, NodeFacts};
use easel_scheduler::speed::SpeedModel;
use easel_scheduler::{
    Action, BatchKey, ClassKey, Event, GuildIx, Job, ModelKey, Moment, NodeKey, Outcome, Policy,
    Shape, TierKey, TierRule, UserIx,
};
use uuid::Uuid;

const MODELS: u32 = 40;
const NODES: u128 = 240;
const ROUNDS: usize = 5;
const DECISIONS: usize = 20_000;

fn tiers() -> Vec<TierRule> {
    ServiceClass::ALL
        .into_iter()
        .map(|class| TierRule {
            name: format!("{class:?}"),
            class,
            weight: 1.0,
            running: u32::MAX,
            waiting: u32::MAX,
            aging_s: 1800.0,
            shed_s: (class == ServiceClass::Relax).then_some(3600.0),
            slo_factor: (class != ServiceClass::Relax).then_some(10_000.0),
            slo_s: None,
            reserved: 0.0,
        })
        .collect()
}

fn fleet(policy: &mut Easel, actions: &mut Vec<Action>) {
    let class = |relative_cost: f64| ClassRule {
        region: 0,
        relative_cost,
        spot: false,
        batch_gain: Some(vec![1.0]),
        refuses: std::collections::BTreeSet::new(),
    };
    let now = Moment::START;
    policy.apply(Event::Classes(vec![class(1.0), class(2.0)]), now, actions);
    policy.apply(Event::Tiers(tiers()), now, actions);
    for model in 0..MODELS {
        policy.told_size(ModelKey(model), 6.5);
    }
    for node in 0..NODES {
        let first = u32::try_from(node % u128::from(MODELS)).unwrap_or(0);
        let facts = NodeFacts {
            node: NodeKey(node + 1),
            class: ClassKey(u16::from(node % 2 == 1)),
            memory_gib: 40.0,
            loaded: (0..6)
                .map(|at| ModelKey((first + at * 7) % MODELS))
                .collect(),
            places: 1,
            most_pictures: None,
            mixes: false,
            loads: true,
            loadable: None,
            pauses: true,
            draining: false,
        };
        policy.apply(Event::Node(Box::new(facts)), now, actions);
    }
}

fn job(number: u32, users: u32, now: Moment) -> Job {
    // A multiplicative hash: spread without a generator.
    let spread = number.wrapping_mul(2_654_435_761) >> 8;
    let tier = u16::try_from(spread % 4).unwrap_or(0);
    Job {
        id: JobId(Uuid::from_u128(u128::from(number) + 1)),
        user: UserIx(number % users),
        guild: GuildIx(number % users / 10),
        tier: TierKey(tier),
        lane: ServiceClass::ALL[usize::from(tier)],
        key: BatchKey {
            model: ModelKey(spread / 4 % MODELS),
            shape: Shape {
                width: 512,
                height: 512,
            },
        },
        steps: 30,
        pictures: 1,
        region: None,
        only: None,
        submitted: now,
        not_before: now,
        deadline: None,
        attempt: 1,
        deaths: 0,
        avoid: None,
    }
}

/// Bytes of memory that the process has, or nothing where the system does not tell.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// Seconds that this thread has had a processor: what neighbours take of the machine does not count. Where the system does
/// not tell, what a clock says.
fn worked_s(began: Instant) -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text
        .split(' ')
        .next()
        .and_then(|text| text.parse::<f64>().ok());
    nanos.map_or_else(|| began.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

/// Seconds of one decision while so many wait.
fn decisions(policy: &mut Easel, next: &mut u32, users: u32, now: &mut Moment) -> f64 {
    let mut actions = Vec::new();
    let mut placed = std::collections::VecDeque::new();
    policy.place(*now, &mut actions);
    let (mut rounds, clock) = (Vec::new(), Instant::now());
    for _ in 0..ROUNDS {
        let mut made = 0;
        let began_s = worked_s(clock);
        while made < DECISIONS {
            for action in actions.drain(..) {
                if let Action::Place { job, .. } = action {
                    placed.push_back(job);
                    made += 1;
                }
            }
            let Some(job) = placed.pop_front() else { break };
            *now = now.after(0.001);
            let outcome = Outcome::Done;
            policy.apply(Event::Ended { job, outcome }, *now, &mut actions);
            let fresh = Box::new(self::job(*next, users, *now));
            *next += 1;
            policy.apply(Event::Waits(fresh), *now, &mut actions);
            policy.place(*now, &mut actions);
        }
        rounds.push((worked_s(clock) - began_s) / made as f64);
    }
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

#[expect(clippy::print_stdout, reason = "the figures are this program's result")]
fn main() {
    println!("| jobs waiting | memory of a job | one decision |");
    println!("|---|---|---|");
    let asked: Vec<u32> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes = [1_000, 10_000, 100_000, 1_000_000];
    for count in sizes
        .into_iter()
        .filter(|size| asked.is_empty() || asked.contains(size))
    {
        let mut policy = Easel::new(Settings::default(), SpeedModel::default());
        let mut actions = Vec::new();
        fleet(&mut policy, &mut actions);
        let users = count / 100;
        let before = resident();
        let mut next = 0;
        while next < count {
            let fresh = job(next, users, Moment::START);
            policy.apply(Event::Waits(Box::new(fresh)), Moment::START, &mut actions);
            next += 1;
        }
        let grown = before
            .zip(resident())
            .map(|(from, to)| to.saturating_sub(from));
        let bytes = grown.filter(|_| count >= 100_000).map_or_else(
            || "too little to tell".to_owned(),
            |grown| format!("{} bytes", grown / count as usize),
        );
        let mut now = Moment::START.after(1.0);
        let seconds = decisions(&mut policy, &mut next, users, &mut now);
        println!("| {count} | {bytes} | {:.1} µs |", seconds * 1e6);
    }
}
