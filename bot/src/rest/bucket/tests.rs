mod virtual_time;

use super::*;
use proptest::prelude::*;

const ROUTE: &str = "edit_original";

fn headers(limit: u32, remaining: u32, reset_ms: u64) -> RateHeaders {
    RateHeaders {
        bucket: "abc".into(),
        limit,
        remaining,
        reset_after: Duration::from_millis(reset_ms),
    }
}

fn ask<'a>(route: &'static str, major: &'a str) -> Ask<'a> {
    Ask {
        route,
        major,
        counts_globally: false,
        urgency: Urgency::Must,
    }
}

/// A request that goes out and comes back with these headers.
fn learn(
    buckets: &mut Buckets,
    route: &'static str,
    major: &str,
    told: &RateHeaders,
    now: Instant,
) {
    assert_eq!(buckets.turn(&ask(route, major), now), Turn::Now);
    buckets.answered(&ask(route, major), Some(told), now, now);
}

#[test]
fn one_members_empty_bucket_holds_no_other_member_back() {
    let (mut buckets, now) = (Buckets::default(), Instant::now());
    learn(&mut buckets, ROUTE, "token-a", &headers(5, 0, 4_000), now);
    assert_eq!(
        buckets.turn(&ask(ROUTE, "token-a"), now),
        Turn::Wait(Duration::from_secs(4))
    );
    assert_eq!(buckets.turn(&ask(ROUTE, "token-b"), now), Turn::Now);
}

#[test]
fn a_window_fills_up_again_when_it_ends_but_for_what_is_still_under_way() {
    let (mut buckets, now) = (Buckets::default(), Instant::now());
    learn(&mut buckets, ROUTE, "t", &headers(3, 2, 1_000), now);
    assert_eq!(buckets.turn(&ask(ROUTE, "t"), now), Turn::Now);
    let later = now + Duration::from_secs(1);
    let turns: Vec<_> = (0..3)
        .map(|_| buckets.turn(&ask(ROUTE, "t"), later))
        .collect();
    assert_eq!(turns, [Turn::Now, Turn::Now, Turn::Wait(PROBE)]);
}

#[test]
fn two_routes_of_one_bucket_share_it() {
    let (mut buckets, now) = (Buckets::default(), Instant::now());
    learn(&mut buckets, "create", "c", &headers(5, 1, 5_000), now);
    learn(&mut buckets, "edit", "c", &headers(5, 0, 5_000), now);
    assert!(matches!(
        buckets.turn(&ask("create", "c"), now),
        Turn::Wait(_)
    ));
}

#[test]
fn each_resource_keeps_the_bucket_that_its_own_replies_name() {
    let (mut buckets, now) = (Buckets::default(), Instant::now());
    learn(&mut buckets, ROUTE, "a", &headers(5, 0, 4_000), now);
    let other = RateHeaders {
        bucket: "def".into(),
        ..headers(2, 0, 9_000)
    };
    learn(&mut buckets, ROUTE, "b", &other, now);
    let wait = |buckets: &mut Buckets, major| buckets.turn(&ask(ROUTE, major), now);
    assert_eq!(
        wait(&mut buckets, "a"),
        Turn::Wait(Duration::from_secs(4)),
        "the other's name does not empty it"
    );
    assert_eq!(wait(&mut buckets, "b"), Turn::Wait(Duration::from_secs(9)));
}

#[test]
fn names_of_buckets_are_bounded() {
    let (mut buckets, now) = (Buckets::default(), Instant::now());
    for n in 0..3 * CLEAN_ABOVE {
        let told = RateHeaders {
            bucket: format!("b{}", n % 7),
            ..headers(5, 4, 5_000)
        };
        let at = now + Duration::from_millis(n as u64 * 10);
        learn(&mut buckets, ROUTE, &n.to_string(), &told, at);
    }
    assert!(buckets.own_names.len() <= CLEAN_ABOVE);
    assert!(buckets.windows.len() < 2 * CLEAN_ABOVE);
}

#[test]
fn while_nothing_is_known_one_request_finds_out() {
    let (mut buckets, now) = (Buckets::default(), Instant::now());
    assert_eq!(buckets.turn(&ask(ROUTE, "a"), now), Turn::Now);
    assert_eq!(buckets.turn(&ask(ROUTE, "a"), now), Turn::Wait(PROBE));
    buckets.answered(&ask(ROUTE, "a"), Some(&headers(5, 4, 5_000)), now, now);
    assert_eq!(buckets.turn(&ask(ROUTE, "a"), now), Turn::Now);
    // Another resource of the same bucket has the same limit, which is known now.
    let turns = (0..6).filter(|_| buckets.turn(&ask(ROUTE, "b"), now) == Turn::Now);
    assert_eq!(turns.count(), 5);
}

#[test]
fn what_is_merely_useful_leaves_a_reserve() {
    let (mut buckets, now) = (Buckets::default(), Instant::now());
    learn(&mut buckets, ROUTE, "t", &headers(5, 2, 4_000), now);
    let useful = Ask {
        urgency: Urgency::May,
        ..ask(ROUTE, "t")
    };
    assert_eq!(buckets.turn(&useful, now), Turn::Now);
    assert!(matches!(buckets.turn(&useful, now), Turn::Wait(_)));
    assert_eq!(buckets.turn(&ask(ROUTE, "t"), now), Turn::Now);
}

#[test]
fn an_overtaken_reply_does_not_give_requests_back() {
    let (mut buckets, now) = (Buckets::default(), Instant::now());
    learn(&mut buckets, ROUTE, "t", &headers(5, 4, 2_000), now);
    for _ in 0..2 {
        assert_eq!(buckets.turn(&ask(ROUTE, "t"), now), Turn::Now);
    }
    buckets.answered(&ask(ROUTE, "t"), Some(&headers(5, 1, 2_000)), now, now);
    buckets.answered(&ask(ROUTE, "t"), Some(&headers(5, 3, 2_000)), now, now);
    assert_eq!(buckets.turn(&ask(ROUTE, "t"), now), Turn::Now);
    assert!(matches!(buckets.turn(&ask(ROUTE, "t"), now), Turn::Wait(_)));
}

#[test]
fn an_unused_turn_is_given_back() {
    let (mut buckets, now) = (Buckets::default(), Instant::now());
    learn(&mut buckets, ROUTE, "t", &headers(5, 1, 2_000), now);
    assert_eq!(buckets.turn(&ask(ROUTE, "t"), now), Turn::Now);
    assert!(matches!(buckets.turn(&ask(ROUTE, "t"), now), Turn::Wait(_)));
    buckets.give_back(&ask(ROUTE, "t"));
    assert_eq!(buckets.turn(&ask(ROUTE, "t"), now), Turn::Now);
}

#[test]
fn a_global_limit_stops_every_route_that_counts_and_no_other() {
    let (mut buckets, now) = (Buckets::default(), Instant::now());
    let limited = Limited {
        scope: Scope::Global,
        retry_after: Duration::from_secs(3),
    };
    buckets.limited("create", "c", limited, now);
    let counted = Ask {
        counts_globally: true,
        ..ask("edit", "x")
    };
    assert_eq!(
        buckets.turn(&counted, now),
        Turn::WaitAll(Duration::from_secs(3))
    );
    assert_eq!(buckets.turn(&ask("callback", "t"), now), Turn::Now);
}

#[test]
fn lapsed_windows_are_forgotten() {
    let (mut buckets, now) = (Buckets::default(), Instant::now());
    for n in 0..3 * CLEAN_ABOVE {
        let at = now + Duration::from_millis(n as u64 * 10);
        learn(
            &mut buckets,
            ROUTE,
            &n.to_string(),
            &headers(5, 4, 5_000),
            at,
        );
    }
    assert!(
        buckets.windows.len() < 2 * CLEAN_ABOVE,
        "{}",
        buckets.windows.len()
    );
}

#[test]
fn a_process_sends_no_more_than_its_share() {
    let (mut buckets, now) = (Buckets::new(49), Instant::now());
    let sent = |buckets: &mut Buckets, tries: u32| {
        let turns = (0..tries).filter(|n| {
            let major = n.to_string();
            let ask = Ask {
                counts_globally: true,
                ..ask("create", &major)
            };
            buckets.turn(&ask, now) == Turn::Now
        });
        turns.count()
    };
    buckets.allow(24);
    assert_eq!(sent(&mut buckets, 60), 24);
    buckets.allow(12);
    assert_eq!(sent(&mut buckets, 60), 0, "what went out counts on");
    buckets.allow(49);
    assert_eq!(sent(&mut buckets, 60), 25, "the others have gone");
}

proptest! {
    #[test]
    fn no_second_has_more_than_fifty_requests(pauses in prop::collection::vec((0_u64..40, any::<bool>()), 1..400)) {
        let mut buckets = Buckets::default();
        let mut now = Instant::now();
        let mut sent = Vec::new();
        for (n, (pause, must)) in pauses.into_iter().enumerate() {
            now += Duration::from_millis(pause);
            let major = n.to_string();
            let urgency = if must { Urgency::Must } else { Urgency::May };
            let ask = Ask { counts_globally: true, urgency, ..ask("create", &major) };
            if buckets.turn(&ask, now) == Turn::Now {
                sent.push(now);
            }
        }
        for (i, first) in sent.iter().enumerate() {
            let within = sent[i..].iter().take_while(|at| **at - *first < Duration::from_secs(1)).count();
            prop_assert!(within <= 50, "{within}");
        }
    }

    #[test]
    fn a_wait_is_never_longer_than_what_discord_said(
        remaining in 0_u32..3, reset_ms in 1_u64..10_000, requests in 1_usize..8,
    ) {
        let (mut buckets, now) = (Buckets::default(), Instant::now());
        learn(&mut buckets, ROUTE, "t", &headers(5, remaining, reset_ms), now);
        let mut granted = 0;
        for _ in 0..requests {
            match buckets.turn(&ask(ROUTE, "t"), now) {
                Turn::Now => granted += 1,
                Turn::Wait(wait) | Turn::WaitAll(wait) => prop_assert!(wait <= Duration::from_millis(reset_ms)),
            }
        }
        prop_assert!(granted <= remaining);
    }
}
