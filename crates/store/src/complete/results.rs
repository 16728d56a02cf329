//! What jobs resulted in: pictures, files and answers, written together with the ends of the jobs.

use easel_domain::message::StoredFile;
use easel_domain::picture::{FileRole, StorageClass};
use easel_domain::spec::RenderSpec;
use easel_domain::{JobId, PictureId};
use serde::Deserialize;
use tokio_postgres::types::ToSql;

use super::{Completion, is_shown};
use crate::cached::Transaction;
use crate::error::StoreError;
use crate::row::corrupt;
use crate::settle::{END_JOBS, End, EndColumns, Ended, LockedJob};

/// Writes what jobs resulted in and ends them, with as few round trips as there are kinds of results.
pub(super) async fn write(
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
pub(super) struct Results {
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
    pub(super) fn add(&mut self, job: &LockedJob, done: &Completion) -> Result<(), StoreError> {
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
