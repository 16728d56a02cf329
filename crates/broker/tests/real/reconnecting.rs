use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use easel_broker::{Action, Broker, ConnectionState, Delivery, Message, Subscription};
use easel_domain::clock::EntropyExt;
use easel_service::SystemEntropy;
use tokio::sync::mpsc;

use crate::support::{LIMIT, Note, World, eventually, management, next};

/// Closes every connection that calls itself `client`, once the broker lists one.
async fn cut(client: &str) {
    let management = management();
    eventually("the connection to be listed", || async {
        let all = management.connections().await.expect("a list");
        let ours: Vec<_> = all
            .into_iter()
            .filter(|c| c.user_provided_name.as_deref() == Some(client))
            .collect();
        for connection in &ours {
            // It may have gone meanwhile.
            let _ = management.close_connection(&connection.name).await;
        }
        (!ours.is_empty()).then_some(())
    })
    .await;
}

async fn generation_above(broker: &Broker, low: u64) {
    let mut state = broker.state();
    let up = state
        .wait_for(|state| matches!(state, ConnectionState::Up { generation } if *generation > low));
    tokio::time::timeout(LIMIT, up)
        .await
        .expect("a reconnect in time")
        .expect("the supervisor lives");
}

#[tokio::test]
async fn after_the_broker_closes_the_connection_nothing_confirmed_is_lost() {
    let world = World::new().await;
    let client = format!("victim-{}", SystemEntropy.random_uuid());
    let broker = world.broker(&client).await;
    let queue = world.names.shard(0);
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let handled = Arc::clone(&seen);
    broker.consume(
        Subscription::new(queue.clone(), 20).concurrency(4),
        move |delivery: Delivery<Note>| {
            let handled = Arc::clone(&handled);
            async move {
                handled.lock().unwrap().insert(delivery.body.n);
                Action::ack()
            }
        },
    );
    let stop = tokio_util::sync::CancellationToken::new();
    let (publisher, target, until) = (broker.clone(), queue.target(), stop.clone());
    let mut publishing = tokio::task::JoinSet::new();
    publishing.spawn(async move {
        let mut confirmed = BTreeSet::new();
        for n in 0.. {
            if until.is_cancelled() {
                break;
            }
            if publisher
                .publish(Message::new(target.clone(), &Note { n }).unwrap())
                .await
                .is_ok()
            {
                confirmed.insert(n);
            }
        }
        confirmed
    });
    cut(&client).await;
    generation_above(&broker, 1).await;
    let before = seen.lock().unwrap().len();
    eventually("messages on the new connection", || async {
        (seen.lock().unwrap().len() > before).then_some(())
    })
    .await;
    stop.cancel();
    let confirmed = publishing.join_next().await.unwrap().unwrap();
    eventually("every confirmed message", || async {
        confirmed.is_subset(&seen.lock().unwrap()).then_some(())
    })
    .await;
    broker.close().await;
}

#[tokio::test]
async fn an_inbox_is_declared_again_after_a_reconnect() {
    let world = World::new().await;
    let client = format!("victim-{}", SystemEntropy.random_uuid());
    let node = world.broker(&client).await;
    let leader = world.broker("leader").await;
    let inbox = world.names.node_inbox(
        &"gpu-1".parse().unwrap(),
        easel_domain::BootId(SystemEntropy.random_uuid()),
    );
    let (sender, mut seen) = mpsc::channel(1);
    node.consume(
        Subscription::new(inbox.clone(), 10),
        move |delivery: Delivery<Note>| {
            let sender = sender.clone();
            async move {
                sender.send(delivery.body.n).await.unwrap();
                Action::ack()
            }
        },
    );
    let offer = |n| {
        let (leader, target) = (leader.clone(), inbox.target());
        async move {
            leader
                .publish(Message::new(target, &Note { n }).unwrap())
                .await
        }
    };
    eventually("the inbox", || async { offer(1).await.ok() }).await;
    assert_eq!(next(&mut seen).await, 1);
    cut(&client).await;
    generation_above(&node, 1).await;
    eventually("the new inbox", || async { offer(2).await.ok() }).await;
    assert_eq!(next(&mut seen).await, 2);
    node.close().await;
    leader.close().await;
}

#[tokio::test]
async fn a_deleted_queue_is_declared_and_consumed_again() {
    let world = World::new().await;
    let broker = world.broker("consumer").await;
    let queue = world.names.shard(0);
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    broker.consume(
        Subscription::new(queue.clone(), 10),
        move |_: Delivery<Note>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Action::ack() }
        },
    );
    let send = || broker.publish(Message::new(queue.target(), &Note { n: 1 }).unwrap());
    send().await.unwrap();
    eventually("the first message", || async {
        (count.load(Ordering::SeqCst) == 1).then_some(())
    })
    .await;
    let raw = world.raw().await;
    raw.channel
        .queue_delete(
            queue.name().into(),
            lapin::options::QueueDeleteOptions::default(),
        )
        .await
        .unwrap();
    eventually("the queue to be back", || async { send().await.ok() }).await;
    eventually("the second message", || async {
        (count.load(Ordering::SeqCst) == 2).then_some(())
    })
    .await;
    broker.close().await;
}
