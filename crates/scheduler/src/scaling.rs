//! How many nodes a lane should have: for what waits, for what is asked for now, and for what will be asked for by the
//! time that a node which is started now is ready.
//!
//! The forecast is a level with a trend (Holt's linear smoothing) times the shape of a day, learnt in quarters of an hour
//! as the mean of earlier days. Where a quarter has never been seen the day has no shape, and the trend alone counts.

use std::collections::VecDeque;

/// Seconds of a day.
const DAY_S: f64 = 86_400.0;
/// Parts of a day that are told apart.
const SLOTS: usize = 96;
/// Weight of the newest day in the mean of a part.
const NEWEST_DAY: f64 = 0.5;
/// The level follows what is asked for within about so many seconds, its trend within three times as many.
const LEVEL_S: f64 = 600.0;
/// A day's shape changes the level by this factor at most, whatever was seen.
const STEEPEST: f64 = 8.0;
/// The trend changes the level by this factor at most.
const FARTHEST: f64 = 2.0;

/// What an operator decides.
#[derive(Debug, Clone, PartialEq)]
pub struct ScaleRules {
    /// Fewest nodes.
    pub least: u32,
    /// Most nodes.
    pub most: u32,
    /// What waits should be done within so many seconds.
    pub drain_s: f64,
    /// Share of each second that a node is busy where promises are kept.
    pub target_load: f64,
    /// What was wanted within so many seconds is still wanted.
    pub cool_down_s: f64,
    /// Seconds until a node that is started now takes work: as far as the forecast looks.
    pub ahead_s: f64,
    /// What an hour of a node costs.
    pub node_cost: f64,
    /// What an hour of the lane may cost; nothing for no ceiling.
    pub most_cost: Option<f64>,
}

impl Default for ScaleRules {
    fn default() -> Self {
        Self {
            least: 0,
            most: 1_000,
            drain_s: 60.0,
            target_load: 0.75,
            cool_down_s: 300.0,
            ahead_s: 300.0,
            node_cost: 1.0,
            most_cost: None,
        }
    }
}

impl ScaleRules {
    /// The most nodes that limit and ceiling allow. The ceiling holds even where it allows fewer than the least.
    pub fn ceiling(&self) -> u32 {
        let paid_for = self.most_cost.map_or(u32::MAX, |most| {
            // A cast from a float saturates, and makes 0 of what is no number.
            (most / self.node_cost.max(f64::MIN_POSITIVE)).floor() as u32
        });
        self.most.max(self.least).min(paid_for)
    }
}

/// What a lane has to do.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    /// GPU-seconds that wait.
    pub backlog_gpu_s: f64,
    /// GPU-seconds that are asked for in a second, lately.
    pub offered: f64,
    /// Nodes that are busy.
    pub busy: f64,
}

impl Load {
    fn asked(self) -> f64 {
        sound(self.offered).max(sound(self.busy))
    }
}

fn sound(amount: f64) -> f64 {
    if amount.is_finite() {
        amount.max(0.0)
    } else {
        0.0
    }
}

/// What is asked for, foreseen.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// Mean of earlier days, by part of the day.
    days: [Option<f64>; SLOTS],
    /// The part that is being seen: which, the sum and the seconds so far.
    current: Option<(usize, f64, f64)>,
    level: Option<f64>,
    /// Change of the level in a second.
    trend: f64,
    at_s: f64,
}

impl Default for Forecast {
    fn default() -> Self {
        Self {
            days: [None; SLOTS],
            current: None,
            level: None,
            trend: 0.0,
            at_s: 0.0,
        }
    }
}

fn slot(at_s: f64) -> usize {
    ((at_s.rem_euclid(DAY_S) / DAY_S * SLOTS as f64) as usize).min(SLOTS - 1)
}

impl Forecast {
    /// So much is asked for at `at_s`, in nodes that it keeps busy; seconds since any midnight, never going back.
    pub fn saw(&mut self, at_s: f64, asked: f64) {
        let asked = sound(asked);
        let Some(level) = self.level else {
            (self.level, self.at_s) = (Some(asked), at_s);
            return;
        };
        let passed_s = at_s - self.at_s;
        if passed_s.is_nan() || passed_s <= 0.0 {
            return;
        }
        self.at_s = at_s;
        let weight = 1.0 - (-passed_s / LEVEL_S).exp();
        let expected = level + self.trend * passed_s;
        let next = expected + weight * (asked - expected);
        let slope = (next - level) / passed_s;
        self.trend += (1.0 - (-passed_s / (3.0 * LEVEL_S)).exp()) * (slope - self.trend);
        self.level = Some(next.max(0.0));
        self.note(slot(at_s), asked, passed_s.min(DAY_S / SLOTS as f64));
    }

    fn note(&mut self, slot: usize, asked: f64, seconds: f64) {
        match &mut self.current {
            Some((at, sum, length)) if *at == slot => {
                *sum += asked * seconds;
                *length += seconds;
            }
            current => {
                if let Some((at, sum, length)) = current.take() {
                    let mean = sum / length;
                    let day = &mut self.days[at];
                    *day = Some(day.map_or(mean, |old| old + NEWEST_DAY * (mean - old)));
                }
                *current = Some((slot, asked * seconds, seconds));
            }
        }
    }

    /// What will be asked for in `ahead_s` seconds.
    pub fn in_s(&self, ahead_s: f64) -> f64 {
        let level = self.level.unwrap_or(0.0);
        let (now, then) = (slot(self.at_s), slot(self.at_s + ahead_s));
        match (self.days[now], self.days[then]) {
            (Some(here), Some(there)) if here > 0.0 => {
                level * (there / here).clamp(1.0 / STEEPEST, STEEPEST)
            }
            _ => (level + self.trend * ahead_s).clamp(level / FARTHEST, level * FARTHEST),
        }
    }

    /// The most that will be asked for within the next `ahead_s` seconds.
    pub fn most_within(&self, ahead_s: f64) -> f64 {
        let quarter_s = DAY_S / SLOTS as f64;
        // Whole days hold nothing that the first does not.
        let parts = (ahead_s.clamp(0.0, DAY_S) / quarter_s).ceil() as usize;
        (0..=parts)
            .map(|part| self.in_s((part as f64 * quarter_s).min(ahead_s)))
            .fold(0.0, f64::max)
    }
}

/// Decides how many nodes a lane should have.
#[derive(Debug, Clone, Default)]
pub struct Scaler {
    forecast: Forecast,
    wanted: VecDeque<(f64, u32)>,
}

impl Scaler {
    /// The number of nodes at `now_s`, which is counted in seconds from any midnight and never goes back.
    pub fn desired(&mut self, now_s: f64, load: Load, rules: &ScaleRules) -> u32 {
        self.forecast.saw(now_s, load.asked());
        let asked = load.asked().max(self.forecast.most_within(rules.ahead_s));
        let for_backlog = sound(load.backlog_gpu_s) / rules.drain_s.max(1.0);
        let wanted = (asked / rules.target_load.clamp(0.05, 1.0) + for_backlog).ceil();
        // A cast from a float saturates.
        self.keep(now_s, wanted as u32, rules.cool_down_s);
        let most = self.wanted.front().map_or(0, |(_, wanted)| *wanted);
        most.max(rules.least).min(rules.ceiling())
    }

    /// Keeps what was wanted while it may still be the most of the last seconds: later and more makes it forgotten.
    fn keep(&mut self, now_s: f64, wanted: u32, cool_down_s: f64) {
        while self.wanted.back().is_some_and(|(_, old)| *old <= wanted) {
            self.wanted.pop_back();
        }
        self.wanted.push_back((now_s, wanted));
        while self
            .wanted
            .front()
            .is_some_and(|(at, _)| now_s - at > cool_down_s)
        {
            self.wanted.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(asked: f64) -> Load {
        Load {
            offered: asked,
            ..Load::default()
        }
    }

    fn calm() -> ScaleRules {
        ScaleRules {
            ahead_s: 0.0,
            ..ScaleRules::default()
        }
    }

    #[test]
    fn a_backlog_asks_for_nodes_at_once_and_lets_them_go_slowly() {
        let (mut scaler, rules) = (Scaler::default(), calm());
        let mut desired = |at_s, backlog_gpu_s, busy| {
            let load = Load {
                backlog_gpu_s,
                offered: 0.0,
                busy,
            };
            scaler.desired(at_s, load, &rules)
        };
        assert_eq!(desired(0.0, 0.0, 0.0), 0);
        assert_eq!(desired(1.0, 120.0, 1.5), 4);
        assert_eq!(desired(2.0, 90_000.0, 3.0), 1_000);
        assert_eq!(desired(290.0, 0.0, 0.0), 1_000);
        assert!(desired(303.0, 0.0, 0.0) <= 3);
    }

    /// Ten nodes by night and forty by day, every day the same.
    #[test]
    fn a_morning_that_was_seen_before_is_met_with_nodes_that_are_ready() {
        let asked = |at_s: f64| {
            let hour = at_s.rem_euclid(DAY_S) / 3600.0;
            if (8.0..20.0).contains(&hour) {
                40.0
            } else {
                10.0
            }
        };
        let (mut scaler, rules) = (Scaler::default(), ScaleRules::default());
        let mut wanted = |from_s: f64, to_s: f64| {
            let mut last = 0;
            let mut at_s = from_s;
            while at_s < to_s {
                last = scaler.desired(at_s, load(asked(at_s)), &rules);
                at_s += 60.0;
            }
            last
        };
        let before = wanted(0.0, 8.0 * 3600.0 - 120.0);
        assert!(before < 20, "nobody could know: {before}");
        let eve = 2.0 * DAY_S + 8.0 * 3600.0 - 120.0;
        let after = wanted(8.0 * 3600.0, eve);
        assert!((48..=60).contains(&after), "{after}");
    }

    #[test]
    fn a_steady_rise_is_foreseen_and_a_steady_load_is_itself() {
        let mut rising = Forecast::default();
        let mut steady = Forecast::default();
        for minute in 0..120 {
            let at_s = f64::from(minute) * 60.0;
            rising.saw(at_s, 10.0 + f64::from(minute) / 10.0);
            steady.saw(at_s, 7.0);
        }
        assert!(rising.in_s(600.0) > 21.0, "{}", rising.in_s(600.0));
        assert!((steady.in_s(600.0) - 7.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn limits_and_ceiling_hold_whatever_is_measured(
            loads in prop::collection::vec(
                (0.0..4000.0_f64, any::<f64>(), 0.0..1e9_f64, any::<f64>()), 1..200),
            least in 0..50_u32,
            most in 0..500_u32,
            most_cost in prop::option::of(0.0..900.0_f64),
            node_cost in 0.1..10.0_f64,
        ) {
            let rules = ScaleRules { least, most, node_cost, most_cost, ..ScaleRules::default() };
            let (mut scaler, mut at_s) = (Scaler::default(), 0.0);
            for (passed_s, backlog_gpu_s, offered, busy) in loads {
                at_s += passed_s;
                let nodes = scaler.desired(at_s, Load { backlog_gpu_s, offered, busy }, &rules);
                prop_assert!(nodes <= most.max(least));
                if let Some(most_cost) = most_cost {
                    prop_assert!(f64::from(nodes) * node_cost <= most_cost + 1e-9);
                } else {
                    prop_assert!(nodes >= least);
                }
            }
        }

        #[test]
        fn what_is_needed_now_is_wanted_now_and_for_as_long_as_it_takes_to_cool_down(
            loads in prop::collection::vec((1.0..100.0_f64, 0.0..100.0_f64, 0.0..5000.0_f64), 1..100),
        ) {
            let rules = ScaleRules { most: u32::MAX, ..ScaleRules::default() };
            let (mut scaler, mut at_s) = (Scaler::default(), 0.0);
            let mut needed: Vec<(f64, f64)> = Vec::new();
            for (passed_s, offered, backlog_gpu_s) in loads {
                at_s += passed_s;
                needed.push((at_s, offered / rules.target_load + backlog_gpu_s / rules.drain_s));
                let load = Load { backlog_gpu_s, offered, busy: 0.0 };
                let nodes = f64::from(scaler.desired(at_s, load, &rules));
                let lately = needed.iter().filter(|(at, _)| at_s - at <= rules.cool_down_s);
                let most = lately.map(|(_, needed)| *needed).fold(0.0, f64::max);
                prop_assert!(nodes + 1e-9 >= most, "{} of {}", nodes, most);
            }
        }
    }
}
