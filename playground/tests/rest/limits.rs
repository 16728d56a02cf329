//! Rate limits and faults as a client experiences them.

use std::time::Duration;

use easel_playground::{Failure, PlaygroundConfig, RateLimits, RouteFault, Rules};
use reqwest::Method;
use serde_json::json;

use crate::api::Api;

fn with_limits(rate_limits: RateLimits) -> PlaygroundConfig {
    PlaygroundConfig {
        rules: Rules {
            rate_limits,
            ..Rules::default()
        },
        ..PlaygroundConfig::default()
    }
}

fn fault(method: &str, route: &str, failure: Failure) -> RouteFault {
    RouteFault {
        method: Some(method.to_owned()),
        route: route.to_owned(),
        times: 1,
        failure,
        takes_effect: false,
    }
}

#[tokio::test]
async fn headers_announce_the_limit_and_a_429_says_how_long() -> anyhow::Result<()> {
    let limits = RateLimits {
        channel: (2, Duration::from_mins(1)),
        ..RateLimits::default()
    };
    let api = Api::start(with_limits(limits)).await?;
    let path = api.messages("general");
    let first = api
        .raw(Method::POST, &path, &json!({"content": "1"}))
        .await?;
    assert_eq!(first.headers()["x-ratelimit-remaining"], "1");
    assert_eq!(first.headers()["x-ratelimit-limit"], "2");
    let bucket = first.headers()["x-ratelimit-bucket"].clone();
    api.raw(Method::POST, &path, &json!({"content": "2"}))
        .await?;
    let third = api
        .raw(Method::POST, &path, &json!({"content": "3"}))
        .await?;
    assert_eq!(third.status(), 429);
    assert_eq!(third.headers()["x-ratelimit-scope"], "user");
    assert_eq!(third.headers()["x-ratelimit-bucket"], bucket);
    assert_eq!(third.headers()["retry-after"], "60");
    let body: serde_json::Value = third.json().await?;
    assert!(
        body["retry_after"]
            .as_f64()
            .is_some_and(|seconds| seconds > 59.0)
    );
    let elsewhere = api
        .raw(
            Method::POST,
            &api.messages("gallery"),
            &json!({"content": "1"}),
        )
        .await?;
    assert_eq!(
        (
            elsewhere.status().as_u16(),
            &elsewhere.headers()["x-ratelimit-bucket"]
        ),
        (200, &bucket)
    );
    Ok(())
}

#[tokio::test]
async fn the_global_limit_and_the_ban_are_enforced() -> anyhow::Result<()> {
    let limits = RateLimits {
        global_per_second: 3,
        invalid_allowed: 5,
        ..RateLimits::default()
    };
    let api = Api::start(with_limits(limits)).await?;
    let mut replies = Vec::new();
    for _ in 0..4 {
        replies.push(api.raw(Method::GET, "/users/@me", &json!(null)).await?);
    }
    let last = replies.pop().expect("four replies");
    assert_eq!(last.status(), 429);
    assert_eq!(last.headers()["x-ratelimit-global"], "true");
    let client = reqwest::Client::new();
    let url = format!("{}/api/v10/users/@me", api.world.origin());
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(
            client
                .get(&url)
                .header("user-agent", crate::api::AGENT)
                .send()
                .await?
                .status()
                .as_u16(),
        );
    }
    assert_eq!(statuses, [401, 401, 401, 401, 429, 429]);
    Ok(())
}

#[tokio::test]
async fn faults_strike_once_and_may_hide_an_effect() -> anyhow::Result<()> {
    let api = Api::start(PlaygroundConfig::default()).await?;
    let path = api.messages("general");
    let body = json!({"content": "x"});
    api.world
        .fail(fault("POST", "/messages", Failure::Status { status: 503 }));
    assert_eq!(api.raw(Method::POST, &path, &body).await?.status(), 503);
    api.world.fail(fault("POST", "/messages", Failure::Garbage));
    assert!(
        api.raw(Method::POST, &path, &body)
            .await?
            .json::<serde_json::Value>()
            .await
            .is_err()
    );
    api.world.fail(fault(
        "POST",
        "/messages",
        Failure::RateLimited {
            retry_after: 0.5,
            scope: "shared".to_owned(),
        },
    ));
    let limited = api.raw(Method::POST, &path, &body).await?;
    assert_eq!(limited.headers()["x-ratelimit-scope"], "shared");
    api.world.fail(fault("POST", "/messages", Failure::Hang));
    let hung = api
        .request(Method::POST, &path)
        .json(&body)
        .timeout(Duration::from_millis(200))
        .send()
        .await;
    assert!(hung.is_err_and(|error| error.is_timeout()));
    assert!(api.world.user("ada").messages().is_empty());
    api.world.fail(RouteFault {
        takes_effect: true,
        ..fault("POST", "/messages", Failure::Close)
    });
    assert!(api.raw(Method::POST, &path, &body).await.is_err());
    assert_eq!(
        api.world.user("ada").messages().len(),
        1,
        "the answer was lost, not the message"
    );
    assert_eq!(api.raw(Method::POST, &path, &body).await?.status(), 200);
    let statuses: Vec<u16> = api
        .world
        .requests()
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [503, 200, 429, 0, 0, 200]);
    Ok(())
}
