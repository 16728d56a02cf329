//! When jobs are asked for, and by whom.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::moment::Moment;
use crate::scenario::{Arrivals, Rhythm, Scenario, TraceJob};

const DAY_S: f64 = 86_400.0;

/// A uniform number in `[0, 1)`.
pub(super) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The time until the next of events that happen `rate` times in a second.
pub(super) fn exponential(rng: &mut ChaCha8Rng, rate: f64) -> f64 {
    -(1.0 - unit(rng)).ln() / rate
}

/// A generator for one purpose.
pub(super) fn rng(seed: u64, purpose: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(purpose);
    rng
}

struct Stream {
    arrivals: Arrivals,
    rng: ChaCha8Rng,
    first_user: u32,
    first_guild: u32,
}

impl Stream {
    fn rate_at(&self, t_s: f64) -> f64 {
        let plain = self.arrivals.rate_per_s;
        match self.arrivals.rhythm {
            Rhythm::Poisson => plain,
            Rhythm::Burst => {
                let inside = (self.arrivals.from_s..self.arrivals.to_s).contains(&t_s);
                plain * if inside { self.arrivals.factor } else { 1.0 }
            }
            Rhythm::Diurnal => {
                let swing = (self.arrivals.factor - 1.0) / (self.arrivals.factor + 1.0);
                plain * (1.0 - swing * (t_s / DAY_S * std::f64::consts::TAU).cos())
            }
        }
    }

    fn highest_rate(&self) -> f64 {
        let plain = self.arrivals.rate_per_s;
        match self.arrivals.rhythm {
            Rhythm::Poisson => plain,
            Rhythm::Burst => plain * self.arrivals.factor.max(1.0),
            Rhythm::Diurnal => plain * 2.0,
        }
    }

    fn bounds(&self, duration_s: f64) -> (f64, f64) {
        match self.arrivals.rhythm {
            Rhythm::Burst => (0.0, duration_s),
            Rhythm::Poisson | Rhythm::Diurnal => (self.arrivals.from_s, self.arrivals.to_s),
        }
    }

    /// The next arrival after `t_s`, by thinning (Lewis & Shedler 1979).
    fn next(&mut self, mut t_s: f64, duration_s: f64) -> Option<f64> {
        let highest = self.highest_rate();
        if highest <= 0.0 {
            return None;
        }
        let (from, to) = self.bounds(duration_s);
        t_s = t_s.max(from);
        loop {
            t_s += exponential(&mut self.rng, highest);
            if t_s >= to {
                return None;
            }
            if unit(&mut self.rng) * highest < self.rate_at(t_s) {
                return Some(t_s);
            }
        }
    }

    fn job(&mut self, t_s: f64) -> TraceJob {
        let of = |rng: &mut ChaCha8Rng, count: u32| (unit(rng) * f64::from(count)) as u32;
        let user = of(&mut self.rng, self.arrivals.users);
        TraceJob {
            t_s,
            user: self.first_user + user,
            guild: self.first_guild + user % self.arrivals.guilds,
            tier: self.arrivals.tier,
            key: self.arrivals.key,
            steps: self.arrivals.steps,
            count: self.arrivals.count,
            region: self.arrivals.region,
            lane: None,
            only: None,
            deadline_s: None,
            poison: false,
        }
    }
}

/// All jobs, in the order of time.
pub(super) enum Source<'a> {
    /// As they were recorded.
    Trace(std::slice::Iter<'a, TraceJob>),
    /// As the scenario draws them.
    Drawn(Box<Drawn>),
}

pub(super) struct Drawn {
    streams: Vec<Stream>,
    next: BinaryHeap<Reverse<(Moment, usize)>>,
    duration_s: f64,
}

impl<'a> Source<'a> {
    pub fn new(scenario: &Scenario, trace: Option<&'a [TraceJob]>, seed: u64) -> Self {
        if let Some(trace) = trace {
            return Self::Trace(trace.iter());
        }
        let (mut user, mut guild) = (0, 0);
        let mut drawn = Drawn {
            streams: Vec::new(),
            next: BinaryHeap::new(),
            duration_s: scenario.duration_s,
        };
        for (index, arrivals) in scenario.arrivals.iter().enumerate() {
            let mut stream = Stream {
                arrivals: arrivals.clone(),
                rng: rng(seed, 1 + index as u64),
                first_user: user,
                first_guild: guild,
            };
            user += arrivals.users;
            guild += arrivals.guilds;
            if let Some(t_s) = stream.next(0.0, scenario.duration_s) {
                drawn.next.push(Reverse((Moment::from_secs(t_s), index)));
            }
            drawn.streams.push(stream);
        }
        Self::Drawn(Box::new(drawn))
    }
}

impl Iterator for Source<'_> {
    type Item = TraceJob;

    fn next(&mut self) -> Option<TraceJob> {
        match self {
            Self::Trace(rows) => rows.next().cloned(),
            Self::Drawn(drawn) => {
                let Reverse((at, index)) = drawn.next.pop()?;
                let stream = &mut drawn.streams[index];
                let job = stream.job(at.secs());
                if let Some(t_s) = stream.next(at.secs(), drawn.duration_s) {
                    drawn.next.push(Reverse((Moment::from_secs(t_s), index)));
                }
                Some(job)
            }
        }
    }
}
