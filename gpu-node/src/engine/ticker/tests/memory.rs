//! Memory that runs out, predicted or not.

use super::*;

#[test]
fn a_batch_is_as_large_as_the_prediction_allows() {
    let model = Counter {
        need: Need {
            kept: 10,
            call: 200,
            ..Need::default()
        },
        ..Counter::default()
    };
    // 1000 bytes, less 100 of weights and 4 x 10 that are kept: 860 are free, and 4 x 200 of them are used.
    let mut bench = Bench::new(model, 8);
    bench.submit(1, &[1, 2, 3, 4], 1);
    bench.tick(1);
    assert_eq!(bench.model().calls, [[1, 2, 3, 4]]);
    bench.submit(2, &[1, 2, 3, 4, 5, 6], 1);
    bench.tick(1);
    let sizes: Vec<usize> = bench.model().calls.iter().map(Vec::len).collect();
    assert_eq!(sizes, [4, 4, 2]);
}

#[test]
fn a_job_waits_while_others_keep_the_memory_that_it_needs() {
    let model = Counter {
        need: Need {
            kept: 400,
            call: 101,
            ..Need::default()
        },
        ..Counter::default()
    };
    let mut bench = Bench::new(model, 8);
    bench.submit(1, &[1], 3);
    bench.submit(2, &[2], 3);
    bench.tick(2);
    assert_eq!(bench.model().calls, [[1], [1]]);
    bench.tick(5);
    let ends = bench.ends();
    assert!(ends.len() == 2 && ends.iter().all(is_finished), "{ends:?}");
}

#[test]
fn what_never_fits_is_refused_with_numbers_and_may_be_tried_elsewhere() {
    let model = Counter {
        need: Need {
            call: 50 << 20,
            ..Need::default()
        },
        ..Counter::default()
    };
    let mut bench = Bench::new(model, 8);
    bench.submit(1, &[1], 3);
    bench.tick(1);
    let ends = bench.ends();
    let EngineEvent::Failed { kind, message, .. } = &ends[0] else {
        panic!("{ends:?}");
    };
    assert_eq!(*kind, FailureKind::Memory);
    assert!(message.contains("50 MiB"), "{message}");
}

#[test]
fn the_ladder_goes_from_smaller_batches_over_tiles_to_a_refusal() {
    let small = Counter {
        only_tiles: true,
        ..Counter::default()
    };
    let mut bench = Bench::new(small, 8);
    bench.submit(1, &[1, 2], 1);
    bench.tick(2);
    assert!(is_finished(&bench.ends()[0]));
    let (whole, tiled) = (Decoding::Whole, Decoding::Tiled);
    assert_eq!(
        bench.model().decodes,
        [(2, whole), (1, whole), (1, tiled), (1, tiled)]
    );

    let nothing = Counter {
        most_decoded: Some(0),
        ..Counter::default()
    };
    let mut bench = Bench::new(nothing, 8);
    bench.submit(1, &[1, 2], 1);
    bench.tick(2);
    let ends = bench.ends();
    let refused = matches!(&ends[0], EngineEvent::Failed { kind: FailureKind::Memory, message, .. }
        if message.contains("too many pictures"));
    assert!(refused, "{ends:?}");
    assert!(bench.ticker.is_idle());
}

#[test]
fn tiles_are_used_at_once_where_nothing_else_is_predicted_to_fit() {
    let model = Counter {
        need: Need {
            decode: 5_000,
            tiled: 10,
            ..Need::default()
        },
        ..Counter::default()
    };
    let mut bench = Bench::new(model, 8);
    bench.submit(1, &[1], 1);
    bench.tick(1);
    assert!(is_finished(&bench.ends()[0]));
    assert_eq!(bench.model().decodes, [(1, Decoding::Tiled)]);
}

#[test]
fn a_model_that_nobody_uses_makes_room_before_a_job_is_refused() {
    let scarce = Counter {
        most_at_once: Some(0),
        ..Counter::default()
    };
    let stock = vec![
        (facts("m", true), Some(ready(scarce))),
        (facts("idle", false), Some(ready(Counter::default()))),
    ];
    let mut bench = Bench::with(stock, 8, 1_000);
    bench.submit(1, &[1], 1);
    bench.tick(1);
    assert_eq!(
        bench.model().calls.len(),
        2,
        "once more without the idle one"
    );
    assert!(bench.ticker.shelf.get(1).is_none());
    assert_eq!(bench.ends().len(), 1);
}

#[test]
fn a_batch_that_was_made_smaller_grows_again() {
    let model = Counter {
        most_at_once: Some(1),
        ..Counter::default()
    };
    let mut bench = Bench::new(model, 2);
    bench.submit(1, &[1, 2], 900);
    bench.tick(2);
    bench.ticker.shelf.take_up(0).unwrap().most_at_once = None;
    bench.tick(300);
    assert_eq!(bench.model().calls.last().unwrap(), &[1, 2]);
}
