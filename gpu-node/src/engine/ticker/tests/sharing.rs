//! Several models and shapes on one device.

use super::*;

fn two_models(second: Option<Loaded<Counter>>, memory: u64) -> Bench {
    let stock = vec![
        (facts("m", false), Some(ready(Counter::default()))),
        (facts("n", false), second),
    ];
    Bench::with(stock, 8, memory)
}

#[test]
fn shapes_and_models_take_turns_and_never_share_a_call() {
    let mut bench = two_models(Some(ready(Counter::default())), 1_000);
    bench.submit(1, &[10], 2);
    bench.submit_to("m", 2, &[20], (2, 16));
    bench.submit_to("n", 3, &[30], (2, 8));
    bench.tick(3);
    assert_eq!(bench.model().calls, [[10], [20]]);
    assert_eq!(bench.ticker.shelf.get(1).unwrap().calls, [[30]]);
    bench.tick(6);
    assert!(bench.ends().iter().all(is_finished));
}

#[test]
fn a_shape_that_is_dear_gets_fewer_steps_and_as_much_time() {
    let time = Arc::new(VirtualTime::default());
    let model = Counter {
        pace: Some((Arc::clone(&time), Duration::from_millis(1))),
        ..Counter::default()
    };
    let mut bench = Bench::new(model, 8);
    bench.ticker.shared.stopwatch = time;
    bench.submit_to("m", 1, &[1], (900, 8));
    bench.submit_to("m", 2, &[2], (900, 32));
    bench.tick(100);
    let calls = &bench.model().calls;
    let dear = calls.iter().filter(|call| **call == [2]).count();
    assert!((19..=21).contains(&dear), "{dear} of {}", calls.len());
}

#[test]
fn a_new_shape_has_its_first_step_at_the_next_tick() {
    let time = Arc::new(VirtualTime::default());
    let model = Counter {
        pace: Some((Arc::clone(&time), Duration::from_millis(1))),
        ..Counter::default()
    };
    let mut bench = Bench::new(model, 8);
    bench.ticker.shared.stopwatch = time;
    bench.submit_to("m", 1, &[1], (900, 8));
    bench.submit_to("m", 2, &[2], (900, 16));
    bench.tick(51);
    bench.submit_to("m", 3, &[3], (900, 24));
    bench.tick(1);
    assert_eq!(bench.model().calls.last().unwrap(), &[3]);
}

#[test]
fn a_job_whose_model_is_on_disk_has_it_loaded_and_holds_up_nobody() {
    let mut bench = two_models(None, 1_000);
    bench.submit_to("n", 1, &[1], (1, 8));
    bench.submit(2, &[2], 3);
    bench.tick(2);
    assert_eq!(
        bench.ticker.loads(),
        [1],
        "once, however often it is asked for"
    );
    assert_eq!(bench.model().calls, [[2], [2]]);
    bench.ticker.loaded(1, Ok(ready(Counter::default())));
    bench.tick(3);
    let ends = bench.ends();
    assert!(ends.len() == 2 && ends.iter().all(is_finished), "{ends:?}");
}

#[test]
fn a_model_that_cannot_be_loaded_fails_its_jobs_and_no_others() {
    let mut bench = two_models(None, 1_000);
    bench.submit_to("n", 1, &[1], (1, 8));
    bench.submit(2, &[2], 1);
    bench.tick(1);
    bench
        .ticker
        .loaded(1, Err("the disk is on fire".to_owned()));
    bench.tick(1);
    let ends = bench.ends();
    let failed = matches!(&ends[0], EngineEvent::Failed { kind: FailureKind::Retryable, message, .. }
        if message.contains("fire"));
    assert!(failed && is_finished(&ends[1]), "{ends:?}");
    bench.submit_to("n", 3, &[3], (1, 8));
    bench.ticker.loads();
    bench.tick(1);
    assert_eq!(bench.ticker.loads(), [1], "a later job tries again");
}

#[test]
fn without_room_for_both_the_old_model_goes_when_its_jobs_have_ended() {
    let mut bench = two_models(None, 150);
    bench.submit(1, &[1], 3);
    bench.tick(1);
    bench.submit_to("n", 2, &[2], (1, 8));
    bench.submit(3, &[3], 3);
    bench.tick(2);
    assert!(bench.ticker.loads().is_empty(), "the old one is in use");
    assert_eq!(
        bench.model().calls,
        [[1], [1], [1]],
        "and takes no new jobs"
    );
    bench.tick(1);
    assert_eq!(bench.ticker.loads(), [1]);
    assert!(bench.ticker.shelf.get(0).is_none());
    bench.ticker.loaded(1, Ok(ready(Counter::default())));
    bench.tick(2);
    // Then the first is wanted again.
    assert_eq!(bench.ticker.loads(), [0]);
    bench.ticker.loaded(0, Ok(ready(Counter::default())));
    bench.tick(4);
    let ends = bench.ends();
    assert!(ends.len() == 3 && ends.iter().all(is_finished), "{ends:?}");
}

#[test]
fn an_order_loads_ahead_and_another_gives_up() {
    let mut bench = two_models(None, 1_000);
    bench.ticker.load("n");
    assert_eq!(bench.ticker.loads(), [1]);
    bench.ticker.loaded(1, Ok(ready(Counter::default())));
    bench.submit(1, &[1], 2);
    bench.tick(1);
    for model in ["m", "n", "unknown"] {
        bench.ticker.unload(model);
    }
    assert!(bench.ticker.shelf.get(0).is_some(), "in use");
    assert!(bench.ticker.shelf.get(1).is_none());
    bench.tick(3);
    assert!(is_finished(&bench.ends()[0]) && bench.ticker.shelf.get(0).is_none());
}

#[test]
fn a_job_that_is_held_up_before_it_begins_waits_and_blocks_nobody() {
    let mut bench = Bench::new(Counter::default(), 8);
    bench.submit(1, &[1], 1);
    bench.ticker.pause(1, true);
    bench.submit(2, &[2], 1);
    bench.tick(1);
    assert_eq!(bench.model().calls, [[2]]);
    bench.tick(1);
    assert!(bench.ticker.is_idle());
    bench.ticker.pause(1, false);
    bench.tick(1);
    assert_eq!(bench.ends().len(), 2);
}

#[test]
fn a_newcomer_has_its_first_step_at_once_and_jobs_end_in_their_order() {
    let mut bench = Bench::new(Counter::default(), 2);
    for key in 1..=2 {
        bench.submit(key, &[key as u32], 3);
    }
    bench.tick(1);
    bench.submit(3, &[3], 3);
    bench.submit(4, &[4], 3);
    bench.tick(5);
    let calls: Vec<_> = bench.model().calls.clone();
    // 3 and 4 begin; then 1 and 2, who came first, go on to their end.
    let wanted: [&[u32]; 6] = [&[1, 2], &[3, 4], &[1, 2], &[1, 2], &[3, 4], &[3, 4]];
    assert_eq!(calls[..], wanted.map(<[u32]>::to_vec));
    let told: Vec<_> = bench.events.try_iter().collect();
    let steps = |wanted: u64| {
        let told = told.iter().filter(move |event| event.key() == wanted);
        told.filter(|event| matches!(event, EngineEvent::Progress { .. }))
            .count()
    };
    // Who sits out says nothing.
    assert_eq!([1, 2, 3, 4].map(steps), [3; 4]);
}

#[test]
fn no_more_than_twice_as_many_pictures_as_fit_into_a_call_have_begun() {
    let mut bench = Bench::new(Counter::default(), 2);
    for key in 1..=5 {
        bench.submit(key, &[key as u32], 9);
    }
    bench.tick(3);
    assert_eq!(bench.ticker.active.len(), 4);
    assert!(bench.model().calls.iter().all(|call| call.len() <= 2));
}

#[test]
fn the_wait_of_a_job_lasts_until_its_first_step() {
    let time = Arc::new(VirtualTime::default());
    let model = Counter {
        pace: Some((Arc::clone(&time), Duration::from_secs(1))),
        ..Counter::default()
    };
    let mut bench = Bench::new(model, 1);
    bench.time = Arc::clone(&time);
    bench.ticker.shared.stopwatch = time;
    bench.submit_to("m", 1, &[1], (1, 1));
    bench.submit_to("m", 2, &[2], (1, 1));
    bench.tick(3);
    let waits = bench.ends().into_iter().map(|end| match end {
        EngineEvent::Finished { timings, .. } => timings.wait.as_secs(),
        other => panic!("{other:?}"),
    });
    assert_eq!(waits.collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_job_tells_the_sizes_of_its_calls_and_what_they_took() {
    let time = Arc::new(VirtualTime::default());
    let model = Counter {
        pace: Some((Arc::clone(&time), Duration::from_secs(2))),
        ..Counter::default()
    };
    let mut bench = Bench::new(model, 8);
    bench.time = Arc::clone(&time);
    bench.ticker.shared.stopwatch = time;
    bench.submit_to("m", 1, &[1, 2], (3, 1));
    bench.tick(1);
    bench.submit_to("m", 2, &[3], (2, 1));
    bench.tick(3);
    let calls = bench.ends().into_iter().map(|end| match end {
        EngineEvent::Finished { timings, .. } => {
            let calls = timings.calls.iter();
            let calls = calls.map(|calls| (calls.pictures, calls.count, calls.took.as_secs()));
            calls.collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    });
    let expected = [vec![(2, 1, 2), (3, 2, 4)], vec![(3, 2, 4)]];
    assert_eq!(calls.collect::<Vec<_>>(), expected);
}

#[test]
fn a_job_larger_than_a_call_is_drawn_all_the_same() {
    let mut bench = Bench::new(Counter::default(), 2);
    bench.submit(1, &[10, 11, 12], 2);
    bench.submit(2, &[20], 2);
    bench.tick(6);
    let ends = bench.ends();
    assert!(ends.len() == 2 && ends.iter().all(is_finished), "{ends:?}");
}
