//! ❌ by reaction: stops a job that runs, deletes a result. And the button that deletes one.

use easel_domain::{DiscordId, GuildKey, JobId};
use easel_service::chain;
use easel_store::StoreError;
use easel_store::cancel::CancelOutcome;
use easel_store::removal::{Removal, Removed};

use super::Intake;
use crate::arrival::Arrival;
use crate::custom_id::CustomId;
use crate::reaction::Reaction;
use crate::rest::MessagePayload;
use crate::view::delete::sure;

impl Intake {
    /// ❌ as a reaction: of the job's owner or of a moderator; anybody else's does nothing.
    pub(super) async fn cross(
        &self,
        reaction: &Reaction,
        job: JobId,
    ) -> Result<&'static str, StoreError> {
        let Some(snapshot) = self.parts.store.job_snapshot(job).await? else {
            return Ok("no_job");
        };
        let is_own = snapshot.owner == Some(reaction.member);
        let mut moderates = None;
        if !is_own {
            // Whoever moderates where a copy stands has no say over a job of elsewhere.
            let is_here = reaction.guild.is_some() && reaction.guild == snapshot.guild;
            if !is_here || !self.moderates(reaction).await {
                return Ok("not_yours");
            }
            moderates = reaction.guild;
        }
        if !snapshot.state.is_end() {
            let asked = self.request_stop(reaction.member, job, moderates).await?;
            return Ok(match asked {
                // It has ended between two looks. Who wanted it stopped has not asked for its pictures to be deleted.
                CancelOutcome::AlreadyEnded(_) => "late",
                CancelOutcome::Requested { .. } => "cancel",
                CancelOutcome::AlreadyRequested => "cancel_again",
                CancelOutcome::NotYours => "not_yours",
                CancelOutcome::Unknown => "no_job",
            });
        }
        let removed = self
            .remove(reaction.member, job, moderates, reaction.shard)
            .await?;
        Ok(word(removed))
    }

    async fn moderates(&self, reaction: &Reaction) -> bool {
        let now = self.parts.clock.now();
        match self.rights.moderates(reaction, now).await {
            Ok(moderates) => moderates,
            Err(error) => {
                tracing::warn!(
                    "look up rights: {error}; nothing is deleted",
                    error = chain(&error)
                );
                false
            }
        }
    }

    /// The button under a result asks first; the one under its question deletes.
    pub(super) async fn press_delete(&self, arrival: &Arrival, button: CustomId) {
        if button.index == 0 {
            return self.ask_to_delete(arrival, button).await;
        }
        let language = arrival.language;
        self.turned(arrival, async || {
            let removed = self
                .remove(
                    arrival.member,
                    button.job,
                    arrival.moderated(),
                    arrival.shard,
                )
                .await;
            let removed = removed.map_err(|error| {
                tracing::warn!("delete a result: {error}", error = chain(&error));
                (language.not_accepted().to_owned(), "not_accepted")
            })?;
            match removed {
                Removed::Done | Removed::Already => {
                    Ok(MessagePayload::text(language.delete_done()))
                }
                Removed::NotYours => Err((language.not_yours_to_delete().to_owned(), "not_yours")),
                Removed::UnderWay => Err((language.late_moved_on().to_owned(), "under_way")),
                Removed::Unknown => {
                    let id = button.job.to_string();
                    Err((language.unknown_job(&id), "unknown_job"))
                }
            }
        })
        .await;
    }

    async fn ask_to_delete(&self, arrival: &Arrival, button: CustomId) {
        let language = arrival.language;
        self.whispered(arrival, "delete", async || {
            let job = self.snapshot(button.job, language).await?;
            let moderates = arrival.moderates && arrival.host() == job.guild;
            if job.owner != Some(arrival.member) && !moderates {
                return Err((language.not_yours_to_delete().to_owned(), "not_yours"));
            }
            Ok(sure(job.job, language))
        })
        .await;
    }

    async fn remove(
        &self,
        member: DiscordId,
        job: JobId,
        moderates: Option<GuildKey>,
        shard: u32,
    ) -> Result<Removed, StoreError> {
        let removal = Removal {
            job,
            member,
            fresh_user: self.new_user(),
            moderates,
            shard,
            at: self.parts.clock.now(),
        };
        let removed = self.parts.store.remove_result(removal).await?;
        if matches!(removed, Removed::Done | Removed::Already) {
            self.parts.errands.doomed();
        }
        Ok(removed)
    }
}

fn word(removed: Removed) -> &'static str {
    match removed {
        Removed::Done => "deleted",
        Removed::Already => "deleted_before",
        Removed::UnderWay => "under_way",
        Removed::NotYours => "not_yours",
        Removed::Unknown => "no_job",
    }
}
