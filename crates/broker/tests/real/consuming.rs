use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use easel_broker::{Action, Delivery, Message, Subscription};
use easel_domain::tier::ServiceClass;
use tokio::sync::{Barrier, mpsc};

use crate::support::{Note, World, eventually, next};

#[tokio::test]
async fn what_cannot_be_read_is_dead_lettered_and_the_consumer_goes_on() {
    let world = World::new().await;
    let broker = world.broker("consumer").await;
    let queue = world.names.jobs(&world.lane, ServiceClass::Fast);
    let raw = world.raw().await;
    let bodies: [&[u8]; 4] = [
        b"garbage",
        b"{\"v\":1}",
        b"{\"v\":2,\"n\":1}",
        b"{\"v\":1,\"n\":5}",
    ];
    for body in bodies {
        raw.send(queue.name(), body).await;
    }
    let (sender, mut seen) = mpsc::channel(1);
    broker.consume(
        Subscription::new(queue, 10),
        move |delivery: Delivery<Note>| {
            let sender = sender.clone();
            async move {
                sender.send(delivery.body.n).await.unwrap();
                Action::ack()
            }
        },
    );
    assert_eq!(next(&mut seen).await, 5);
    for body in &bodies[..3] {
        assert_eq!(
            world.next_dead().await,
            ("undecodable".to_string(), body.to_vec())
        );
    }
    broker.close().await;
}

#[tokio::test]
async fn a_panicking_handler_loses_its_message_to_the_dead_letters_and_nothing_else() {
    let world = World::new().await;
    let broker = world.broker("consumer").await;
    let queue = world.names.shard(0);
    let (sender, mut seen) = mpsc::channel(1);
    broker.consume(
        Subscription::new(queue.clone(), 10),
        move |delivery: Delivery<Note>| {
            let sender = sender.clone();
            async move {
                assert_ne!(delivery.body.n, 13, "unlucky");
                sender.send(delivery.body.n).await.unwrap();
                Action::ack()
            }
        },
    );
    for n in [13, 14] {
        broker
            .publish(Message::new(queue.target(), &Note { n }).unwrap())
            .await
            .unwrap();
    }
    assert_eq!(next(&mut seen).await, 14);
    assert_eq!(world.next_dead().await.0, "handler panicked");
    broker.close().await;
}

#[tokio::test]
async fn a_message_is_not_acked_when_what_it_publishes_was_not_stored() {
    let world = World::new().await;
    let broker = world.broker("consumer").await;
    let queue = world.names.shard(0);
    let good = Message::new(
        world.names.jobs(&world.lane, ServiceClass::Fast).target(),
        &Note { n: 2 },
    )
    .unwrap();
    let bad = Message::new(world.names.shard(99).target(), &Note { n: 2 }).unwrap();
    let tries = Arc::new(AtomicU32::new(0));
    let (counted, (sender, mut seen)) = (Arc::clone(&tries), mpsc::channel(1));
    broker.consume(
        Subscription::new(queue.clone(), 10),
        move |delivery: Delivery<Note>| {
            let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
            let (message, sender) = (
                if first { bad.clone() } else { good.clone() },
                sender.clone(),
            );
            async move {
                sender.send(delivery.redelivered).await.unwrap();
                vec![Action::Publish(message), Action::Ack]
            }
        },
    );
    broker
        .publish(Message::new(queue.target(), &Note { n: 1 }).unwrap())
        .await
        .unwrap();
    assert!(!next(&mut seen).await);
    assert!(next(&mut seen).await, "it comes again");
    let (sender, mut stored) = mpsc::channel(1);
    let lane = world.names.jobs(&world.lane, ServiceClass::Fast);
    broker.consume(
        Subscription::new(lane, 1),
        move |delivery: Delivery<Note>| {
            let sender = sender.clone();
            async move {
                sender.send(delivery.body.n).await.unwrap();
                Action::ack()
            }
        },
    );
    assert_eq!(next(&mut stored).await, 2);
    assert_eq!(tries.load(Ordering::SeqCst), 2);
    broker.close().await;
}

#[tokio::test]
async fn a_message_retried_later_lets_others_pass() {
    let world = World::new().await;
    let broker = world.broker("consumer").await;
    let queue = world.names.shard(0);
    let (sender, mut seen) = mpsc::channel(10);
    broker.consume(
        Subscription::new(queue.clone(), 10),
        move |delivery: Delivery<Note>| {
            let sender = sender.clone();
            async move {
                sender
                    .send((delivery.body.n, delivery.redelivered))
                    .await
                    .unwrap();
                if delivery.body.n == 1 && !delivery.redelivered {
                    vec![Action::RetryLater(Duration::from_millis(200))]
                } else {
                    Action::ack()
                }
            }
        },
    );
    for n in [1, 2] {
        broker
            .publish(Message::new(queue.target(), &Note { n }).unwrap())
            .await
            .unwrap();
    }
    assert_eq!(next(&mut seen).await, (1, false));
    assert_eq!(next(&mut seen).await, (2, false));
    assert_eq!(next(&mut seen).await, (1, true));
    broker.close().await;
}

#[tokio::test]
async fn as_many_messages_are_handled_at_once_as_asked_for() {
    let world = World::new().await;
    let broker = world.broker("consumer").await;
    let queue = world.names.shard(0);
    let meeting = Arc::new(Barrier::new(4));
    let (sender, mut seen) = mpsc::channel(10);
    broker.consume(
        Subscription::new(queue.clone(), 10).concurrency(4),
        move |_: Delivery<Note>| {
            let (meeting, sender) = (Arc::clone(&meeting), sender.clone());
            async move {
                // Only passes with four at once.
                meeting.wait().await;
                sender.send(()).await.unwrap();
                Action::ack()
            }
        },
    );
    for n in 0..4 {
        broker
            .publish(Message::new(queue.target(), &Note { n }).unwrap())
            .await
            .unwrap();
    }
    for _ in 0..4 {
        next(&mut seen).await;
    }
    broker.close().await;
}

#[tokio::test]
async fn a_stopped_consumer_finishes_what_it_holds_and_leaves_the_rest() {
    let world = World::new().await;
    let broker = world.broker("consumer").await;
    let queue = world.names.shard(0);
    for n in 0..5 {
        broker
            .publish(Message::new(queue.target(), &Note { n }).unwrap())
            .await
            .unwrap();
    }
    let (started, mut begun) = mpsc::channel(10);
    let (release, gate) = tokio::sync::watch::channel(false);
    let first = broker.consume(
        Subscription::new(queue.clone(), 3),
        move |delivery: Delivery<Note>| {
            let (started, mut gate) = (started.clone(), gate.clone());
            async move {
                started.send(delivery.body.n).await.unwrap();
                gate.wait_for(|open| *open).await.unwrap();
                Action::ack()
            }
        },
    );
    assert_eq!(next(&mut begun).await, 0);
    let stopping = first.stop();
    tokio::pin!(stopping);
    assert!(
        futures::poll!(&mut stopping).is_pending(),
        "it waits for what is in hand"
    );
    release.send(true).unwrap();
    tokio::time::timeout(crate::support::LIMIT, stopping)
        .await
        .unwrap();
    let (sender, mut seen) = mpsc::channel(10);
    broker.consume(
        Subscription::new(queue, 3),
        move |delivery: Delivery<Note>| {
            let sender = sender.clone();
            async move {
                sender.send(delivery.body.n).await.unwrap();
                Action::ack()
            }
        },
    );
    let mut rest = Vec::new();
    while rest.len() < 4 {
        rest.push(next(&mut seen).await);
    }
    rest.sort_unstable();
    assert_eq!(rest, [1, 2, 3, 4]);
    assert!(
        begun.try_recv().is_err(),
        "the first consumer took one message only"
    );
    broker.close().await;
}

#[tokio::test]
async fn live_messages_expire_unread() {
    let world = World::new().await;
    let broker = world.broker("consumer").await;
    let queue = world.names.progress(0);
    broker
        .publish(Message::new(queue.target(), &Note { n: 1 }).unwrap())
        .await
        .unwrap();
    let raw = world.raw().await;
    eventually("the message to expire", || async {
        let options = lapin::options::QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let queue = raw
            .channel
            .queue_declare(
                queue.name().into(),
                options,
                lapin::types::FieldTable::default(),
            )
            .await
            .unwrap();
        (queue.message_count() == 0).then_some(())
    })
    .await;
    broker.close().await;
}
