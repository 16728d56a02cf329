//! "Show job" in the menu of a message: what the job was made from, for the member alone.

use easel_domain::JobId;
use easel_domain::picture::StorageClass;

use super::Intake;
use crate::arrival::Arrival;
use crate::rest::{Callback, MessagePayload};
use crate::view::details::details;

impl Intake {
    /// Tells what a job was made from, to those who may see its pictures.
    pub(super) async fn details(&self, arrival: &Arrival, job: Option<JobId>) {
        let language = arrival.language;
        let Some(job) = job else {
            return self
                .whisper(arrival, language.no_job_here(), "no_job")
                .await;
        };
        let thinking = Callback::Thinking { ephemeral: true };
        let Some(answered) = self.begin(arrival, thinking).await else {
            return;
        };
        let found = self.snapshot(job, language).await.and_then(|job| {
            let is_seen = job.storage_class == StorageClass::Public;
            if is_seen || job.owner == Some(arrival.member) {
                Ok(details(&job, language))
            } else {
                Err((language.private_picture().to_owned(), "private"))
            }
        });
        match found {
            Ok(payload) => self.reply(arrival, answered, &payload, "details").await,
            Err((words, outcome)) => {
                let payload = MessagePayload::text(words);
                self.refuse(arrival, answered, payload, outcome).await;
            }
        }
    }
}
