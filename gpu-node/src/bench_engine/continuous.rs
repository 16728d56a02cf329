//! The engine's own loop, in virtual time.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use super::model::{Pace, request};
use super::{Arrival, SLOTS, engine};
use crate::engine::EngineEvent;
use crate::engine::stopwatch::{Stopwatch, VirtualTime};
use crate::engine::ticker::Submission;

/// What became of the jobs.
pub struct Outcome {
    /// Seconds from arrival to the first step, of each.
    pub waits: Vec<f64>,
    /// Seconds from arrival to the last step, of each.
    pub totals: Vec<f64>,
    /// Ticks to the end of the first step, of those that found a slot free.
    pub ticks_with_a_free_slot: Vec<u32>,
}

/// A job in the engine.
#[derive(Clone, Copy)]
struct Asked {
    /// Ticks begun before it arrived; the one under way counts for it.
    tick: u32,
    found_a_slot: bool,
}

/// Every job arrives when it does, and joins when the engine lets it.
pub fn run(arrivals: &[Arrival], most_begun: u32) -> Outcome {
    let time = Arc::new(VirtualTime::default());
    let mut ticker = engine(
        Pace::Measured(Arc::clone(&time)),
        Arc::clone(&time) as _,
        most_begun,
    );
    let (sender, events) = channel();
    let mut asked: Vec<Asked> = Vec::with_capacity(arrivals.len());
    let (mut tick, mut inside) = (0, 0_usize);
    let mut outcome = Outcome {
        waits: Vec::with_capacity(arrivals.len()),
        totals: Vec::with_capacity(arrivals.len()),
        ticks_with_a_free_slot: Vec::new(),
    };
    while outcome.waits.len() < arrivals.len() {
        if ticker.is_idle()
            && let Some(next) = arrivals.get(asked.len())
        {
            time.pass(next.at.saturating_sub(time.elapsed()));
        }
        let began = time.elapsed();
        submit_until(
            began,
            arrivals,
            &mut asked,
            (tick, &mut inside),
            |at, key| ticker.submit(submission(at, key, &sender)),
        );
        ticker.tick();
        tick += 1;
        // Those that came while it ran found the slots as they were.
        let during = time.elapsed();
        submit_until(
            during,
            arrivals,
            &mut asked,
            (tick - 1, &mut inside),
            |at, key| ticker.submit(submission(at, key, &sender)),
        );
        for event in events.try_iter() {
            match event {
                EngineEvent::Progress { key, step: 1, .. } => {
                    let asked = asked[key as usize];
                    if asked.found_a_slot {
                        outcome.ticks_with_a_free_slot.push(tick - asked.tick);
                    }
                }
                EngineEvent::Finished { timings, .. } => {
                    inside -= 1;
                    let total = timings.wait + timings.text + timings.denoise;
                    outcome.waits.push(timings.wait.as_secs_f64());
                    outcome.totals.push(total.as_secs_f64());
                }
                EngineEvent::Progress { .. }
                | EngineEvent::Answered { .. }
                | EngineEvent::Cancelled { .. }
                | EngineEvent::Failed { .. } => {}
            }
        }
    }
    outcome
}

fn submission(arrival: &Arrival, key: u64, sender: &Sender<EngineEvent>) -> Submission {
    let sender = sender.clone();
    Submission {
        request: request(key, arrival.steps),
        events: Box::new(move |event| drop(sender.send(event))),
        at: arrival.at,
        paused: false,
    }
}

fn submit_until(
    now: Duration,
    arrivals: &[Arrival],
    asked: &mut Vec<Asked>,
    (tick, inside): (u32, &mut usize),
    mut submit: impl FnMut(&Arrival, u64),
) {
    while let Some(next) = arrivals.get(asked.len()).filter(|next| next.at <= now) {
        submit(next, asked.len() as u64);
        asked.push(Asked {
            tick,
            found_a_slot: *inside < SLOTS,
        });
        *inside += 1;
    }
}
