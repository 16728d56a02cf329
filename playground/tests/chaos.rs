//! The random switches, over HTTP as another process sets them.

use easel_playground::{Playground, PlaygroundConfig, PlaygroundHandle};
use reqwest::StatusCode;
use serde_json::{Value, json};

async fn switch(world: &PlaygroundHandle, chaos: Value) -> anyhow::Result<StatusCode> {
    let url = format!("{}/playground/faults", world.origin());
    let client = reqwest::Client::new();
    let answer = client.post(url).json(&json!({"chaos": chaos}));
    Ok(answer.send().await?.status())
}

/// The statuses of so many requests, one after another, in a world of its own.
async fn statuses(chaos: Value, count: usize) -> anyhow::Result<Vec<u16>> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    assert_eq!(switch(&world, chaos).await?, 200);
    let client = reqwest::Client::new();
    let mut statuses = Vec::new();
    for _ in 0..count {
        let answer = client
            .get(format!("{}/api/v10/users/@me", world.origin()))
            .header("user-agent", "DiscordBot (test, 1)")
            .header("authorization", format!("Bot {}", world.token()))
            .send()
            .await?;
        statuses.push(answer.status().as_u16());
    }
    Ok(statuses)
}

#[tokio::test]
async fn a_seed_can_be_had_again() -> anyhow::Result<()> {
    let chaos = |seed: u64| {
        json!({"seed": seed, "routes": [
            {"route": "/users/@me", "chance": 0.3, "failure": {"kind": "code", "code": 50_013}},
            {"route": "/users/@me", "chance": 0.3, "failure": {"kind": "code", "code": 130_000}},
        ]})
    };
    let first = statuses(chaos(7), 30).await?;
    assert_eq!(first, statuses(chaos(7), 30).await?);
    assert_ne!(first, statuses(chaos(8), 30).await?);
    for status in [200, 403, 503] {
        assert!(first.contains(&status), "{first:?}");
    }
    Ok(())
}

#[tokio::test]
async fn random_buckets_differ_by_seed_and_are_announced() -> anyhow::Result<()> {
    let limits = |statuses: Vec<u16>| statuses.iter().position(|status| *status == 429);
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..6 {
        let chaos = json!({"seed": seed, "random_buckets": true});
        let allowed = limits(statuses(chaos, 12).await?);
        assert!(
            allowed.is_some_and(|allowed| (2..=10).contains(&allowed)),
            "{allowed:?}"
        );
        seen.insert(allowed);
    }
    assert!(seen.len() > 1, "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn a_code_that_nobody_knows_is_refused() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let chaos = json!({"seed": 1, "routes": [{"route": "/", "chance": 1.0, "failure": {"kind": "code", "code": 4}}]});
    assert_eq!(switch(&world, chaos).await?, 400);
    Ok(())
}

#[tokio::test]
async fn a_slow_answer_trickles_in_whole() -> anyhow::Result<()> {
    let began = std::time::Instant::now();
    let chaos = json!({"seed": 1, "routes": [{"route": "/users/@me", "chance": 1.0, "failure": {"kind": "slow", "ms": 200}}]});
    let world = Playground::start(PlaygroundConfig::default()).await?;
    assert_eq!(switch(&world, chaos).await?, 200);
    let answer = reqwest::Client::new()
        .get(format!("{}/api/v10/users/@me", world.origin()))
        .header("user-agent", "DiscordBot (test, 1)")
        .header("authorization", format!("Bot {}", world.token()))
        .send()
        .await?;
    let body: Value = answer.json().await?;
    assert!(body["id"].is_string(), "{body}");
    assert!(began.elapsed() >= std::time::Duration::from_millis(175));
    Ok(())
}
