//! Several processes of the bot: for ranges of shards, and one in place of another without a gap.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use easel_playground::{Person, StartedInteraction};

use crate::setting::{PATIENCE, World, eventually};

/// Jobs that one member may have at once, less one.
const JOBS_EACH: usize = 9;

/// What was asked for while one process took another's place.
struct Load {
    jobs: Vec<StartedInteraction>,
    texts: Vec<StartedInteraction>,
}

/// People who ask for something every few milliseconds until they are told to stop.
async fn ask_on(people: [Person; 4], stop: Arc<AtomicBool>) -> Load {
    let mut load = Load {
        jobs: Vec::new(),
        texts: Vec::new(),
    };
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for n in 0_usize.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        pace.tick().await;
        let person = &people[n / 8 % people.len()];
        if n % 8 == 0 && load.jobs.len() < people.len() * JOBS_EACH {
            let words = format!("boat number {n}");
            let asked = person.begin("imagine", [("prompt", words.as_str())]);
            load.jobs.push(asked.unwrap());
        } else {
            load.texts.push(person.begin("help", []).unwrap());
        }
    }
    load
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_takes_the_place_of_the_old_one_under_load_without_a_gap() {
    let mut world = World::start_with(&[("delivery.abandoned_after", "20s")]).await;
    // One job is under way before.
    let ada = world.discord.user("ada");
    let early = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let before = world.platform.job(1).await;
    world.platform.shown(before).await;

    let people = ["ada", "grace", "linus", "alan"].map(|name| world.discord.user(name));
    let stop = Arc::new(AtomicBool::new(false));
    let mut asking = tokio::task::JoinSet::new();
    asking.spawn(ask_on(people, Arc::clone(&stop)));
    world.start_beside(&[("discord.take_over", "true")]).await;
    world.until_first_has_left().await;
    assert!(world.discord.wait_for_sessions(1, PATIENCE).await);
    stop.store(true, Ordering::Relaxed);
    let load = asking.join_next().await.unwrap().unwrap();
    assert!(
        load.texts.len() > 20 && load.jobs.len() > 3,
        "too little was asked for"
    );

    eventually("every interaction to be answered", || async {
        let all = load.jobs.iter().chain(&load.texts);
        all.clone()
            .all(|one| one.answer().is_some() || one.failed())
            .then_some(())
    })
    .await;
    for one in load.jobs.iter().chain(&load.texts) {
        assert!(!one.failed() && one.answer().is_some(), "nobody answered");
    }
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    for request in world.discord.requests() {
        if request.path.contains("/callback") && request.status < 300 {
            *taken.entry(request.path).or_default() += 1;
        }
    }
    assert!(taken.values().all(|times| *times == 1), "answered twice");

    world.platform.job(1 + load.jobs.len()).await;
    for job in world.platform.jobs().await {
        world.platform.complete(job).await;
    }
    for one in load.jobs.iter().chain([&early]) {
        let grid = one.wait_for_message(|m| m.button("U1").is_some(), PATIENCE);
        assert!(grid.await.is_some(), "a result was lost");
    }
    assert_eq!(world.public_messages().len(), 1 + load.jobs.len());
    world.close().await;
}

/// Waits until the owner of a shard has looked after it several times more.
async fn looked_after(world: &World, shard: u32) {
    let until = format!("SELECT expires_at::text FROM shard_owners WHERE shard = {shard}");
    let mut last: String = world.platform.one(&until).await;
    for _ in 0..4 {
        last = eventually("the owner to renew his lease", || async {
            let now: String = world.platform.one(&until).await;
            (now != last).then_some(now)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_process_that_is_started_again_asks_for_nothing_back() {
    let taking = |release| [("discord.take_over", "true"), ("discord.release", release)];
    let mut world = World::start_with(&taking("7")).await;
    world.start_beside(&taking("8")).await;
    world.until_first_has_left().await;
    let owner = "SELECT holder || ' ' || epoch || ' ' || (successor IS NULL) FROM shard_owners";
    eventually("the new process to own the shard", || async {
        let is_owned = "SELECT expires_at > now() FROM shard_owners";
        world.platform.one::<bool>(is_owned).await.then_some(())
    })
    .await;
    let before: String = world.platform.one(owner).await;
    // As its supervisor does, which knows nothing of successors.
    world.start_beside(&taking("7")).await;
    looked_after(&world, 0).await;
    assert_eq!(world.platform.one::<String>(owner).await, before);
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    let grid = imagine.wait_for_message(|m| m.button("U1").is_some(), PATIENCE);
    assert!(grid.await.is_some());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_take_over_divide_shards_that_both_serve_once() {
    let both = ("discord.take_over", "true");
    let first = [
        both,
        ("discord.last_shard", "2"),
        ("discord.total_shards", "5"),
    ];
    let mut world = World::start_with(&first).await;
    let second = [("discord.first_shard", "2"), ("discord.last_shard", "4")];
    world.start_beside(&second).await;
    let owners = "SELECT string_agg(dense::text, '' ORDER BY shard) FROM (
        SELECT shard, dense_rank() OVER (ORDER BY holder_start) AS dense FROM shard_owners WHERE expires_at > now()) o";
    eventually("the shards to be divided", || async {
        let owners: Option<String> = world.platform.one(owners).await;
        (owners.as_deref() == Some("11222")).then_some(())
    })
    .await;
    // The first goes on with what it has, and asks for nothing back.
    looked_after(&world, 0).await;
    assert_eq!(world.platform.one::<String>(owners).await, "11222");
    let asked =
        "SELECT count(*) FROM shard_owners WHERE successor IS NOT NULL OR shard = 2 AND epoch <> 2";
    assert_eq!(world.platform.one::<i64>(asked).await, 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_does_not_take_over_stands_by_until_the_shards_are_free() {
    let mut world = World::start().await;
    world.start_beside(&[]).await;
    let ada = world.discord.user("ada");
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    world.kill_first_bot();
    world.platform.complete(job).await;
    let grid = imagine.wait_for_message(|m| m.button("U1").is_some(), PATIENCE);
    assert!(grid.await.is_some());
    assert_eq!(world.public_messages().len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_of_several_ranges_begin_their_sessions_one_after_another() {
    let first = [
        ("discord.last_shard", "2"),
        ("discord.total_shards", "5"),
        ("discord.identify_every", "700ms"),
    ];
    let mut world = World::without_bot(&first).await;
    world.platform.announce_model().await;
    world.discord.change_rules(|rules| {
        rules.max_concurrency = 2;
        rules.identify_pause = Duration::from_millis(500);
    });
    world.start_bot().await;
    let second = [("discord.first_shard", "3"), ("discord.last_shard", "4")];
    world.start_beside(&second).await;
    assert!(world.discord.wait_for_sessions(5, PATIENCE).await);
    assert_eq!(world.discord.early_identifies(), 0);
    // The guild and direct messages need not be of the same shard.
    let ada = world.discord.user("ada");
    for (n, place) in [ada.clone(), ada.in_dm()].into_iter().enumerate() {
        let imagine = place
            .slash("imagine", [("prompt", "a boat")])
            .await
            .unwrap();
        let job = world.platform.job(n + 1).await;
        world.platform.complete(job).await;
        let grid = imagine.wait_for_message(|m| m.button("U1").is_some(), PATIENCE);
        assert!(grid.await.is_some());
    }
    let owners = "SELECT count(DISTINCT holder) FROM shard_owners WHERE expires_at > now()";
    assert_eq!(world.platform.one::<i64>(owners).await, 2);
    world.close().await;
}
