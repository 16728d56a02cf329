use std::sync::Arc;
use std::time::Duration;

use easel_broker::{
    Action, Broker, BrokerError, Message, PublishError, Subscription, TraceContext,
};
use easel_domain::tier::ServiceClass;
use easel_service::SystemEntropy;
use easel_service::config::BrokerConfig;
use futures::future::join_all;
use tokio::sync::mpsc;

use crate::support::{LIMIT, Note, World, next};

#[tokio::test]
async fn a_confirmed_message_arrives_with_its_trace() {
    let world = World::new().await;
    let broker = world.broker("publisher").await;
    let queue = world.names.jobs(&world.lane, ServiceClass::Fast);
    let trace = TraceContext::root(&SystemEntropy);
    let message = Message::new(queue.target(), &Note { n: 7 })
        .unwrap()
        .trace(trace);
    broker.publish(message).await.unwrap();
    let (sender, mut seen) = mpsc::channel(1);
    broker.consume(
        Subscription::new(queue.clone(), 10),
        move |delivery: easel_broker::Delivery<Note>| {
            let sender = sender.clone();
            async move {
                sender.send(delivery).await.unwrap();
                Action::ack()
            }
        },
    );
    let delivery = next(&mut seen).await;
    assert_eq!(delivery.body, Note { n: 7 });
    assert_eq!(delivery.trace, Some(trace));
    assert_eq!(delivery.routing_key, queue.name());
    broker.close().await;
}

#[tokio::test]
async fn a_message_for_a_queue_that_does_not_exist_is_returned() {
    let world = World::new().await;
    let broker = world.broker("publisher").await;
    let inbox = world.names.node_inbox(
        &"nobody".parse().unwrap(),
        easel_domain::BootId(uuid::Uuid::nil()),
    );
    let message = Message::new(inbox.target(), &Note { n: 1 }).unwrap();
    let error = broker.publish(message.clone()).await.unwrap_err();
    assert!(
        matches!(&error, PublishError::Returned { routing_key } if routing_key == inbox.name()),
        "{error}"
    );
    assert!(error.is_certainly_not_stored());
    broker.publish(message.optional()).await.unwrap();
    broker.close().await;
}

#[tokio::test]
async fn with_many_in_flight_a_return_is_blamed_on_the_right_message() {
    let world = World::new().await;
    let broker = world.broker("publisher").await;
    let good = world.names.shard(0).target();
    let bad = world.names.shard(99).target();
    let publishes = (0..400).map(|n| {
        let target = if n % 3 == 0 { &bad } else { &good };
        let message = Message::new(target.clone(), &Note { n }).unwrap();
        let broker = broker.clone();
        async move { (n, broker.publish(message).await) }
    });
    for (n, outcome) in join_all(publishes).await {
        match outcome {
            Ok(()) => assert_ne!(n % 3, 0, "message {n} was confirmed"),
            Err(PublishError::Returned { .. }) => assert_eq!(n % 3, 0, "message {n} was returned"),
            Err(error) => panic!("message {n}: {error}"),
        }
    }
    broker.close().await;
}

#[tokio::test]
async fn a_full_inbox_refuses_instead_of_growing() {
    let world = World::new().await;
    let broker = world.broker("publisher").await;
    let inbox = world.names.node_inbox(
        &"busy".parse().unwrap(),
        easel_domain::BootId(uuid::Uuid::nil()),
    );
    let (sender, mut seen) = mpsc::channel(1);
    broker.consume(
        Subscription::new(inbox.clone(), 1),
        move |_: easel_broker::Delivery<Note>| {
            let sender = sender.clone();
            async move {
                sender.send(()).await.unwrap();
                std::future::pending().await
            }
        },
    );
    // The consumer declares the inbox; until then the message is returned.
    let first = Message::new(inbox.target(), &Note { n: 0 }).unwrap();
    crate::support::eventually("the inbox", || async {
        broker.publish(first.clone()).await.ok()
    })
    .await;
    next(&mut seen).await;
    let fill =
        (1..=1_001).map(|n| broker.publish(Message::new(inbox.target(), &Note { n }).unwrap()));
    let refused: Vec<_> = join_all(fill)
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert_eq!(refused.len(), 1);
    assert!(
        matches!(refused[0], PublishError::Nacked { .. }),
        "{}",
        refused[0]
    );
}

#[tokio::test]
async fn settings_that_cannot_work_are_told_apart() {
    let world = World::new().await;
    let connect = |config: BrokerConfig| async move {
        let topology = easel_broker::Topology::none();
        Broker::connect(&config, "test", topology, Arc::new(SystemEntropy))
            .await
            .unwrap_err()
    };
    let error = connect(BrokerConfig::new("http://127.0.0.1")).await;
    assert!(matches!(error, BrokerError::Address { .. }), "{error}");
    let short = Duration::from_millis(500);
    let nobody = BrokerConfig {
        connect_timeout: short,
        ..BrokerConfig::new("amqp://a:hunter2@127.0.0.1:1/x")
    };
    let text = connect(nobody).await.to_string();
    assert!(
        text.contains("amqp://127.0.0.1:1/x") && text.contains("EASEL_BROKER__URL"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
    let stranger = BrokerConfig {
        connect_timeout: Duration::from_secs(2),
        ..world.as_user("nobody", "wrong").await
    };
    let text = connect(stranger).await.to_string();
    assert!(
        text.contains("ACCESS_REFUSED") || text.contains("ACCESS-REFUSED"),
        "{text}"
    );
}

#[tokio::test]
async fn without_a_connection_a_publish_ends_at_its_limit() {
    let mut config = BrokerConfig::new("amqp://a:b@127.0.0.1:1/x");
    config.confirm_timeout = Duration::from_millis(100);
    let entropy = Arc::new(SystemEntropy);
    let broker = Broker::start(&config, "test", easel_broker::Topology::none(), entropy).unwrap();
    let message = Message::new(broker.names().dead().target(), &Note { n: 1 }).unwrap();
    let outcome = tokio::time::timeout(LIMIT, broker.publish(message))
        .await
        .unwrap();
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, PublishError::NotSent { .. }) && error.is_certainly_not_stored(),
        "{error}"
    );
    assert!(!broker.state().borrow().is_up());
    broker.close().await;
}
