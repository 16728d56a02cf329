//! The end transaction of a job that was rendered.

mod results;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use easel_domain::job::{EndReason, JobState};
use easel_domain::message::{LeaseRef, StoredFile};
use easel_domain::picture::{PictureOutcome, PictureVerdict};
use easel_domain::spec::{Answer, Question};
use easel_domain::{JobId, PictureId};

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::finish::{CHECK_FENCES, Fences, fenced};
use crate::garbage::BEING_COLLECTED;
use crate::leadership::{HOLD, Leadership, held};
use crate::pool::Store;
use crate::row::corrupt;
use crate::settle::{End, Ended, LOCK_JOBS, LockedJob, locked, may_end};
use results::{Results, write};

/// A finished job, checked against its grants.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The lease that it was rendered under.
    pub lease: LeaseRef,
    /// A key for each picture, drawn by the caller.
    pub picture_ids: Vec<PictureId>,
    /// Stored files.
    pub files: Vec<StoredFile>,
    /// One for each picture.
    pub verdicts: Vec<PictureVerdict>,
    /// What a question is answered with; nothing for pictures.
    pub answer: Option<Answer>,
}

impl Store {
    /// The end transaction of one job; see [`Store::complete_all`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Guard`] when the lease is lost or the job has ended, [`StoreError::Corrupt`] when there is not one
    /// verdict for each picture.
    pub async fn complete(
        &self,
        leadership: &Leadership,
        done: &Completion,
    ) -> Result<Ended, StoreError> {
        let done = Arc::from([done.clone()]);
        let answers = self.complete_all(leadership, &done).await?;
        answers.into_iter().next().ok_or(StoreError::Guard {
            statement: "complete",
            expected: 1,
            actual: 0,
        })?
    }

    /// One end transaction for several jobs: pictures with verdicts, charge, state, delivery revision and hint of each.
    /// One answer for each, in their order; what is wrong with one does not touch the others.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeadershipLost`], or what the database has against the transaction as a whole: nothing is changed
    /// then.
    pub async fn complete_all(
        &self,
        leadership: &Leadership,
        done: &Arc<[Completion]>,
    ) -> Result<Vec<Result<Ended, StoreError>>, StoreError> {
        self.run("complete", |tx| {
            let (leadership, done) = (leadership.clone(), Arc::clone(done));
            Box::pin(async move { complete_all(tx, &leadership, &done).await })
        })
        .await
    }
}

async fn complete_all(
    tx: &Transaction<'_>,
    leadership: &Leadership,
    done: &[Completion],
) -> Result<Vec<Result<Ended, StoreError>>, StoreError> {
    let ids: Vec<JobId> = done.iter().map(|done| done.lease.job_id).collect();
    let leases: Vec<LeaseRef> = done.iter().map(|done| done.lease).collect();
    let keys: Vec<&str> = done
        .iter()
        .flat_map(|done| done.files.iter().map(|file| file.key.as_str()))
        .collect();
    let wanted = Fences::of(&leases);
    let read = tx
        .query_all(&[
            (HOLD, &leadership.key()),
            (LOCK_JOBS, &[/* jobs */ &ids]),
            (CHECK_FENCES, &wanted.values()),
            (BEING_COLLECTED, &[/* keys */ &keys]),
        ])
        .await?;
    let [leading, jobs, leases, going] = read.as_slice() else {
        return Err(lost("complete"));
    };
    held(leading)?;
    let (mut jobs, mut fenced) = (locked(jobs)?, fenced(leases));
    let going = going.iter().filter(|row| row.get(1));
    let going: HashSet<&str> = going.map(|row| row.get(0)).collect();
    let mut accepted = Vec::new();
    let mut answers = Vec::new();
    for done in done {
        if done.files.iter().any(|file| going.contains(&*file.key)) {
            // The same picture as one that is being deleted: once that is gone, it has to be stored again.
            let (name, attempts) = ("complete", 1);
            answers.push(Some(StoreError::Contention { name, attempts }));
            continue;
        }
        // Both are taken out, so that a report that came twice counts once.
        let job = fenced
            .remove(&(done.lease.job_id, done.lease.token))
            .then(|| jobs.remove(&done.lease.job_id))
            .flatten();
        answers.push(match judged(job, done) {
            Ok(judged) => {
                accepted.push((judged, done));
                None
            }
            Err(error) => Some(error),
        });
    }
    let mut results = Results::default();
    let mut ends = Vec::with_capacity(accepted.len());
    for ((job, end), done) in &accepted {
        if end.delivered > 0 {
            results.add(job, done)?;
        }
        ends.push((job, end.clone()));
    }
    let ended = write(tx, &results, &ends).await?;
    let mut ended: HashMap<JobId, Ended> = ended
        .into_iter()
        .map(|ended| (ended.job_id, ended))
        .collect();
    let answer = |(error, done): (Option<StoreError>, &Completion)| match error {
        Some(error) => Err(error),
        None => ended
            .remove(&done.lease.job_id)
            .ok_or_else(|| lost("complete")),
    };
    Ok(answers.into_iter().zip(done).map(answer).collect())
}

fn lost(statement: &'static str) -> StoreError {
    StoreError::Guard {
        statement,
        expected: 1,
        actual: 0,
    }
}

/// How a reported job ends, if the report counts.
fn judged(
    job: Option<LockedJob>,
    done: &Completion,
) -> Result<(LockedJob, End<'static>), StoreError> {
    let job = job.ok_or_else(|| lost("check_fence"))?;
    if let Some(question) = job.question {
        return answered(job, question, done);
    }
    if done.answer.is_some() {
        return Err(corrupt("answer", "the job asks for pictures"));
    }
    if done.verdicts.len() != job.pictures_wanted {
        return Err(corrupt(
            "number of verdicts",
            &done.verdicts.len().to_string(),
        ));
    }
    let shown = done.verdicts.iter().filter(|v| is_shown(v)).count();
    let (state, reason) = if shown == 0 {
        (JobState::Rejected, Some(EndReason::PicturesBlocked))
    } else {
        (JobState::Completed, None)
    };
    let end = End {
        state,
        reason,
        detail: "",
        delivered: shown,
    };
    may_end(&job, &end)?;
    Ok((job, end))
}

/// A question is settled as one picture would be.
fn answered(
    job: LockedJob,
    question: Question,
    done: &Completion,
) -> Result<(LockedJob, End<'static>), StoreError> {
    let fits = |answer: &Answer| answer.question() == question && answer.is_sound();
    if !done.answer.as_ref().is_some_and(fits)
        || !done.files.is_empty()
        || !done.verdicts.is_empty()
    {
        return Err(corrupt("answer", "missing, not sound, or with pictures"));
    }
    let end = End {
        state: JobState::Completed,
        reason: None,
        detail: "",
        delivered: 1,
    };
    may_end(&job, &end)?;
    Ok((job, end))
}

/// A picture that waits for a moderator is as invisible as a blocked one.
fn is_shown(verdict: &PictureVerdict) -> bool {
    matches!(
        verdict.outcome,
        PictureOutcome::Pass | PictureOutcome::Spoiler
    )
}
