//! Whether the same was asked for before.

use easel_domain::{JobId, UserId};

use super::{MessagePlace, Repetition, Submission};
use crate::cached::Transaction;
use crate::error::StoreError;

/// The key under which a picture is enlarged once for each member.
pub(super) fn dedupe_key(new: &Submission, user: UserId) -> Option<String> {
    match (new.repetition, new.parent) {
        (Repetition::Once, Some((job, index))) => {
            Some(format!("{}:{job}:{index}:{user}", new.action.as_str()))
        }
        (
            Repetition::Once
            | Repetition::Allowed
            | Repetition::SameWords(_)
            | Repetition::SameClick(_),
            _,
        ) => None,
    }
}

/// The job that this submission repeats, with its message.
pub(super) async fn earlier(
    tx: &Transaction<'_>,
    new: &Submission,
    user: UserId,
) -> Result<Option<(JobId, MessagePlace)>, StoreError> {
    let row = match new.repetition {
        Repetition::Allowed => None,
        Repetition::SameWords(within) => {
            tx.query_opt(
                "-- submit::earlier (words)\n\
                 SELECT j.id, d.guild_id, d.channel_id, d.message_id
                 FROM jobs j JOIN prompts p ON p.job_id = j.id JOIN deliveries d ON d.job_id = j.id
                 WHERE j.user_id = $1 AND j.ended_at IS NULL AND j.submitted_at > $2 AND d.channel_id = $3
                   AND p.digest = $4 ORDER BY j.id DESC LIMIT 1",
                &[
                    /* user */ &user,
                    /* after */ &(new.submitted_at - within),
                    /* channel */ &new.place.channel,
                    /* digest */ &new.digest,
                ],
            )
            .await?
        }
        Repetition::SameClick(within) => {
            let (parent, index) = parent_columns(new);
            tx.query_opt(
                "-- submit::earlier (click)\n\
                 SELECT j.id, d.guild_id, d.channel_id, d.message_id
                 FROM jobs j JOIN deliveries d ON d.job_id = j.id
                 WHERE j.user_id = $1 AND j.submitted_at > $2 AND j.action = $3
                   AND j.parent_job_id = $4 AND j.parent_index IS NOT DISTINCT FROM $5 ORDER BY j.id DESC LIMIT 1",
                &[
                    /* user */ &user,
                    /* after */ &(new.submitted_at - within),
                    /* action */ &new.action.as_str(),
                    /* parent */ &parent,
                    /* index */ &index,
                ],
            )
            .await?
        }
        Repetition::Once => {
            tx.query_opt(
                "-- submit::earlier (once)\n\
                 SELECT j.id, d.guild_id, d.channel_id, d.message_id
                 FROM jobs j JOIN deliveries d ON d.job_id = j.id
                 WHERE j.dedupe_key = $1 AND j.state NOT IN ('failed', 'cancelled', 'rejected', 'shed')",
                &[/* key */ &dedupe_key(new, user)],
            )
            .await?
        }
    };
    Ok(row.map(|row| {
        let place = MessagePlace {
            guild: row.get(1),
            channel: row.get(2),
            message: row.get(3),
        };
        (row.get(0), place)
    }))
}

/// The parent and its picture, as they are stored.
pub(super) fn parent_columns(new: &Submission) -> (Option<JobId>, Option<i16>) {
    match new.parent {
        Some((job, index)) => (Some(job), i16::try_from(index).ok()),
        None => (None, None),
    }
}
