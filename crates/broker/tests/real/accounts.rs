use std::sync::Arc;

use easel_broker::account::create_node_account;
use easel_broker::{Action, Broker, Delivery, Message, PublishError, Subscription, Topology};
use easel_domain::clock::EntropyExt;
use easel_domain::{BootId, NodeId};
use easel_service::SystemEntropy;
use easel_service::config::BrokerConfig;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, ExchangeKind};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;

use crate::support::{Note, Raw, World, eventually, management, next};

async fn account(world: &World, node: &NodeId) -> BrokerConfig {
    let password = SystemEntropy.random_uuid().to_string();
    let secret = SecretString::from(password.clone());
    let user = create_node_account(
        &management(),
        world.vhost,
        &world.names,
        &world.lane,
        node,
        &secret,
    )
    .await
    .expect("the account works");
    world.as_user(&user, &password).await
}

async fn connect(config: &BrokerConfig) -> Broker {
    Broker::connect(config, "node", Topology::none(), Arc::new(SystemEntropy))
        .await
        .expect("the account works")
}

#[tokio::test]
async fn a_node_reads_its_inbox_and_writes_its_keys() {
    let world = World::new().await;
    let leader = world.broker("leader").await;
    let node: NodeId = "gpu-1".parse().unwrap();
    let broker = connect(&account(&world, &node).await).await;
    let (sender, mut reports) = mpsc::channel(4);
    for queue in [
        world.names.node_done(&world.lane),
        world.names.node_live(&world.lane),
    ] {
        let sender = sender.clone();
        leader.consume(
            Subscription::new(queue, 10),
            move |delivery: Delivery<Note>| {
                let sender = sender.clone();
                async move {
                    sender
                        .send((delivery.sender(), delivery.body.n))
                        .await
                        .unwrap();
                    Action::ack()
                }
            },
        );
    }
    let done = world.names.done_target(&world.lane, &node);
    broker
        .publish(Message::new(done, &Note { n: 1 }).unwrap())
        .await
        .unwrap();
    assert_eq!(next(&mut reports).await, (Some(node.clone()), 1));
    let live = world.names.live_target(&world.lane, &node);
    broker
        .publish(Message::new(live, &Note { n: 2 }).unwrap())
        .await
        .unwrap();
    assert_eq!(next(&mut reports).await, (Some(node.clone()), 2));

    let inbox = world
        .names
        .node_inbox(&node, BootId(SystemEntropy.random_uuid()));
    let (sender, mut offers) = mpsc::channel(1);
    broker.consume(
        Subscription::new(inbox.clone(), 10),
        move |delivery: Delivery<Note>| {
            let sender = sender.clone();
            async move {
                sender.send(delivery.body.n).await.unwrap();
                Action::ack()
            }
        },
    );
    let offer = Message::new(inbox.target(), &Note { n: 3 }).unwrap();
    eventually("the inbox", || async {
        leader.publish(offer.clone()).await.ok()
    })
    .await;
    assert_eq!(next(&mut offers).await, 3);
    broker.close().await;
    leader.close().await;
}

#[tokio::test]
async fn a_node_cannot_publish_as_another_or_elsewhere() {
    let world = World::new().await;
    let leader = world.broker("leader").await;
    let (node, other): (NodeId, NodeId) = ("gpu-1".parse().unwrap(), "gpu-10".parse().unwrap());
    let broker = connect(&account(&world, &node).await).await;
    let targets = [
        world.names.done_target(&world.lane, &other),
        world
            .names
            .live_target(&easel_broker::Lane::new("us", "main").unwrap(), &node),
        world.names.shard(0).target(),
        world.names.node_done(&world.lane).target(),
        world.names.dead().target(),
    ];
    for target in targets {
        let message = Message::new(target.clone(), &Note { n: 1 }).unwrap();
        let error = broker.publish(message).await.unwrap_err();
        let refused =
            matches!(&error, PublishError::Broken { reason } if reason.contains("ACCESS"));
        assert!(refused, "{target:?}: {error}");
    }
    broker.close().await;
    leader.close().await;
}

/// Each attempt costs its channel, so each gets a new one.
async fn refused<F, Fut>(connection: &lapin::Connection, what: &str, attempt: F)
where
    F: FnOnce(Channel) -> Fut,
    Fut: Future<Output = lapin::Result<()>>,
{
    let channel = connection.create_channel().await.expect("a channel");
    let error = attempt(channel).await.expect_err(what).to_string();
    assert!(error.contains("ACCESS"), "{what}: {error}");
}

async fn declare(channel: Channel, name: String, exclusive: bool) -> lapin::Result<()> {
    let options = QueueDeclareOptions {
        exclusive,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(name.into(), options, FieldTable::default());
    declared.await.map(drop)
}

async fn consume(channel: Channel, name: String) -> lapin::Result<()> {
    let options = BasicConsumeOptions::default();
    let consumed = channel.basic_consume(name.into(), "".into(), options, FieldTable::default());
    consumed.await.map(drop)
}

/// A world with a leader's topology, one node, and a connection under its account past our own layer.
async fn node_world() -> (World, Broker, NodeId, Raw) {
    let world = World::new().await;
    let leader = world.broker("leader").await;
    let node: NodeId = "gpu-1".parse().expect("a node id");
    let config = account(&world, &node).await;
    let raw = Raw::connect(config.url.expose_secret()).await;
    (world, leader, node, raw)
}

fn inbox_of(world: &World, node: &str) -> String {
    let node = node.parse().expect("a node id");
    let boot = BootId(SystemEntropy.random_uuid());
    world.names.node_inbox(&node, boot).name().to_string()
}

#[tokio::test]
async fn a_node_cannot_declare_what_is_not_its_own() {
    let (world, leader, _, raw) = node_world().await;
    let other = inbox_of(&world, "gpu-10");
    refused(&raw.connection, "another's inbox", |channel| {
        declare(channel, other, true)
    })
    .await;
    refused(&raw.connection, "any queue", |channel| {
        declare(channel, "mine".into(), true)
    })
    .await;
    refused(&raw.connection, "an exchange", |channel| async move {
        let options = ExchangeDeclareOptions::default();
        let declared = channel.exchange_declare(
            "mine".into(),
            ExchangeKind::Topic,
            options,
            FieldTable::default(),
        );
        declared.await
    })
    .await;
    leader.close().await;
}

#[tokio::test]
async fn a_node_cannot_read_what_is_not_its_own() {
    let (world, leader, _, raw) = node_world().await;
    let other = inbox_of(&world, "gpu-10");
    // Not exclusive, so that only the account's rights stand between.
    declare(world.raw().await.channel, other.clone(), false)
        .await
        .unwrap();
    let names = [
        other,
        world.names.node_done(&world.lane).name().into(),
        world.names.dead().name().into(),
    ];
    for name in names {
        refused(&raw.connection, &name.clone(), |channel| {
            consume(channel, name)
        })
        .await;
    }
    leader.close().await;
}

#[tokio::test]
async fn a_node_cannot_listen_to_reports_or_use_the_default_exchange() {
    let (world, leader, node, raw) = node_world().await;
    let (exchange, own) = (
        world.names.nodes_exchange(),
        inbox_of(&world, &node.to_string()),
    );
    refused(
        &raw.connection,
        "bind its inbox to reports",
        |channel| async move {
            declare(channel.clone(), own.clone(), true).await?;
            let options = QueueBindOptions::default();
            let bound = channel.queue_bind(
                own.into(),
                exchange.into(),
                "#".into(),
                options,
                FieldTable::default(),
            );
            bound.await
        },
    )
    .await;
    refused(
        &raw.connection,
        "publish by the default exchange",
        |channel| async move {
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            let (options, properties) =
                (BasicPublishOptions::default(), BasicProperties::default());
            let sent =
                channel.basic_publish("".into(), "node.gpu-1".into(), options, b"x", properties);
            sent.await?.await.map(drop)
        },
    )
    .await;
    leader.close().await;
}

#[tokio::test]
async fn an_undecodable_message_in_an_inbox_is_dropped_because_a_node_may_not_dead_letter() {
    let world = World::new().await;
    let leader = world.broker("leader").await;
    let node: NodeId = "gpu-1".parse().unwrap();
    let broker = connect(&account(&world, &node).await).await;
    let inbox = world
        .names
        .node_inbox(&node, BootId(SystemEntropy.random_uuid()));
    let (sender, mut offers) = mpsc::channel(1);
    broker.consume(
        Subscription::new(inbox.clone(), 10),
        move |delivery: Delivery<Note>| {
            let sender = sender.clone();
            async move {
                sender.send(delivery.body.n).await.unwrap();
                Action::ack()
            }
        },
    );
    let bad = Message::new(inbox.target(), &"text").unwrap_err();
    assert!(
        bad.to_string().contains("encode"),
        "a body must be an object: {bad}"
    );
    let odd = Message::new(inbox.target(), &serde_json::json!({ "m": 1 })).unwrap();
    eventually("the inbox", || async {
        leader.publish(odd.clone()).await.ok()
    })
    .await;
    leader
        .publish(Message::new(inbox.target(), &Note { n: 4 }).unwrap())
        .await
        .unwrap();
    assert_eq!(next(&mut offers).await, 4);
    broker.close().await;
    leader.close().await;
}
