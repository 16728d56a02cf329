//! One term of office: the tasks that run while this process leads, and their common end.

use std::fmt;

use easel_broker::{Consumer, Delivery, Subscription};
use easel_domain::message::JobHint;
use easel_domain::tier::ServiceClass;
use easel_service::chain;
use easel_store::StoreError;
use easel_store::marks::MarkWriter;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::coordinator::{self, Input};
use crate::ends::Ends;
use crate::grants::Grants;
use crate::lanes::Office;
use crate::{ends, garbage, grants, hints, live, mentions, relay, reports};

/// Inputs that may wait for the coordinator. Beyond it, the consumers wait and the broker keeps the rest.
const INBOX: usize = 1_024;
const HINT_PREFETCH: u16 = 200;

/// Why a term ended.
#[derive(Debug)]
pub(crate) enum TermEnd {
    /// The process drains.
    Drained,
    /// Another process leads, or this one could not renew its lease in time.
    Lost,
    /// A task failed in a way that it could not carry on from.
    Failed(String),
}

impl fmt::Display for TermEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drained => f.write_str("draining"),
            Self::Lost => f.write_str("leadership is lost"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

/// Leads until the drain begins or leadership is lost. When it returns, nothing of the term runs any more.
pub(crate) async fn serve(
    office: Office,
    marks: MarkWriter,
    said: mpsc::Receiver<mentions::Said>,
    drain: &CancellationToken,
) -> TermEnd {
    let (ends, ending) = ends::channel();
    let (grants, wishes) = grants::channel();
    let (looks, asked) = mpsc::channel(INBOX);
    let (inputs, inbox) = mpsc::channel(INBOX);
    let mut tasks = JoinSet::new();
    tasks.spawn(keep_lead(office.clone()));
    tasks.spawn(coordinator::run(office.clone(), inbox));
    tasks.spawn(relay::run(office.clone()));
    tasks.spawn(garbage::run(office.clone()));
    tasks.spawn(live::echo(office.clone()));
    tasks.spawn(ends::run(office.clone(), ending));
    tasks.spawn(grants::run(office.clone(), wishes));
    tasks.spawn(hints::run(office.clone(), asked));
    tasks.spawn(mentions::run(office.broker.clone(), said));
    tasks.spawn(async move {
        marks.run().await;
        TermEnd::Drained
    });
    let consumers = start_consumers(&office, &inputs, &looks, (&ends, &grants));
    let end = tokio::select! {
        () = drain.cancelled() => TermEnd::Drained,
        ended = tasks.join_next() => match ended {
            Some(Ok(end)) => end,
            Some(Err(error)) => TermEnd::Failed(format!("a task panicked: {error}")),
            None => TermEnd::Lost,
        },
    };
    for consumer in consumers {
        consumer.stop().await;
    }
    tasks.shutdown().await;
    end
}

fn start_consumers(
    office: &Office,
    inputs: &mpsc::Sender<Input>,
    looks: &mpsc::Sender<hints::Look>,
    (ends, grants): (&Ends, &Grants),
) -> Vec<Consumer> {
    let lane = office.settings.lane();
    let names = office.broker.names();
    let mut consumers: Vec<Consumer> = ServiceClass::ALL
        .into_iter()
        .map(|class| {
            let (inputs, looks) = (inputs.clone(), looks.clone());
            let queue = Subscription::new(names.jobs(&lane, class), HINT_PREFETCH)
                .concurrency(usize::from(HINT_PREFETCH));
            office
                .broker
                .consume(queue, move |hint: Delivery<JobHint>| {
                    hints::take(looks.clone(), inputs.clone(), hint.body)
                })
        })
        .collect();
    consumers.push(live::consume(office.clone(), inputs.clone()));
    consumers.push(reports::consume(
        office.clone(),
        inputs.clone(),
        ends.clone(),
        grants.clone(),
    ));
    consumers
}

/// Renews the lead three times a term. A term that could not be renewed is over before anybody can take the lead.
async fn keep_lead(office: Office) -> TermEnd {
    let term = office.settings.leadership_term;
    let mut ticks = tokio::time::interval(term / 3);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut renewed_at = tokio::time::Instant::now();
    loop {
        ticks.tick().await;
        let asked_at = tokio::time::Instant::now();
        match office
            .store
            .renew_leadership(&office.leadership, term)
            .await
        {
            Ok(()) => renewed_at = asked_at,
            Err(StoreError::LeadershipLost) => return TermEnd::Lost,
            Err(error) => tracing::warn!("cannot renew leadership: {error}", error = chain(&error)),
        }
        if renewed_at.elapsed() >= term {
            return TermEnd::Lost;
        }
    }
}
