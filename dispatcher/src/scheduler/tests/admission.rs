//! What a submit is told to decide by.

use easel_domain::GuildKey;

use super::*;

#[test]
fn a_burst_is_told_apart_from_what_others_ask_within_their_shares() {
    let mut scheduler = scheduler(1);
    let fast = |number: u32, member: u128, guild: Option<i64>| WaitingJob {
        user_id: UserId(Uuid::from_u128(member)),
        guild_id: guild.map(GuildKey),
        ..job(number, ServiceClass::Fast)
    };
    for number in 1..=20 {
        scheduler.job_waits(fast(number, 1, Some(5)), START);
    }
    // One starts, so that it is looked whether anybody is past his bound.
    assert_eq!(placed(&mut scheduler, START).len(), 1);
    scheduler.job_waits(fast(21, 2, Some(5)), START);
    scheduler.job_waits(fast(22, 3, None), START);

    let classes = scheduler.classes(START);
    let known = &classes["fast"];
    let outlook = known.outlook;
    assert!(outlook.is_calm && !outlook.is_free && outlook.nodes > 0.0);
    assert_eq!(outlook.guilds, 2);
    // Of nineteen that are left of the burst none is within a share: the one that was has started.
    let one_s = outlook.waiting_s / 21.0;
    assert!((outlook.within_s / one_s - 2.0).abs() < 0.01, "{outlook:?}");
    // Whoever writes in private shares with nobody.
    let shared: Vec<(&str, u32)> = (known.shared_by.iter())
        .map(|(guild, of)| (&**guild, of.members))
        .collect();
    assert_eq!(shared, [("5", 2)]);
    assert!(known.shared_by["5"].owes_s > 0.0);
    let nobody = Scheduler::new();
    assert!(nobody.classes(START).is_empty(), "nobody knows");
}
