//! A job as its message shows it, in one read.

use std::time::Duration;

use easel_domain::admission::ClassOutlook;
use easel_domain::job::{EndReason, JobState};
use easel_domain::ledger::Credits;
use easel_domain::picture::{FileRole, PictureOutcome, StorageClass};
use easel_domain::spec::{Action, Answer, Leeway, PromptText, RenderSpec};
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, GuildKey, JobId, UserId};
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use crate::cached::Connection;
use crate::error::StoreError;
use crate::pool::Store;
use crate::submit::MessagePlace;

/// Positions in a queue are counted up to this: one that is told as it may be higher.
pub const MOST_COUNTED: u32 = 1000;

/// The words of a job, while they are not erased.
#[derive(Clone, PartialEq, Eq)]
pub struct JobWords {
    /// As the member wrote them.
    pub shown: String,
    /// Address of the picture that a question is about.
    pub pictured: Option<String>,
    /// As the engine gets them.
    pub text: PromptText,
}

/// Prompts are never logged, not even by accident.
impl std::fmt::Debug for JobWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JobWords({} bytes)", self.shown.len())
    }
}

/// A finished picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotPicture {
    /// Place in the grid, counted from 0.
    pub index: u32,
    /// Its own seed.
    pub seed: u32,
    /// What may be done with it.
    pub outcome: PictureOutcome,
}

/// A stored file of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    /// What it is for.
    pub role: FileRole,
    /// The picture, counted from 0; 0 for a grid.
    pub index: u32,
    /// Key in the object store.
    pub key: String,
    /// SHA-256 in hex.
    pub sha256: String,
    /// Length in bytes.
    pub size_bytes: u64,
    /// Media type.
    pub content_type: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// A job with all that its message and its buttons need.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSnapshot {
    /// The job.
    pub job: JobId,
    /// Who pays and owns the result.
    pub user: UserId,
    /// His Discord account, unless it is erased.
    pub owner: Option<DiscordId>,
    /// Where it was asked for; `None` in direct messages.
    pub guild: Option<GuildKey>,
    /// What the member did.
    pub action: Action,
    /// The picture whose button was pressed: the job, and the picture counted from 0.
    pub parent: Option<(JobId, Option<u32>)>,
    /// What to make.
    pub spec: RenderSpec,
    /// The words.
    pub words: Option<JobWords>,
    /// Where its pictures lie.
    pub storage_class: StorageClass,
    /// Its lane.
    pub class: ServiceClass,
    /// Credits that it costs at most.
    pub price: Credits,
    /// What of the spec nobody asked for.
    pub leeway: Leeway,
    /// Width and height in pixels before finishing that it would have had, where it is drawn smaller.
    pub asked_size: Option<(u32, u32)>,
    /// Where it is.
    pub state: JobState,
    /// Try number.
    pub attempt: u32,
    /// Whether its result was deleted.
    pub removed: bool,
    /// Whether somebody has asked to cancel it.
    pub cancel_requested: bool,
    /// When the member asked.
    pub submitted_at: OffsetDateTime,
    /// How long he was told then that it would wait, because it was to start later than his tier promises.
    pub quoted_wait: Option<Duration>,
    /// First lease.
    pub started_at: Option<OffsetDateTime>,
    /// End.
    pub ended_at: Option<OffsetDateTime>,
    /// Why it ended without pictures.
    pub end_reason: Option<EndReason>,
    /// Its pictures, in order.
    pub pictures: Vec<SnapshotPicture>,
    /// Their files.
    pub files: Vec<SnapshotFile>,
    /// What it resulted in where it was a question.
    pub answer: Option<Answer>,
    /// Where its message is.
    pub place: Option<MessagePlace>,
    /// The language of its message as Discord named it: that of the member who started the job.
    pub locale: String,
}

impl JobSnapshot {
    /// Width and height in pixels of each finished picture as they would have been and as they are, where memory was too
    /// short for the first.
    pub fn shrunk(&self) -> Option<((u32, u32), (u32, u32))> {
        let ((width, height), spec) = self.asked_size.zip(self.spec.generated())?;
        let scale = spec.finish_scale;
        Some(((width * scale, height * scale), self.spec.finished_size()))
    }

    /// The file of this role for the picture at `index`.
    pub fn file(&self, role: FileRole, index: u32) -> Option<&SnapshotFile> {
        self.files
            .iter()
            .find(|file| file.role == role && file.index == index)
    }
}

impl Store {
    /// A job as its message shows it.
    pub async fn job_snapshot(&self, job: JobId) -> Result<Option<JobSnapshot>, StoreError> {
        let connection = self.connection().await?;
        let row = connection
            .query_opt(
                "-- show::job_snapshot\n\
                 SELECT j.id, j.user_id, u.discord_id, j.guild_id, j.action, j.parent_job_id, j.parent_index, j.spec,
                        p.shown, p.pictured, p.positive, p.negative, j.storage_class, j.service_class,
                        coalesce(j.price, j.quote) AS price, j.size_is_open, j.asked_width, j.asked_height, j.state, j.attempt,
                        c.job_id IS NOT NULL AS cancel_requested, j.submitted_at, j.quoted_wait_s, j.started_at, j.ended_at,
                        j.end_reason, v.job_id IS NOT NULL AS removed, d.guild_id AS place_guild, d.channel_id, d.message_id,
                        coalesce(d.locale, 'en') AS locale, a.answer
                 FROM jobs j
                 LEFT JOIN discord_users u ON u.user_id = j.user_id
                 LEFT JOIN prompts p ON p.job_id = j.id
                 LEFT JOIN cancel_requests c ON c.job_id = j.id
                 LEFT JOIN deliveries d ON d.job_id = j.id
                 LEFT JOIN removals v ON v.job_id = j.id
                 LEFT JOIN job_answers a ON a.job_id = j.id
                 WHERE j.id = $1",
                &[/* job */ &job],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let mut snapshot = snapshot(&row)?;
        if snapshot.state == JobState::Completed {
            snapshot.pictures = pictures(&connection, job).await?;
            snapshot.files = files(&connection, job).await?;
        }
        Ok(Some(snapshot))
    }

    /// The position of a queued job in its lane, counted from 1 by class and submit up to [`MOST_COUNTED`], and the seconds
    /// until one like it that comes now should start, where the leader of the lane has said so lately. What is within its member's share does not
    /// wait for what is beyond shares.
    pub async fn queue_outlook(
        &self,
        job: JobId,
    ) -> Result<Option<(u32, Option<f64>)>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                QUEUE_OUTLOOK,
                &[
                    /* job */ &job,
                    /* most */ &i64::from(MOST_COUNTED),
                ],
            )
            .await?;
        row.map(|row| {
            let position = u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX);
            let class = row
                .try_get::<_, Option<Json<ClassOutlook>>>(1)
                .map_err(|_| corrupt("lane snapshot", &job.to_string()))?;
            let is_within: bool = row.get(2);
            let start_s =
                |Json(class): Json<ClassOutlook>| class.start_s(is_within && class.is_calm);
            Ok((position, class.map(start_s)))
        })
        .transpose()
    }
}

// Every message of a job asks for this once: what it costs must not grow with all that waits.
const QUEUE_OUTLOOK: &str = "-- show::queue_outlook\n\
     SELECT (SELECT count(*) FROM (
                SELECT FROM jobs o
                WHERE o.state = 'queued' AND o.region = j.region AND o.pool = j.pool
                  AND ((o.service_class = j.service_class AND o.id <= j.id) OR o.service_class = ANY (
                      CASE j.service_class WHEN 'fast' THEN '{turbo}'::text[] WHEN 'standard' THEN '{turbo,fast}'
                                           WHEN 'relax' THEN '{turbo,fast,standard}' ELSE '{}' END))
                LIMIT $2) before_or_it),
            s.classes -> j.service_class, j.paid_off_at IS NOT NULL
     FROM jobs j
     LEFT JOIN lane_snapshots s ON s.region = j.region AND s.pool = j.pool AND s.taken_at > now() - interval '10 seconds'
     WHERE j.id = $1 AND j.state = 'queued'";

fn corrupt(what: &'static str, value: &str) -> StoreError {
    StoreError::Corrupt {
        what,
        value: value.to_owned(),
    }
}

fn named<T>(
    what: &'static str,
    name: &str,
    find: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    find(name).ok_or_else(|| corrupt(what, name))
}

fn snapshot(row: &Row) -> Result<JobSnapshot, StoreError> {
    let job: JobId = row.get("id");
    let Json(spec) = row
        .try_get::<_, Json<RenderSpec>>("spec")
        .map_err(|_| corrupt("render spec", &job.to_string()))?;
    let words = row.get::<_, Option<String>>("shown").map(|shown| JobWords {
        shown,
        pictured: row.get("pictured"),
        text: PromptText {
            positive: row.get("positive"),
            negative: row.get("negative"),
        },
    });
    let parent_index = row
        .get::<_, Option<i16>>("parent_index")
        .and_then(|index| u32::try_from(index).ok());
    let place = row
        .get::<_, Option<DiscordId>>("channel_id")
        .map(|channel| MessagePlace {
            guild: row.get("place_guild"),
            channel,
            message: row.get("message_id"),
        });
    let reason: Option<&str> = row.get("end_reason");
    let answer = row
        .try_get::<_, Option<Json<Answer>>>("answer")
        .map_err(|_| corrupt("answer", &job.to_string()))?;
    Ok(JobSnapshot {
        job,
        user: row.get("user_id"),
        owner: row.get("discord_id"),
        guild: row.get("guild_id"),
        action: named("action", row.get("action"), Action::from_name)?,
        parent: row
            .get::<_, Option<JobId>>("parent_job_id")
            .map(|parent| (parent, parent_index)),
        spec,
        words,
        storage_class: named(
            "storage class",
            row.get("storage_class"),
            StorageClass::from_name,
        )?,
        class: named(
            "service class",
            row.get("service_class"),
            ServiceClass::from_name,
        )?,
        price: Credits(row.get("price")),
        leeway: Leeway {
            size: row.get("size_is_open"),
        },
        asked_size: side(row, "asked_width").zip(side(row, "asked_height")),
        state: named("job state", row.get("state"), JobState::from_name)?,
        attempt: u32::try_from(row.get::<_, i32>("attempt")).unwrap_or(0),
        removed: row.get("removed"),
        cancel_requested: row.get("cancel_requested"),
        submitted_at: row.get("submitted_at"),
        quoted_wait: row
            .get::<_, Option<f32>>("quoted_wait_s")
            .and_then(|wait_s| Duration::try_from_secs_f32(wait_s).ok()),
        started_at: row.get("started_at"),
        ended_at: row.get("ended_at"),
        // A reason that a newer dispatcher gave is shown as none rather than not at all.
        end_reason: reason.and_then(EndReason::from_name),
        pictures: Vec::new(),
        files: Vec::new(),
        answer: answer.map(|Json(answer)| answer),
        place,
        locale: row.get("locale"),
    })
}

fn side(row: &Row, column: &str) -> Option<u32> {
    let side: Option<i32> = row.get(column);
    side.and_then(|side| u32::try_from(side).ok())
}

async fn pictures(connection: &Connection, job: JobId) -> Result<Vec<SnapshotPicture>, StoreError> {
    let rows = connection
        .query(
            "-- show::pictures\n\
             SELECT index, seed, outcome FROM pictures WHERE job_id = $1 ORDER BY index",
            &[/* job */ &job],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(SnapshotPicture {
                index: u32::try_from(row.get::<_, i16>(0)).unwrap_or(0),
                seed: u32::try_from(row.get::<_, i64>(1)).unwrap_or(0),
                outcome: named("picture outcome", row.get(2), outcome)?,
            })
        })
        .collect()
}

fn outcome(name: &str) -> Option<PictureOutcome> {
    match name {
        "pass" => Some(PictureOutcome::Pass),
        "spoiler" => Some(PictureOutcome::Spoiler),
        "hold" => Some(PictureOutcome::Hold),
        "block" => Some(PictureOutcome::Block),
        _ => None,
    }
}

async fn files(connection: &Connection, job: JobId) -> Result<Vec<SnapshotFile>, StoreError> {
    let rows = connection
        .query(
            "-- show::files\n\
             SELECT f.role, f.index, b.key, b.sha256, b.size_bytes, b.content_type, b.width, b.height
             FROM job_files f JOIN blobs b ON b.key = f.blob_key WHERE f.job_id = $1 ORDER BY f.role, f.index",
            &[/* job */ &job],
        )
        .await?;
    let number = |value: i32| u32::try_from(value).unwrap_or(0);
    rows.iter()
        .map(|row| {
            Ok(SnapshotFile {
                role: named("file role", row.get(0), FileRole::from_name)?,
                index: u32::try_from(row.get::<_, i16>(1)).unwrap_or(0),
                key: row.get(2),
                sha256: row.get(3),
                size_bytes: u64::try_from(row.get::<_, i64>(4)).unwrap_or(0),
                content_type: row.get(5),
                width: number(row.get(6)),
                height: number(row.get(7)),
            })
        })
        .collect()
}
