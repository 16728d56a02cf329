//! What breaks: by chance, and as the scenario says.

use easel_domain::failure::FailureKind;

use super::arrivals::exponential;
use super::machine::Run;
use super::world::{Due, World};
use crate::event::{Event, Outcome, Policy};
use crate::job::{ClassKey, NodeKey};
use crate::moment::Moment;
use crate::scenario::{FaultKind, FaultTarget};

/// Silence after which a node's leases run out.
const LEASE_S: f64 = 5.0;
/// A job that comes no further for so long hangs.
const HUNG_S: f64 = 60.0;
/// How long a node is away after it died by chance.
const REPAIR_S: f64 = 300.0;
/// How long a node that hung takes to start again.
const RESTART_S: f64 = 60.0;
/// So long after the last job was asked for, idle nodes break no more.
const AFTERMATH_S: f64 = 86_400.0;
/// Notice of a provider that takes a node back.
const NOTICE_S: f64 = 30.0;

impl<P: Policy> World<'_, P> {
    /// When a node that has just started will die and hang.
    pub(super) fn draw_fates(&mut self, index: u32, now: Moment) {
        let machine = &self.machines[index as usize];
        let (class, boot) = (machine.class, machine.key.0);
        let rule = &self.scenario.classes[class.0 as usize];
        let (fail, hang) = (rule.fail_per_hour / 3600.0, rule.hang_per_hour / 3600.0);
        if fail > 0.0 {
            let at = now.after(exponential(&mut self.draws, fail));
            self.at(at, Due::Dies { node: index, boot });
        }
        if hang > 0.0 {
            let at = now.after(exponential(&mut self.draws, hang));
            self.at(at, Due::Hangs { node: index, boot });
        }
    }

    fn is_boot(&self, index: u32, boot: u128) -> bool {
        let machine = &self.machines[index as usize];
        machine.key == NodeKey(boot) && machine.up
    }

    /// Whether a node has nothing to do, long after the last job was asked for: what befalls it is nobody's concern, and
    /// what is still rendered may take a thousand years.
    fn has_rest(&self, index: u32, now: Moment) -> bool {
        let over_s = self.scenario.duration_s + AFTERMATH_S;
        now.secs() > over_s && !self.machines[index as usize].has_jobs()
    }

    pub(super) fn node_trouble(&mut self, what: Due, now: Moment) {
        match what {
            Due::Dies { node, .. } | Due::Hangs { node, .. } if self.has_rest(node, now) => {}
            Due::Dies { node, boot } if self.is_boot(node, boot) => self.dies(node, REPAIR_S, now),
            Due::Hangs { node, boot } if self.is_boot(node, boot) => self.hangs(node, boot, now),
            Due::Stuck { node, boot } if self.is_boot(node, boot) => self.stuck(node, now),
            Due::Missed { boot, .. } => self.missed(NodeKey(boot), now),
            Due::Back { node } => self.comes_back(node, now),
            Due::Reclaimed { node, boot, for_us } if self.is_boot(node, boot) => {
                self.reclaimed(node, for_us, now);
            }
            Due::Poisons {
                node,
                boot,
                job,
                lease,
            } if self.is_boot(node, boot) => {
                let record = &self.books.records[job as usize];
                if record.lease == lease && !record.state.is_end() {
                    self.dies(node, RESTART_S, now);
                }
            }
            _ => {}
        }
    }

    /// A node is gone, with all that it had, and somebody will notice.
    fn dies(&mut self, index: u32, back_after_s: f64, now: Moment) {
        let runs = self.take_down(index, now);
        let key = self.machines[index as usize].key;
        self.lost.insert(key, runs);
        let boot = key.0;
        self.at(now.after(LEASE_S), Due::Missed { node: index, boot });
        self.at(now.after(back_after_s), Due::Back { node: index });
    }

    fn take_down(&mut self, index: u32, now: Moment) -> Vec<Run> {
        let machine = &mut self.machines[index as usize];
        let was = machine.is_rendering();
        // What was done at this very moment went down with it as well.
        let mut runs = machine.advance(now);
        runs.append(&mut machine.clear());
        machine.up = false;
        machine.hung = false;
        machine.models.clear();
        machine.version += 1;
        let end = Moment::from_secs(self.scenario.duration_s);
        self.books.up_s += now.min(end).since(machine.up_since.min(end));
        self.keep_busy_time(index, was, false, now);
        runs
    }

    /// The leases of a dead node have run out.
    fn missed(&mut self, key: NodeKey, now: Moment) {
        if now < self.deaf_until {
            // Nobody's silence counts now.
            let node = self.by_key.get(&key).copied().unwrap_or(0);
            let at = self.deaf_until.after(LEASE_S);
            self.at(at, Due::Missed { node, boot: key.0 });
            return;
        }
        self.tell(Event::NodeGone(key), now);
        for run in self.lost.remove(&key).unwrap_or_default() {
            self.requeue(&run, key, Outcome::Lost, FailureKind::Crash, now);
        }
        self.by_key.remove(&key);
    }

    fn requeue(
        &mut self,
        run: &Run,
        node: NodeKey,
        outcome: Outcome,
        kind: FailureKind,
        now: Moment,
    ) {
        let record = &self.books.records[run.job as usize];
        if record.lease != run.lease || record.state.is_end() {
            return;
        }
        let job = super::dispatcher::id(run.job);
        self.tell(Event::Ended { job, outcome }, now);
        self.waits_again(run.job, run.lease, Some(node), kind, now);
    }

    fn comes_back(&mut self, index: u32, now: Moment) {
        if self.machines[index as usize].up {
            return;
        }
        let key = self.next_key();
        let machine = &mut self.machines[index as usize];
        machine.up = true;
        machine.draining = false;
        machine.up_since = now;
        machine.key = key;
        self.by_key.insert(key, index);
        self.node_speaks(index, now);
        self.draw_fates(index, now);
    }

    fn hangs(&mut self, index: u32, boot: u128, now: Moment) {
        if self.machines[index as usize].is_rendering() {
            self.settle(index, now);
            let machine = &mut self.machines[index as usize];
            machine.hung = true;
            machine.version += 1;
            self.at(now.after(HUNG_S), Due::Stuck { node: index, boot });
        } else {
            let at = now.after(1.0);
            self.at(at, Due::Hangs { node: index, boot });
        }
    }

    /// The progress deadline of a node that hangs has passed: its jobs go elsewhere, and it starts again.
    fn stuck(&mut self, index: u32, now: Moment) {
        if now < self.deaf_until {
            let boot = self.machines[index as usize].key.0;
            self.at(
                self.deaf_until.after(HUNG_S),
                Due::Stuck { node: index, boot },
            );
            return;
        }
        let key = self.machines[index as usize].key;
        let runs = self.take_down(index, now);
        for run in &runs {
            self.requeue(run, key, Outcome::Hung, FailureKind::Retryable, now);
        }
        self.tell(Event::NodeGone(key), now);
        self.by_key.remove(&key);
        self.at(now.after(RESTART_S), Due::Back { node: index });
    }

    /// The provider's notice is over: what is left is handed back.
    fn reclaimed(&mut self, index: u32, for_us: u64, now: Moment) {
        let key = self.machines[index as usize].key;
        let runs = self.take_down(index, now);
        for run in &runs {
            self.requeue(run, key, Outcome::Lost, FailureKind::Infrastructure, now);
        }
        self.tell(Event::NodeGone(key), now);
        self.by_key.remove(&key);
        self.at(Moment(now.0 + for_us), Due::Back { node: index });
    }

    pub(super) fn fault(&mut self, index: u32, now: Moment) {
        let fault = self.scenario.faults[index as usize].clone();
        match fault.kind {
            FaultKind::Broker | FaultKind::Leader => {
                self.deaf_until = self.deaf_until.max(now.after(fault.for_s));
                let until = self.deaf_until;
                self.at(until, Due::Audible);
            }
            FaultKind::Node | FaultKind::Region => {
                for node in self.hit(fault.target) {
                    if self.machines[node as usize].up {
                        self.dies(node, fault.for_s, now);
                    }
                }
            }
            FaultKind::Spot => {
                for node in self.hit(fault.target) {
                    self.give_notice(node, fault.for_s, now);
                }
            }
        }
    }

    fn give_notice(&mut self, node: u32, for_s: f64, now: Moment) {
        let machine = &mut self.machines[node as usize];
        if !machine.up || machine.draining {
            return;
        }
        machine.draining = true;
        let boot = machine.key.0;
        self.node_speaks(node, now);
        let what = Due::Reclaimed {
            node,
            boot,
            for_us: crate::moment::micros(for_s),
        };
        self.at(now.after(NOTICE_S), what);
    }

    fn hit(&self, target: FaultTarget) -> Vec<u32> {
        let is_hit = |class: ClassKey, number: u32| {
            let rule = &self.scenario.classes[class.0 as usize];
            match target {
                FaultTarget::None => rule.spot,
                // Numbers are counted from 0; the one past the last is taken for the last.
                FaultTarget::Node(hit, which) => {
                    class == hit && number == which.min(rule.count.saturating_sub(1))
                }
                FaultTarget::Class(hit) => class == hit,
                FaultTarget::Region(hit) => rule.region == hit,
            }
        };
        (0..)
            .zip(&self.machines)
            .filter(|(_, machine)| is_hit(machine.class, machine.number))
            .map(|(index, _)| index)
            .collect()
    }

    /// What was said meanwhile is heard, in its order.
    pub(super) fn heard_again(&mut self, now: Moment) {
        if now < self.deaf_until {
            return;
        }
        for event in std::mem::take(&mut self.unheard) {
            self.tell(event, now);
        }
        for (_, run) in std::mem::take(&mut self.late) {
            self.done(run, now);
        }
    }
}
