//! Putting a message together and sending it over its route.

use std::time::Duration;

use easel_domain::job::JobState;
use easel_domain::{DiscordId, JobId};
use easel_service::chain;
use easel_store::delivery::{Delivery, Route};
use easel_store::show::JobSnapshot;

use super::budget::Lane;
use super::decide::{DeliveryAction, gives_up_picture};
use super::edit::{Editor, Known};
use super::picture::EVERYWHERE;
use crate::rest::{MessagePayload, Permit, RestError, Way};
use crate::view::{Live, Picture, fleeting, view};

/// The picture cannot be had for now.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoPicture;

impl Editor {
    /// The whole message. A picture that cannot be had is waited for a few times; then it is left out, and the message
    /// says how to fetch it.
    pub(super) async fn payload(
        &self,
        known: &Known,
        live: &Live,
    ) -> Result<MessagePayload, NoPicture> {
        let (job, row) = (&known.job, &known.delivery);
        let picture = match self.pictures.of(job, file_limit(row)).await {
            Ok(picture) => picture,
            Err(error) => {
                tracing::warn!(job.id = %job.job, "{error}", error = chain(&error));
                if !gives_up_picture(row.failures) {
                    return Err(NoPicture);
                }
                Picture::Missing
            }
        };
        let mut payload = self.message(known, live, &picture).await;
        if row.route == Route::Channel && !job.state.is_end() {
            // Whoever started several jobs a moment ago need not be called for each of them.
            payload.mentions.clear();
        }
        Ok(payload)
    }

    async fn message(&self, known: &Known, live: &Live, picture: &Picture) -> MessagePayload {
        let (job, row) = (&known.job, &known.delivery);
        let mut payload = view(job, &self.position(job, live).await, picture);
        if row.is_by_token_alone() {
            fleeting::show(&mut payload, job, row.token_expires_at);
        }
        payload.mentions = job.owner.into_iter().collect();
        payload
    }

    /// Sends the message; one that is too large for its channel goes with a smaller picture, or with none.
    pub(super) async fn send_fitting(
        &self,
        known: &Known,
        action: DeliveryAction,
        payload: MessagePayload,
        permit: Option<Permit>,
    ) -> Result<(DiscordId, MessagePayload), RestError> {
        let (row, job) = (&known.delivery, &known.job);
        let mut payload = payload;
        let mut error = match self.send(row, action, &payload, permit).await {
            Ok(message) => return Ok((message, payload)),
            Err(error) if error.is_too_large() && !payload.files.is_empty() => error,
            Err(error) => return Err(error),
        };
        let size: usize = payload.files.iter().map(|file| file.bytes.len()).sum();
        // What the place takes was not told, or was told for a member who pays for more: what every place takes, then half of
        // what was too large, then a thumbnail, then nothing.
        for step in 0..4 {
            let picture = match step {
                0 if size as u64 <= EVERYWHERE => continue,
                0 => self.pictures.lighter(job, EVERYWHERE).await,
                1 => self.pictures.lighter(job, size as u64 / 2).await,
                2 => self.pictures.small(job).await,
                _ => Ok(Picture::Missing),
            };
            let Ok(picture) = picture else { continue };
            payload = self.message(known, &Live::Unknown, &picture).await;
            error = match self.send(row, action, &payload, None).await {
                Ok(message) => return Ok((message, payload)),
                Err(error) if error.is_too_large() => error,
                Err(error) => return Err(error),
            };
        }
        Err(error)
    }

    /// Until the dispatcher has said where a job stands in its queue, the rows tell.
    async fn position(&self, job: &JobSnapshot, live: &Live) -> Live {
        if job.state != JobState::Queued || *live != Live::Unknown {
            return live.clone();
        }
        match self.store.queue_outlook(job.job).await {
            Ok(Some((position, wait_s))) => Live::Queued {
                position,
                // Where a node is free there is nothing to tell.
                eta: wait_s
                    .filter(|wait_s| *wait_s >= 1.0)
                    .and_then(|wait_s| Duration::try_from_secs_f64(wait_s).ok()),
            },
            Ok(None) | Err(_) => Live::Unknown,
        }
    }

    pub(super) async fn send(
        &self,
        row: &Delivery,
        action: DeliveryAction,
        payload: &MessagePayload,
        permit: Option<Permit>,
    ) -> Result<DiscordId, RestError> {
        let rest = &self.rest;
        let Some(lease) = self.ownership.of(row.shard) else {
            return Err(RestError::Unavailable {
                route: "edit",
                tries: 0,
                connected: false,
                reason: "the lease of the shard's messages has run out".into(),
            });
        };
        let sent = match (action, &row.token) {
            (DeliveryAction::EditByToken, Some(token)) => {
                rest.edit_original(row.application, token, payload, permit)
                    .await
            }
            (DeliveryAction::EditByBot(message), _) => {
                rest.edit_message(row.channel, message, payload, permit)
                    .await
            }
            (_, _) => {
                let nonce = nonce(row.job);
                rest.create_message(row.channel, payload, &nonce, permit)
                    .await
            }
        };
        if self.ownership.of(row.shard) != Some(lease) {
            self.reassert(row.job).await;
        }
        sent.map(|message| message.id)
    }
}

impl Editor {
    /// What was sent may have landed on what another process showed meanwhile: whoever owns the message shows it again.
    async fn reassert(&self, job: JobId) {
        match self.store.reassert_delivery(job).await {
            Ok(()) => {
                let why = "it was edited under a lost lease";
                tracing::info!(job.id = %job, "the message of job {job} is shown again: {why}");
            }
            Err(error) => {
                tracing::warn!(job.id = %job, "show job {job} again: {error}", error = chain(&error));
            }
        }
    }
}

/// Bytes that a file may have where the message is.
fn file_limit(row: &Delivery) -> u64 {
    match row.route {
        Route::Interaction | Route::Channel => row.file_limit.unwrap_or(EVERYWHERE),
        Route::Direct => EVERYWHERE,
    }
}

/// Under whose limits the message is sent.
pub(super) fn way(row: &Delivery, action: DeliveryAction) -> (Lane, Way) {
    match (action, &row.token) {
        (DeliveryAction::EditByToken, Some(token)) => (Lane::Token, Way::edit_original(token)),
        (DeliveryAction::EditByBot(_), _) => (Lane::Bot, Way::edit_message(row.channel)),
        (_, _) => (Lane::Bot, Way::create_message(row.channel)),
    }
}

/// At most 25 characters that belong to this job alone.
fn nonce(job: JobId) -> String {
    job.0.simple().to_string().chars().take(25).collect()
}
