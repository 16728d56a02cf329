//! What is thought about beside the steps.

use easel_domain::spec::Answer;

use super::*;

pub(super) fn thought() -> Thought {
    let prompts = Vec::new();
    Box::new(|| Ok(Answer::Descriptions { prompts }))
}

impl Bench {
    fn describe(&mut self, key: u64) {
        let pictures = vec![shade(1)];
        self.hand_in("m", key, EngineWork::Describe { pictures });
    }
}

#[test]
fn steps_go_on_while_something_is_thought_about_and_the_next_thought_waits() {
    let mut bench = Bench::new(Counter::default(), 8);
    bench.submit(1, &[10], 6);
    bench.describe(2);
    bench.describe(3);
    bench.tick(2);
    let (key, thought) = bench.ticker.next_thought().unwrap();
    assert_eq!(key, 2);
    bench.tick(2);
    assert_eq!(bench.model().calls.len(), 4, "a step a tick");
    assert!(bench.ticker.next_thought().is_none(), "one at a time");
    assert!(bench.ends().is_empty());
    bench.time.pass(Duration::from_secs(3));
    bench.ticker.thought_of(2, thought());
    bench.tick(1);
    let (key, thought) = bench.ticker.next_thought().unwrap();
    assert_eq!(key, 3);
    bench.ticker.thought_of(3, thought());
    let ends = bench.ends();
    let [
        EngineEvent::Answered {
            key: 2, timings, ..
        },
        EngineEvent::Answered { key: 3, .. },
    ] = ends.as_slice()
    else {
        panic!("{ends:?}");
    };
    assert_eq!(timings.denoise, Duration::from_secs(3));
}

#[test]
fn who_cancels_a_thought_is_told_at_once_and_the_next_one_waits_for_its_end() {
    let mut bench = Bench::new(Counter::default(), 8);
    bench.describe(1);
    bench.describe(2);
    bench.tick(1);
    let (_, thought) = bench.ticker.next_thought().unwrap();
    bench.ticker.cancel(1);
    assert!(matches!(
        bench.ends()[..],
        [EngineEvent::Cancelled { key: 1 }]
    ));
    bench.tick(1);
    assert!(bench.ticker.next_thought().is_none());
    bench.ticker.thought_of(1, thought());
    bench.tick(1);
    bench.ticker.cancel_all();
    let ends = bench.ends();
    assert!(
        matches!(ends[..], [EngineEvent::Cancelled { key: 2 }]),
        "{ends:?}"
    );
}

#[test]
fn a_thought_that_fails_fails_its_job() {
    let mut bench = Bench::new(Counter::default(), 8);
    bench.describe(1);
    bench.tick(1);
    let failure = ModelError::Broken("blind".to_owned());
    bench.ticker.thought_of(1, Err(failure));
    assert!(matches!(
        bench.ends()[..],
        [EngineEvent::Failed { key: 1, .. }]
    ));
}
