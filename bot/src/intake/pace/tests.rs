use super::*;
use governor::clock::FakeRelativeClock;
use proptest::prelude::*;

const ADA: DiscordId = DiscordId(7);
const GUILD: Option<GuildKey> = Some(GuildKey(2));

fn limits() -> RequestLimits {
    let tier =
        |name: &str, burst, per_minute| (name.to_owned(), RequestPace::new(burst, per_minute));
    RequestLimits {
        tiers: HashMap::from([tier("standard", 3, 60), tier("premium", 6, 120)]),
        every_guild: Some(RequestPace::new(8, 60)),
        guilds: HashMap::from([(GuildKey(5), RequestPace::new(1, 60))]),
    }
}

fn pace() -> (Pace<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    let pace = Pace::new(clock.clone(), "standard");
    pace.learn_limits(limits());
    (pace, clock)
}

fn taken(pace: &Pace<FakeRelativeClock>, member: DiscordId, guild: Option<GuildKey>) -> usize {
    (0..100)
        .take_while(|_| pace.check(member, guild).is_ok())
        .count()
}

#[test]
fn a_member_may_ask_so_often_at_once_and_then_once_a_second() {
    let (pace, clock) = pace();
    assert_eq!(taken(&pace, ADA, GUILD), 3);
    let refused = pace.check(ADA, GUILD).unwrap_err();
    assert_eq!(
        (refused.wait, refused.tier.as_deref()),
        (Duration::from_secs(1), Some("standard"))
    );
    assert_eq!(
        taken(&pace, DiscordId(8), GUILD),
        3,
        "others are not held up"
    );
    clock.advance(Duration::from_secs(1));
    assert_eq!(taken(&pace, ADA, GUILD), 1);
    clock.advance(Duration::from_mins(1));
    assert_eq!(taken(&pace, ADA, None), 3);
}

#[test]
fn a_tier_holds_as_soon_as_it_is_known_and_is_asked_for_again() {
    let (pace, clock) = pace();
    pace.check(ADA, None).unwrap();
    assert_eq!(pace.asked(), [ADA]);
    pace.learn_tiers(&[ADA], vec![(ADA, "premium".into())]);
    assert_eq!(taken(&pace, ADA, None), 6);
    assert!(pace.asked().is_empty(), "it is known");
    clock.advance(TIER_AGE);
    assert_eq!(taken(&pace, ADA, None), 6, "the old one holds meanwhile");
    assert_eq!(pace.asked(), [ADA]);
    pace.learn_tiers(&[ADA], vec![]);
    assert_eq!(&*pace.tier_of(ADA), "standard");
}

#[test]
fn a_guild_has_one_count_for_all_its_members_and_may_have_its_own_limit() {
    let (pace, _) = pace();
    let all: usize = (10..20).map(|id| taken(&pace, DiscordId(id), GUILD)).sum();
    assert_eq!(all, 8);
    let refused = pace.check(DiscordId(30), GUILD).unwrap_err();
    assert_eq!(refused.tier, None);
    assert_eq!(taken(&pace, DiscordId(31), Some(GuildKey(5))), 1);
    assert_eq!(
        taken(&pace, DiscordId(32), None),
        3,
        "direct messages have no guild"
    );
}

#[test]
fn a_changed_limit_holds_at_once_and_the_counts_of_the_others_go_on() {
    let (pace, _) = pace();
    assert_eq!(taken(&pace, ADA, None), 3);
    let mut changed = limits();
    changed
        .tiers
        .insert("premium".into(), RequestPace::new(2, 60));
    pace.learn_limits(changed.clone());
    assert!(pace.check(ADA, None).is_err(), "standard did not change");
    changed
        .tiers
        .insert("standard".into(), RequestPace::new(5, 60));
    changed.every_guild = None;
    pace.learn_limits(changed);
    assert_eq!(taken(&pace, ADA, GUILD), 5);
    let all: usize = (10..20).map(|id| taken(&pace, DiscordId(id), GUILD)).sum();
    assert_eq!(all, 50, "no limit of the guild any more");
}

#[test]
fn whoever_has_waited_long_enough_is_forgotten() {
    let (pace, clock) = pace();
    for id in 0..50 {
        pace.check(DiscordId(id), None).unwrap();
    }
    let kept = |pace: &Pace<FakeRelativeClock>| {
        let rules = pace.rules.read().unwrap();
        rules.tiers["standard"].len()
    };
    pace.tidy();
    assert_eq!(kept(&pace), 50);
    clock.advance(Duration::from_mins(1));
    pace.tidy();
    assert_eq!(kept(&pace), 0);
}

#[test]
fn before_the_limits_are_known_nothing_is_refused() {
    let pace = Pace::new(FakeRelativeClock::default(), "standard");
    assert_eq!(taken(&pace, ADA, GUILD), 100);
}

#[test]
fn the_wait_is_told_in_every_language_and_never_too_short() {
    let too_fast = |wait_ms, tier: Option<&str>| TooFast {
        wait: Duration::from_millis(wait_ms),
        tier: tier.map(str::to_owned),
    };
    let told = Language::ALL.map(|language| too_fast(2_001, Some("free")).told(language).0);
    assert!(
        told.iter()
            .all(|words| words.contains("free") && words.contains("3 s")),
        "{told:?}"
    );
    assert_eq!(
        too_fast(1, None).told(Language::English).1,
        "guild_too_fast"
    );
}

proptest! {
    #[test]
    fn nobody_is_taken_more_often_than_burst_and_pace_allow(
        pauses in prop::collection::vec(0_u64..3_000, 1..200),
    ) {
        let (pace, clock) = pace();
        let (mut passed, mut taken) = (Duration::ZERO, 0_u64);
        for pause in pauses {
            clock.advance(Duration::from_millis(pause));
            passed += Duration::from_millis(pause);
            match pace.check(ADA, None) {
                Ok(()) => taken += 1,
                Err(refused) => {
                    // Whoever waits as long as he was told is taken.
                    prop_assert!(refused.wait <= Duration::from_secs(1));
                    clock.advance(refused.wait);
                    passed += refused.wait;
                    prop_assert!(pace.check(ADA, None).is_ok());
                    taken += 1;
                }
            }
            prop_assert!(taken <= 3 + passed.as_secs() + 1);
        }
    }
}
