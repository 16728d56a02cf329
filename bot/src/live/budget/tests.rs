use super::*;
use proptest::prelude::*;
use uuid::Uuid;

mod simulation;

const INTERVAL: Duration = Duration::from_secs(2);

fn budgeter() -> Budgeter {
    Budgeter::new(BudgetSettings {
        interval: INTERVAL,
        in_flight: 4,
        reads: 2,
        messages: 100,
    })
}

fn job(n: u128) -> JobId {
    JobId(Uuid::from_u128(n))
}

fn in_channel(budget: &mut Budgeter, n: u128, channel: i64, kind: EditKind, now: Instant) {
    budget.want(job(n), Some(DiscordId(channel)), kind, now);
}

/// The next edit, where every row is read at once and every bucket has turns.
fn next(budget: &mut Budgeter, now: Instant) -> Next {
    loop {
        match budget.next(now, |_, _| (Lane::Bot, Turn::Now)) {
            Next::Read(job) => {
                let channel = budget.slots[&job].channel.unwrap_or(DiscordId(1));
                budget.read(job, channel, Lane::Bot, now);
            }
            other => return other,
        }
    }
}

#[test]
fn progress_of_one_message_is_spaced_and_coalesced() {
    let (mut budget, mut now) = (budgeter(), Instant::now());
    for _ in 0..5 {
        in_channel(&mut budget, 1, 1, EditKind::Progress, now);
    }
    for pause in [INTERVAL / 4, INTERVAL / 4, INTERVAL, INTERVAL] {
        assert_eq!(
            next(&mut budget, now),
            Next::Edit(job(1), EditKind::Progress)
        );
        budget.done(job(1), EditKind::Progress, Done::Shown, now);
        assert_eq!(next(&mut budget, now), Next::Idle);
        in_channel(&mut budget, 1, 1, EditKind::Progress, now);
        assert_eq!(next(&mut budget, now), Next::Wait(pause));
        now += pause;
    }
}

#[test]
fn the_interval_grows_with_what_waits_and_no_further_than_four_times() {
    let (mut budget, now) = (budgeter(), Instant::now());
    let alone = INTERVAL / 8 * 5;
    let mut seen = vec![budget.interval(Lane::Token)];
    for n in 0..40 {
        // Until its row is read, a message is taken for one with a token.
        in_channel(&mut budget, n, 1, EditKind::Progress, now);
        seen.push(budget.interval(Lane::Token));
    }
    assert_eq!((seen[0], seen[40]), (alone, alone * 4));
    assert!(seen.is_sorted());
    assert_eq!(
        budget.interval(Lane::Bot),
        INTERVAL,
        "what waits under other limits widens nothing"
    );
}

#[test]
fn a_message_under_its_tokens_limit_alone_has_progress_more_often() {
    let (mut budget, mut now) = (budgeter(), Instant::now());
    let gate = |_, _| (Lane::Token, Turn::Now);
    in_channel(&mut budget, 1, 1, EditKind::Progress, now);
    for pause in [INTERVAL / 4, INTERVAL / 4, INTERVAL / 8 * 5] {
        let edit = Next::Edit(job(1), EditKind::Progress);
        assert_eq!(budget.next(now, gate), edit);
        budget.done(job(1), EditKind::Progress, Done::Shown, now);
        in_channel(&mut budget, 1, 1, EditKind::Progress, now);
        assert_eq!(budget.next(now, gate), Next::Wait(pause));
        now += pause;
    }
}

#[test]
fn a_message_whose_token_has_died_waits_with_the_bots_and_holds_up_no_token() {
    let (mut budget, now) = (budgeter(), Instant::now());
    for n in [1, 2] {
        in_channel(&mut budget, n, 1, EditKind::Progress, now);
    }
    let gate = |asked: JobId, _| {
        if asked == job(1) {
            (Lane::Bot, Turn::WaitAll(INTERVAL))
        } else {
            (Lane::Token, Turn::Now)
        }
    };
    let edit = |n| Next::Edit(job(n), EditKind::Progress);
    assert_eq!(budget.next(now, gate), edit(2));
    assert_eq!(budget.next(now, gate), Next::Wait(INTERVAL));
    let later = now + INTERVAL;
    assert_eq!(budget.next(later, |_, _| (Lane::Bot, Turn::Now)), edit(1));
}

#[test]
fn an_end_state_waits_for_no_interval_and_goes_before_progress() {
    let (mut budget, now) = (budgeter(), Instant::now());
    in_channel(&mut budget, 1, 1, EditKind::Progress, now);
    assert_eq!(
        next(&mut budget, now),
        Next::Edit(job(1), EditKind::Progress)
    );
    in_channel(&mut budget, 2, 1, EditKind::Progress, now);
    in_channel(&mut budget, 1, 1, EditKind::Durable, now);
    assert_eq!(
        next(&mut budget, now),
        Next::Edit(job(2), EditKind::Progress),
        "one edit per message at a time"
    );
    budget.done(job(1), EditKind::Progress, Done::Shown, now);
    in_channel(&mut budget, 3, 1, EditKind::Progress, now);
    assert_eq!(
        next(&mut budget, now),
        Next::Edit(job(1), EditKind::Durable)
    );
}

#[test]
fn a_busy_channel_does_not_hold_a_quiet_one_back() {
    let (mut budget, now) = (budgeter(), Instant::now());
    for n in 1..=3 {
        in_channel(&mut budget, n, 1, EditKind::Durable, now);
    }
    assert!(matches!(next(&mut budget, now), Next::Edit(_, _)));
    let later = now + Duration::from_millis(1);
    in_channel(&mut budget, 9, 2, EditKind::Durable, later);
    assert_eq!(
        next(&mut budget, later),
        Next::Edit(job(9), EditKind::Durable)
    );
}

#[test]
fn a_row_that_changes_while_its_edit_waits_is_read_again() {
    let (mut budget, now) = (budgeter(), Instant::now());
    in_channel(&mut budget, 1, 1, EditKind::Durable, now);
    let wait = Duration::from_secs(1);
    assert_eq!(
        budget.next(now, |_, _| (Lane::Bot, Turn::Now)),
        Next::Read(job(1))
    );
    budget.read(job(1), DiscordId(1), Lane::Bot, now);
    assert_eq!(
        budget.next(now, |_, _| (Lane::Bot, Turn::Wait(wait))),
        Next::Wait(wait)
    );
    in_channel(&mut budget, 1, 1, EditKind::Durable, now);
    assert_eq!(
        budget.next(now, |_, _| (Lane::Bot, Turn::Now)),
        Next::Read(job(1))
    );
}

#[test]
fn a_limit_of_the_whole_bot_holds_up_no_token() {
    let (mut budget, now) = (budgeter(), Instant::now());
    for (n, lane) in [(1, Lane::Bot), (2, Lane::Bot), (3, Lane::Token)] {
        in_channel(&mut budget, n, 1, EditKind::Durable, now);
        assert_eq!(
            budget.next(now, |_, _| (Lane::Bot, Turn::WaitAll(INTERVAL))),
            Next::Read(job(n))
        );
        budget.read(job(n), DiscordId(1), lane, now);
    }
    let mut asked = 0;
    let gate = |job_id: JobId, _| {
        asked += 1;
        if job_id == job(3) {
            (Lane::Token, Turn::Now)
        } else {
            (Lane::Bot, Turn::WaitAll(INTERVAL))
        }
    };
    assert_eq!(
        budget.next(now, gate),
        Next::Edit(job(3), EditKind::Durable)
    );
    assert_eq!(
        budget.next(now, |_, _| (Lane::Bot, Turn::WaitAll(INTERVAL))),
        Next::Wait(INTERVAL)
    );
    assert_eq!(
        budget.next(now, |_, _| panic!("it was told to wait")),
        Next::Wait(INTERVAL)
    );
    assert_eq!(
        budget.next(now + INTERVAL, |_, _| (Lane::Bot, Turn::Now)),
        Next::Edit(job(1), EditKind::Durable)
    );
}

#[test]
fn a_failed_end_state_comes_again_and_failed_progress_does_not() {
    let (mut budget, now) = (budgeter(), Instant::now());
    let pause = Duration::from_secs(5);
    budget.want(job(1), None, EditKind::Durable, now);
    next(&mut budget, now);
    budget.done(job(1), EditKind::Durable, Done::Again(pause), now);
    assert_eq!(next(&mut budget, now), Next::Wait(pause));
    assert_eq!(
        next(&mut budget, now + pause),
        Next::Edit(job(1), EditKind::Durable)
    );
    budget.want(job(2), None, EditKind::Progress, now + pause);
    next(&mut budget, now + pause);
    budget.done(job(2), EditKind::Progress, Done::Again(pause), now + pause);
    assert_eq!(next(&mut budget, now + pause * 9), Next::Idle);
}

proptest! {
    /// Whatever is wanted and however edits go, every durable change is shown in the end.
    #[test]
    fn every_durable_change_lands(
        steps in prop::collection::vec((0_u128..6, 0_u8..5, 0_u64..3_000), 1..200),
    ) {
        let (mut budget, mut now) = (budgeter(), Instant::now());
        let mut wanted: HashMap<JobId, u32> = HashMap::new();
        let mut flying: Vec<(JobId, EditKind, u32)> = Vec::new();
        let mut shown: HashMap<JobId, u32> = HashMap::new();
        let mut land = |budget: &mut Budgeter, flying: &mut Vec<(JobId, EditKind, u32)>, fails: bool, now| {
            if let Some((job, kind, rev)) = flying.pop() {
                if fails {
                    budget.done(job, kind, Done::Again(Duration::from_secs(1)), now);
                } else {
                    shown.insert(job, rev);
                    budget.done(job, kind, Done::Shown, now);
                }
            }
        };
        for (n, what, pause) in steps {
            now += Duration::from_millis(pause);
            match what {
                0 => {
                    *wanted.entry(job(n)).or_default() += 1;
                    in_channel(&mut budget, n, n as i64 % 2, EditKind::Durable, now);
                }
                1 => { in_channel(&mut budget, n, n as i64 % 2, EditKind::Progress, now); }
                2 => land(&mut budget, &mut flying, true, now),
                3 => land(&mut budget, &mut flying, false, now),
                _ => if let Next::Edit(job, kind) = next(&mut budget, now) {
                    prop_assert!(flying.iter().all(|(other, _, _)| *other != job), "two edits of one message");
                    flying.push((job, kind, wanted.get(&job).copied().unwrap_or(0)));
                }
            }
        }
        for _ in 0..100 {
            now += Duration::from_secs(10);
            while let Next::Edit(job, kind) = next(&mut budget, now) {
                flying.push((job, kind, wanted.get(&job).copied().unwrap_or(0)));
            }
            while !flying.is_empty() {
                land(&mut budget, &mut flying, false, now);
            }
        }
        for (job, rev) in wanted {
            prop_assert_eq!(shown.get(&job).copied(), Some(rev));
        }
    }
}
