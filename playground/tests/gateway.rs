//! The gateway, frame by frame.

#[path = "support/second_reader.rs"]
mod second_reader;

use std::time::Duration;

use anyhow::Context;
use easel_playground::{
    DispatchFault, GuildSeed, Playground, PlaygroundConfig, PlaygroundHandle, Seed,
};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(10);
const GUILDS_AND_MESSAGES: u64 = 1 | (1 << 9);

struct Client {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
}

impl Client {
    /// Connects and reads the hello.
    async fn connect(world: &PlaygroundHandle) -> anyhow::Result<Self> {
        let url = format!("ws://{}/gateway?v=10&encoding=json", world.address());
        let mut client = Self {
            socket: connect_async(url).await?.0,
        };
        let hello = client.next().await?;
        anyhow::ensure!(
            hello["op"] == 10 && hello["d"]["heartbeat_interval"].is_u64(),
            "{hello}"
        );
        Ok(client)
    }

    /// Connects, identifies and reads READY; the session's id comes back too.
    async fn identified(
        world: &PlaygroundHandle,
        intents: u64,
        shard: [u64; 2],
    ) -> anyhow::Result<(Self, String)> {
        let mut client = Self::connect(world).await?;
        client
            .identify(&world.token(), json!(intents), json!(shard))
            .await?;
        let ready = client.next().await?;
        anyhow::ensure!(ready["t"] == "READY", "{ready}");
        Ok((
            client,
            ready["d"]["session_id"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        ))
    }

    async fn identify(&mut self, token: &str, intents: Value, shard: Value) -> anyhow::Result<()> {
        self.send(json!({"op": 2, "d": {"token": token, "intents": intents, "shard": shard, "properties": {}}})).await
    }

    async fn resume(&mut self, token: &str, session: &str, seq: u64) -> anyhow::Result<()> {
        self.send(json!({"op": 6, "d": {"token": token, "session_id": session, "seq": seq}}))
            .await
    }

    async fn send(&mut self, frame: Value) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::text(frame.to_string())).await?)
    }

    async fn next(&mut self) -> anyhow::Result<Value> {
        match self.message().await? {
            Message::Text(text) => Ok(serde_json::from_str(&text)?),
            other => anyhow::bail!("not a text: {other:?}"),
        }
    }

    /// The next frame of that event.
    async fn event(&mut self, name: &str) -> anyhow::Result<Value> {
        loop {
            let frame = self.next().await?;
            if frame["t"] == name {
                return Ok(frame);
            }
        }
    }

    async fn close_code(&mut self) -> anyhow::Result<u16> {
        match self.message().await? {
            Message::Close(Some(frame)) => Ok(frame.code.into()),
            other => anyhow::bail!("not a close: {other:?}"),
        }
    }

    async fn message(&mut self) -> anyhow::Result<Message> {
        Ok(tokio::time::timeout(PATIENCE, self.socket.next())
            .await?
            .context("the stream ended")??)
    }
}

#[tokio::test]
async fn refusals_have_their_close_codes() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let token = world.token();
    world.change_rules(|rules| rules.granted_intents = 0);
    let identify = |token: &str, intents: Value, shard: Value| json!({"op": 2, "d": {"token": token, "intents": intents, "shard": shard}});
    let cases = [
        (identify("wrong", json!(0), Value::Null), 4004),
        (identify(&token, Value::Null, Value::Null), 4013),
        (identify(&token, json!(1 << 30), Value::Null), 4013),
        (identify(&token, json!(1 << 15), Value::Null), 4014),
        (identify(&token, json!(0), json!([1, 1])), 4010),
        (json!({"op": 8, "d": {}}), 4003),
        (json!({"op": 99}), 4001),
        (json!("x".repeat(5000)), 4002),
    ];
    for (frame, code) in cases {
        let mut client = Client::connect(&world).await?;
        client.send(frame).await?;
        assert_eq!(client.close_code().await?, code);
    }
    let (mut client, _) = Client::identified(&world, 0, [0, 1]).await?;
    client.identify(&token, json!(0), Value::Null).await?;
    assert_eq!(client.close_code().await?, 4005);
    Ok(())
}

#[tokio::test]
async fn heartbeats_are_acknowledged_until_told_otherwise_and_their_lack_ends_the_session()
-> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let (mut client, session) = Client::identified(&world, 0, [0, 1]).await?;
    client.send(json!({"op": 1, "d": 1})).await?;
    assert_eq!(client.next().await?["op"], 11);
    world.silence_heartbeats(true);
    client.send(json!({"op": 1, "d": 1})).await?;
    world.change_rules(|rules| rules.heartbeat = Duration::from_millis(100));
    assert_eq!(
        client.close_code().await?,
        4009,
        "and no acknowledgement before it"
    );
    let mut client = Client::connect(&world).await?;
    client.resume(&world.token(), &session, 1).await?;
    let invalid = client.next().await?;
    assert_eq!((&invalid["op"], &invalid["d"]), (&json!(9), &json!(false)));
    Ok(())
}

#[tokio::test]
async fn a_resume_replays_what_was_missed_and_nothing_else() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let (mut client, session) = Client::identified(&world, GUILDS_AND_MESSAGES, [0, 1]).await?;
    client.event("GUILD_CREATE").await?;
    let ada = world.user("ada");
    ada.say("seen")?;
    let seen = client.event("MESSAGE_CREATE").await?;
    drop(client);
    assert!(world.wait_for_silence(PATIENCE).await);
    ada.say("missed")?;

    let mut client = Client::connect(&world).await?;
    client
        .resume(
            &world.token(),
            &session,
            seen["s"].as_u64().context("a sequence")?,
        )
        .await?;
    let missed = client.next().await?;
    assert_eq!(
        (&missed["t"], missed["s"].as_u64()),
        (&json!("MESSAGE_CREATE"), seen["s"].as_u64().map(|s| s + 1))
    );
    assert_eq!(client.next().await?["t"], "RESUMED");
    world.invalidate_sessions(false);
    assert_eq!(client.next().await?["op"], 9);
    client
        .identify(&world.token(), json!(0), Value::Null)
        .await?;
    assert_eq!(
        client.next().await?["t"],
        "READY",
        "the same connection may identify anew"
    );
    world.close_connections(4000);
    assert_eq!(client.close_code().await?, 4000);
    Ok(())
}

#[tokio::test]
async fn a_session_closed_by_the_client_cannot_be_resumed() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let (mut client, session) = Client::identified(&world, 0, [0, 1]).await?;
    let goodbye = CloseFrame {
        code: CloseCode::Normal,
        reason: "".into(),
    };
    client.socket.close(Some(goodbye)).await?;
    assert!(world.wait_for_silence(PATIENCE).await);
    let mut client = Client::connect(&world).await?;
    client.resume(&world.token(), &session, 1).await?;
    assert_eq!(client.next().await?["op"], 9);
    let (mut fresh, _) = Client::identified(&world, 0, [0, 1]).await?;
    world.sever_connections();
    assert!(fresh.message().await.is_err(), "cut without a close frame");
    Ok(())
}

#[tokio::test]
async fn guilds_belong_to_shards_and_direct_messages_to_the_first() -> anyhow::Result<()> {
    let day = |n: i64| time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(n);
    // Milliseconds decide: an even and an odd one.
    let guild = |name: &str, created_at| GuildSeed {
        name: name.to_owned(),
        icon_text: "G".to_owned(),
        channels: vec![(name.to_owned(), String::new(), false)],
        created_at,
        premium_tier: 0,
        has_bot: true,
    };
    let guilds = vec![
        guild("even", day(19_000)),
        guild("odd", day(19_000) + Duration::from_millis(1)),
    ];
    let seed = Seed {
        guilds,
        ..Seed::default()
    };
    let world = Playground::start(PlaygroundConfig {
        seed,
        ..PlaygroundConfig::default()
    })
    .await?;
    let intents = GUILDS_AND_MESSAGES | (1 << 12) | (1 << 15);
    let (mut zero, _) = Client::identified(&world, intents, [0, 2]).await?;
    let (mut one, _) = Client::identified(&world, intents, [1, 2]).await?;
    assert_eq!(zero.event("GUILD_CREATE").await?["d"]["name"], "even");
    assert_eq!(one.event("GUILD_CREATE").await?["d"]["name"], "odd");
    let ada = world.user("ada");
    ada.clone().in_channel("odd").say("one")?;
    ada.clone().in_dm().say("direct")?;
    ada.in_channel("even").say("zero")?;
    assert_eq!(zero.next().await?["d"]["content"], "direct");
    assert_eq!(zero.next().await?["d"]["content"], "zero");
    assert_eq!(one.next().await?["d"]["content"], "one");
    world.add_thread("odd", "side", true);
    assert_eq!(one.next().await?["t"], "THREAD_CREATE");
    second_reader::reads(&world.dispatches());
    Ok(())
}

#[tokio::test]
async fn content_is_hidden_without_the_intent_for_it() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let (mut plain, _) = Client::identified(&world, 1 << 9, [0, 1]).await?;
    let (mut privileged, _) = Client::identified(&world, (1 << 9) | (1 << 15), [0, 1]).await?;
    let ada = world.user("ada");
    ada.say("secret")?;
    assert_eq!(plain.next().await?["d"]["content"], "");
    assert_eq!(privileged.next().await?["d"]["content"], "secret");
    ada.say(&format!("<@{}> hello", world.application_id()))?;
    assert!(
        plain.next().await?["d"]["content"]
            .as_str()
            .is_some_and(|text| text.ends_with("hello"))
    );
    Ok(())
}

#[tokio::test]
async fn events_can_be_dropped_doubled_and_carry_unknown_fields() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let (mut client, _) = Client::identified(&world, 1 << 9, [0, 1]).await?;
    let ada = world.user("ada");
    world.disturb("MESSAGE_CREATE", DispatchFault::Drop, 1);
    world.disturb("MESSAGE_CREATE", DispatchFault::Duplicate, 1);
    world.send_novel_fields(true);
    let ids = [
        ada.say("dropped")?.id(),
        ada.say("doubled")?.id(),
        ada.say("plain")?.id(),
    ];
    let (first, second, third) = (
        client.next().await?,
        client.next().await?,
        client.next().await?,
    );
    assert_eq!(first["d"]["id"], ids[1].to_string());
    assert_eq!(second["d"], first["d"]);
    assert_eq!(second["s"].as_u64(), first["s"].as_u64().map(|s| s + 1));
    assert_eq!(third["d"]["id"], ids[2].to_string());
    assert!(third["d"]["field_from_the_future"].is_object());
    second_reader::reads(&world.dispatches());
    Ok(())
}

#[tokio::test]
async fn events_can_come_late_and_out_of_order() -> anyhow::Result<()> {
    let world = Playground::start(PlaygroundConfig::default()).await?;
    let (mut client, _) = Client::identified(&world, 1 << 9, [0, 1]).await?;
    let ada = world.user("ada");
    world.disturb("MESSAGE_CREATE", DispatchFault::Reorder, 1);
    ada.say("first")?;
    ada.say("second")?;
    let overtaking = client.event("MESSAGE_CREATE").await?;
    let overtaken = client.event("MESSAGE_CREATE").await?;
    assert!(overtaking["d"]["id"].as_str() > overtaken["d"]["id"].as_str());
    assert!(overtaking["s"].as_u64() < overtaken["s"].as_u64());
    world.disturb("MESSAGE_CREATE", DispatchFault::Late(300), 1);
    let said = std::time::Instant::now();
    ada.say("late")?;
    client.event("MESSAGE_CREATE").await?;
    assert!(said.elapsed() >= Duration::from_millis(300));
    Ok(())
}
