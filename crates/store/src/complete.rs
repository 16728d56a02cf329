//! The end transaction of a job that was rendered.

use std::collections::HashMap;
use std::sync::Arc;

use easel_domain::job::{EndReason, JobState};
use easel_domain::message::{LeaseRef, StoredFile, Timings};
use easel_domain::picture::{FileRole, PictureOutcome, PictureVerdict, StorageClass};
use easel_domain::spec::{Answer, Question, RenderSpec};
use easel_domain::{JobId, PictureId};
use serde::Deserialize;
use tokio_postgres::types::ToSql;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::finish::{CHECK_FENCES, Fences, fenced};
use crate::leadership::{HOLD, Leadership, held};
use crate::pool::Store;
use crate::row::corrupt;
use crate::settle::{END_JOBS, End, EndColumns, Ended, LOCK_JOBS, LockedJob, locked, may_end};

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
    /// How long it took.
    pub timings: Timings,
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
    let fences = Fences::of(&leases);
    let read = tx
        .query_all(&[
            (HOLD, &leadership.key()),
            (LOCK_JOBS, &[/* jobs */ &ids]),
            (CHECK_FENCES, &fences.values()),
        ])
        .await?;
    let [leading, jobs, fences] = read.as_slice() else {
        return Err(lost("complete"));
    };
    held(leading)?;
    let (mut jobs, mut fenced) = (locked(jobs)?, fenced(fences));
    let mut accepted = Vec::new();
    let mut answers = Vec::new();
    for done in done {
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

/// Writes what jobs resulted in and ends them, with as few round trips as there are kinds of results.
async fn write(
    tx: &Transaction<'_>,
    results: &Results,
    ends: &[(&LockedJob, End<'_>)],
) -> Result<Vec<Ended>, StoreError> {
    let (picture, file, answer) = (&results.picture, &results.file, &results.answer);
    let columns = EndColumns::of(ends)?;
    let (pictures, blobs, files) = (picture.values(), file.blob_values(), file.file_values());
    let (answers, end_values) = (answer.values(), columns.values());
    let mut asked: Vec<(&str, &[&(dyn ToSql + Sync)])> = Vec::with_capacity(5);
    if !picture.ids.is_empty() {
        asked.push((INSERT_PICTURES, &pictures));
    }
    if !file.keys.is_empty() {
        asked.push((INSERT_BLOBS, &blobs));
        asked.push((INSERT_JOB_FILES, &files));
    }
    if !answer.jobs.is_empty() {
        asked.push((INSERT_ANSWERS, &answers));
    }
    asked.push((END_JOBS, &end_values));
    let rows = tx.query_all(&asked).await?;
    crate::settle::ended(ends, rows.last().map_or(&[], Vec::as_slice))
}

const INSERT_PICTURES: &str = "-- complete::insert_pictures\n\
     INSERT INTO pictures (id, job_id, index, seed, outcome, verdict)
     SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int2[], $4::int8[], $5::text[], $6::jsonb[])";

// In the order of keys, so that two transactions with the same blobs cannot wait for each other in a circle.
const INSERT_BLOBS: &str = "-- complete::insert_blobs\n\
     INSERT INTO blobs (key, storage_class, sha256, size_bytes, content_type, width, height)
     SELECT DISTINCT ON (key) *
     FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[], $5::text[], $6::int4[], $7::int4[])
         AS b (key, storage_class, sha256, size_bytes, content_type, width, height)
     ORDER BY key ON CONFLICT (key) DO NOTHING";

const INSERT_JOB_FILES: &str = "-- complete::insert_job_files\n\
     INSERT INTO job_files (job_id, role, index, blob_key)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::int2[], $4::text[])";

const INSERT_ANSWERS: &str = "-- complete::insert_answers\n\
     INSERT INTO job_answers (job_id, answer) SELECT * FROM unnest($1::uuid[], $2::jsonb[])";

/// What jobs resulted in, one entry for each row.
#[derive(Default)]
struct Results {
    picture: Pictures,
    file: Files,
    answer: Answers,
}

#[derive(Default)]
struct Answers {
    jobs: Vec<JobId>,
    answers: Vec<serde_json::Value>,
}

impl Answers {
    fn values(&self) -> [&(dyn ToSql + Sync); 2] {
        [/* jobs */ &self.jobs, /* answers */ &self.answers]
    }
}

#[derive(Default)]
struct Pictures {
    ids: Vec<PictureId>,
    jobs: Vec<JobId>,
    indices: Vec<i16>,
    seeds: Vec<i64>,
    outcomes: Vec<&'static str>,
    verdicts: Vec<serde_json::Value>,
}

#[derive(Default)]
struct Files {
    keys: Vec<String>,
    classes: Vec<String>,
    digests: Vec<String>,
    sizes: Vec<i64>,
    types: Vec<String>,
    widths: Vec<i32>,
    heights: Vec<i32>,
    jobs: Vec<JobId>,
    roles: Vec<&'static str>,
    indices: Vec<i16>,
}

impl Pictures {
    fn values(&self) -> [&(dyn ToSql + Sync); 6] {
        [
            /* ids */ &self.ids,
            /* jobs */ &self.jobs,
            /* indices */ &self.indices,
            /* seeds */ &self.seeds,
            /* outcomes */ &self.outcomes,
            /* verdicts */ &self.verdicts,
        ]
    }
}

impl Results {
    fn add(&mut self, job: &LockedJob, done: &Completion) -> Result<(), StoreError> {
        if let Some(answer) = &done.answer {
            let answer = serde_json::to_value(answer);
            let answer = answer.map_err(|error| corrupt("answer", &error.to_string()))?;
            self.answer.answers.push(answer);
            self.answer.jobs.push(done.lease.job_id);
            return Ok(());
        }
        let class = StorageClass::from_name(&job.storage_class);
        let class = class.ok_or_else(|| corrupt("storage class", &job.storage_class))?;
        // The error names the field; the spec itself is nobody's business.
        let spec = RenderSpec::deserialize(&job.spec);
        let spec = spec.map_err(|error| corrupt("spec", &error.to_string()))?;
        self.add_pictures(done, &spec)?;
        for file in &done.files {
            let shown = done
                .verdicts
                .get(file.claim.index as usize)
                .is_some_and(is_shown);
            if shown || file.claim.role == FileRole::Grid {
                self.file.push(done.lease.job_id, class, file);
            }
        }
        Ok(())
    }

    fn add_pictures(&mut self, done: &Completion, spec: &RenderSpec) -> Result<(), StoreError> {
        let pictures = &mut self.picture;
        for (index, (id, verdict)) in done.picture_ids.iter().zip(&done.verdicts).enumerate() {
            let plan = spec
                .noise_plan(index)
                .ok_or_else(|| corrupt("picture index", &index.to_string()))?;
            pictures.ids.push(*id);
            pictures.jobs.push(done.lease.job_id);
            pictures
                .indices
                .push(i16::try_from(index).unwrap_or(i16::MAX));
            pictures.seeds.push(i64::from(plan.own_seed()));
            pictures.outcomes.push(verdict.outcome.as_str());
            pictures.verdicts.push(
                serde_json::to_value(verdict)
                    .map_err(|error| corrupt("verdict", &error.to_string()))?,
            );
        }
        Ok(())
    }
}

impl Files {
    fn blob_values(&self) -> [&(dyn ToSql + Sync); 7] {
        [
            /* keys */ &self.keys,
            /* classes */ &self.classes,
            /* sha256 */ &self.digests,
            /* sizes */ &self.sizes,
            /* types */ &self.types,
            /* widths */ &self.widths,
            /* heights */ &self.heights,
        ]
    }

    fn file_values(&self) -> [&(dyn ToSql + Sync); 4] {
        [
            /* jobs */ &self.jobs,
            /* roles */ &self.roles,
            /* indices */ &self.indices,
            /* blobs */ &self.keys,
        ]
    }

    fn push(&mut self, job: JobId, class: StorageClass, file: &StoredFile) {
        let claim = &file.claim;
        self.keys.push(file.key.clone());
        self.classes.push(class.as_str().to_owned());
        self.digests.push(claim.sha256.clone());
        self.sizes
            .push(i64::try_from(claim.size_bytes).unwrap_or(i64::MAX));
        self.types.push(claim.content_type.clone());
        self.widths
            .push(i32::try_from(claim.width).unwrap_or(i32::MAX));
        self.heights
            .push(i32::try_from(claim.height).unwrap_or(i32::MAX));
        self.jobs.push(job);
        self.roles.push(claim.role.as_str());
        self.indices
            .push(i16::try_from(claim.index).unwrap_or(i16::MAX));
    }
}
