//! Jobs come in.

use easel_domain::admission::Admission;

use super::books::{Record, State};
use super::each_class;
use super::world::World;
use crate::event::{Event, Policy};
use crate::job::{BatchKey, ClassKey, GuildIx, Job, UserIx};
use crate::moment::Moment;
use crate::scenario::TraceJob;

impl<P: Policy> World<'_, P> {
    pub(super) fn arrives(&mut self, row: &TraceJob, now: Moment) {
        self.progress(now);
        let tier = &self.scenario.tiers[row.tier.0 as usize];
        let record = Record {
            tier: row.tier,
            user: row.user,
            submitted: now,
            started: None,
            ended: None,
            state: State::Waiting,
            alone_s: (self.alone_s(row.key, row.count) * f64::from(row.steps)) as f32,
            lease: 0,
            attempt: 1,
            deaths: 0,
            quoted: false,
        };
        let limit = tier.running.saturating_add(tier.waiting);
        let full = self.books.unfinished(row.user) >= limit;
        let lane = row.lane.map_or(tier.class, |asked| asked.max(tier.class));
        let job = self.books.add(record);
        let job_row = Job {
            id: super::dispatcher::id(job),
            user: UserIx(row.user),
            guild: GuildIx(row.guild),
            tier: row.tier,
            lane,
            key: row.key,
            steps: row.steps,
            pictures: row.count,
            region: row.region,
            only: row.only,
            submitted: now,
            not_before: now,
            deadline: row.deadline_s.map(|seconds| now.after(seconds)),
            attempt: 1,
            deaths: 0,
            avoid: None,
        };
        let suits = |class: ClassKey| {
            self.runs[&(class, row.key.model)] && row.only.is_none_or(|only| only == class)
        };
        let possible = each_class(self.scenario).any(suits);
        if full {
            self.books.ends(job, State::OverLimit, now);
            return;
        }
        let admission = self.policy.admission(&job_row, now);
        if !possible || matches!(admission, Admission::Refuse { .. }) {
            self.books.ends(job, State::Refused, now);
            return;
        }
        self.books.records[job as usize].quoted = matches!(admission, Admission::Quote { .. });
        // A fleet that could have such nodes and has none.
        let nodes = |class: ClassKey| self.scenario.classes[class.0 as usize].count;
        if !each_class(self.scenario).any(|class| suits(class) && nodes(class) > 0) {
            self.books.ends(job, State::Failed, now);
            return;
        }
        if row.poison {
            self.poison.push(job);
        }
        self.books.waits(job, now);
        self.specs.insert(job, job_row.clone());
        self.tell(Event::Waits(Box::new(job_row)), now);
    }

    /// Seconds of one step of a job by itself, on an average node that may run it.
    fn alone_s(&mut self, key: BatchKey, pictures: u32) -> f64 {
        if let Some(known) = self.alone.get(&(key, pictures)) {
            return *known;
        }
        let (mut sum, mut nodes) = (0.0, 0.0);
        for class in each_class(self.scenario) {
            let rule = &self.scenario.classes[class.0 as usize];
            if let Some(step_s) = self
                .scenario
                .step_s(class, key)
                .filter(|_| self.runs[&(class, key.model)])
            {
                let count = f64::from(rule.count.max(1));
                sum += count * step_s * self.gains[class.0 as usize].stretch(pictures);
                nodes += count;
            }
        }
        let alone = if nodes > 0.0 { sum / nodes } else { 0.0 };
        self.alone.insert((key, pictures), alone);
        alone
    }
}
