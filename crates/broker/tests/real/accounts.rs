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
use lapin::{BasicProperties, ExchangeKind};
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
    .unwrap();
    world.as_user(&user, &password).await
}

async fn connect(config: &BrokerConfig) -> Broker {
    Broker::connect(config, "node", Topology::none(), Arc::new(SystemEntropy))
        .await
        .unwrap()
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
    F: FnOnce(lapin::Channel) -> Fut,
    Fut: Future<Output = lapin::Result<()>>,
{
    let channel = connection.create_channel().await.unwrap();
    let error = attempt(channel).await.expect_err(what).to_string();
    assert!(error.contains("ACCESS"), "{what}: {error}");
}

#[tokio::test]
async fn a_node_cannot_read_or_declare_what_is_not_its_own() {
    let world = World::new().await;
    let leader = world.broker("leader").await;
    let node: NodeId = "gpu-1".parse().unwrap();
    let other = world.names.node_inbox(
        &"gpu-10".parse().unwrap(),
        BootId(SystemEntropy.random_uuid()),
    );
    let config = account(&world, &node).await;
    let raw = Raw::connect(config.url.expose_secret()).await;
    let declare = |name: String| {
        move |channel: lapin::Channel| async move {
            channel
                .queue_declare(
                    name.as_str().into(),
                    QueueDeclareOptions::default(),
                    Default::default(),
                )
                .await
                .map(drop)
        }
    };
    let consume = |name: String| {
        move |channel: lapin::Channel| async move {
            let options = BasicConsumeOptions::default();
            channel
                .basic_consume(name.as_str().into(), "".into(), options, Default::default())
                .await
                .map(drop)
        }
    };
    refused(
        &raw.connection,
        "declare another's inbox",
        declare(other.name().into()),
    )
    .await;
    refused(&raw.connection, "declare any queue", declare("mine".into())).await;
    // Not exclusive, so that only the account's rights stand between.
    let options = QueueDeclareOptions::default();
    world
        .raw()
        .await
        .channel
        .queue_declare(other.name().into(), options, Default::default())
        .await
        .unwrap();
    refused(
        &raw.connection,
        "read another's inbox",
        consume(other.name().into()),
    )
    .await;
    refused(
        &raw.connection,
        "read reports",
        consume(world.names.node_done(&world.lane).name().into()),
    )
    .await;
    refused(
        &raw.connection,
        "read dead letters",
        consume(world.names.dead().name().into()),
    )
    .await;
    let exchange = world.names.nodes_exchange();
    refused(
        &raw.connection,
        "declare an exchange",
        |channel| async move {
            let options = ExchangeDeclareOptions::default();
            channel
                .exchange_declare(
                    "mine".into(),
                    ExchangeKind::Topic,
                    options,
                    Default::default(),
                )
                .await
        },
    )
    .await;
    let own = world
        .names
        .node_inbox(&node, BootId(SystemEntropy.random_uuid()));
    refused(
        &raw.connection,
        "listen to reports through its own queue",
        |channel| async move {
            let options = QueueDeclareOptions {
                exclusive: true,
                ..QueueDeclareOptions::default()
            };
            channel
                .queue_declare(own.name().into(), options, Default::default())
                .await?;
            let options = QueueBindOptions::default();
            channel
                .queue_bind(
                    own.name().into(),
                    exchange.as_str().into(),
                    "#".into(),
                    options,
                    Default::default(),
                )
                .await
        },
    )
    .await;
    refused(
        &raw.connection,
        "publish to its own inbox by the default exchange",
        |channel| async move {
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            let (options, properties) =
                (BasicPublishOptions::default(), BasicProperties::default());
            channel
                .basic_publish("".into(), "node.gpu-1".into(), options, b"x", properties)
                .await?
                .await
                .map(drop)
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
