//! One batch on one channel.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation};
use tokio::time::{Instant, timeout_at};

use super::{Asker, Waiting, open};
use crate::Message;
use crate::connection::Link;
use crate::error::PublishError;

/// Sends a batch and answers everybody in it. Gives the channel back where nothing is left open on it.
pub(super) async fn send(link: &Link, batch: Vec<Waiting>, limit: Duration) {
    let (messages, mut askers): (Vec<Message>, Vec<Option<Asker>>) = batch
        .into_iter()
        .map(|waiting| (waiting.message, Some(waiting.asker)))
        .unzip();
    let deadline = Instant::now() + limit;
    let sent = async {
        let channel = match link.channels.take() {
            Some(channel) => channel,
            None => open(link).await.map_err(|error| broken(&error))?,
        };
        publish(&channel, &messages, &mut askers).await?;
        Ok(channel)
    };
    let outcome = tokio::select! {
        () = link.lost.cancelled() => Err(PublishError::Broken { reason: "the connection was lost".into() }),
        sent = timeout_at(deadline, sent) => sent.unwrap_or(Err(PublishError::Timeout { limit })),
    };
    match outcome {
        Ok(channel) => link.channels.give_back(channel),
        // The channel is closed with what it still owes.
        Err(error) => {
            for asker in askers.into_iter().flatten() {
                asker.answer(Err(error.clone()));
            }
        }
    }
}

fn broken(error: &lapin::Error) -> PublishError {
    PublishError::Broken {
        reason: error.to_string(),
    }
}

/// Hands all messages over at once, and answers for each as it is confirmed.
async fn publish(
    channel: &Channel,
    messages: &[Message],
    askers: &mut [Option<Asker>],
) -> Result<(), PublishError> {
    let mut open: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(place, message)| (place, Box::pin(confirmed(channel, message, place))))
        .collect();
    let mut returned = HashSet::new();
    while !open.is_empty() {
        let news = poll_fn(|cx| newly_confirmed(cx, &mut open)).await;
        let mut confirmed = Vec::with_capacity(news.len());
        for (place, outcome) in news {
            let (stored, message) = match outcome.map_err(|error| broken(&error))? {
                Confirmation::Ack(message) => (true, message),
                Confirmation::Nack(message) => (false, message),
                Confirmation::NotRequested => {
                    let reason = "the channel does not confirm".into();
                    return Err(PublishError::Broken { reason });
                }
            };
            returned.extend(message.and_then(|message| place_of(&message)));
            confirmed.push((place, stored));
        }
        for (place, stored) in confirmed {
            let routing_key = messages[place].target.routing_key.clone();
            let outcome = match (returned.contains(&place), stored) {
                (true, _) => Err(PublishError::Returned { routing_key }),
                (false, true) => Ok(()),
                (false, false) => Err(PublishError::Nacked { routing_key }),
            };
            if let Some(asker) = askers[place].take() {
                asker.answer(outcome);
            }
        }
    }
    Ok(())
}

/// Those of `open` that are confirmed by now, taken out.
///
/// The broker returns a message before it confirms it, and the client hands what was returned to whichever confirm comes
/// next. So once a confirm is seen, the one that carries its return is there to be seen as well: the search goes on until
/// it finds nothing new.
fn newly_confirmed<F: Future>(
    cx: &mut Context<'_>,
    open: &mut Vec<(usize, Pin<Box<F>>)>,
) -> Poll<Vec<(usize, F::Output)>> {
    let mut news = Vec::new();
    loop {
        let before = news.len();
        open.retain_mut(|(place, confirm)| match confirm.as_mut().poll(cx) {
            Poll::Ready(outcome) => {
                news.push((*place, outcome));
                false
            }
            Poll::Pending => true,
        });
        if news.len() == before {
            break;
        }
    }
    if news.is_empty() && !open.is_empty() {
        Poll::Pending
    } else {
        Poll::Ready(news)
    }
}

async fn confirmed(
    channel: &Channel,
    message: &Message,
    place: usize,
) -> Result<Confirmation, lapin::Error> {
    let target = &message.target;
    let options = BasicPublishOptions {
        mandatory: message.mandatory,
        ..BasicPublishOptions::default()
    };
    let properties = message
        .properties()
        .with_message_id(place.to_string().into());
    let sent = channel.basic_publish(
        target.exchange.as_str().into(),
        target.routing_key.as_str().into(),
        options,
        &message.body,
        properties,
    );
    sent.await?.await
}

/// Which message of its batch was returned.
fn place_of(message: &BasicReturnMessage) -> Option<usize> {
    let id = message.properties.message_id().as_ref()?;
    id.as_str().parse().ok()
}
