//! A member's own jobs, newest first, page by page.
//!
//! A page is found by the id of the job at its edge, never by counting, so the thousandth costs as much as the first.

use easel_domain::job::JobState;
use easel_domain::spec::Action;
use easel_domain::{DiscordId, JobId, UserId};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::cached::Connection;
use crate::error::StoreError;
use crate::pool::Store;
use crate::row::corrupt;
use crate::submit::MessagePlace;
use crate::user::resolve_user;

/// What somebody looks for among his jobs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Words that a prompt must hold, with spaces between; empty for any.
    pub words: String,
    /// Kinds of job; `None` for any.
    pub actions: Option<Vec<Action>>,
    /// The model's id; `None` for any.
    pub model: Option<String>,
    /// Jobs asked for at this time or later.
    pub from: Option<OffsetDateTime>,
    /// Jobs asked for before this time.
    pub until: Option<OffsetDateTime>,
}

/// Prompts are never logged, nor what is looked for in them.
impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Search({} bytes)", self.words.len())
    }
}

/// Which page of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart {
    /// The newest jobs.
    Newest,
    /// Those that are older than this one.
    OlderThan(JobId),
    /// The nearest ones that are newer than this one.
    NewerThan(JobId),
    /// This one and those that are older.
    At(JobId),
}

impl PageStart {
    /// The row beyond which the page begins, and whether towards the newer ones.
    pub(crate) fn edge(self) -> (Uuid, bool) {
        match self {
            Self::Newest => (Uuid::max(), false),
            Self::OlderThan(job) => (job.0, false),
            Self::At(job) => (Uuid::from_u128(job.0.as_u128().saturating_add(1)), false),
            Self::NewerThan(job) => (job.0, true),
        }
    }
}

/// A job in a list.
#[derive(Clone, PartialEq, Eq)]
pub struct HistoryJob {
    /// The job.
    pub job: JobId,
    /// The words as written, unless they are erased.
    pub shown: Option<String>,
    /// What the member did.
    pub action: Action,
    /// The picture whose button was pressed: the job, and the picture counted from 0.
    pub parent: Option<(JobId, Option<u32>)>,
    /// The model's id.
    pub model: String,
    /// Where it is.
    pub state: JobState,
    /// When he asked.
    pub submitted_at: OffsetDateTime,
    /// Where its message is, or was.
    pub place: Option<MessagePlace>,
    /// Key of a small picture that anybody may see, and its length in bytes.
    pub thumbnail: Option<(String, u64)>,
}

/// Prompts are never logged, not even by accident.
impl std::fmt::Debug for HistoryJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HistoryJob({}, {:?})", self.job, self.state)
    }
}

/// Some jobs in order, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// The jobs.
    pub jobs: Vec<HistoryJob>,
    /// Whether there are newer ones.
    pub has_newer: bool,
    /// Whether there are older ones.
    pub has_older: bool,
}

/// Columns of a [`HistoryJob`]; the thumbnail is only that of a picture that passed, in public storage.
pub(crate) const COLUMNS: &str = "\
    j.id, p.shown, j.action, j.parent_job_id, j.parent_index, j.model_id, j.state, j.submitted_at,
    d.guild_id, d.channel_id, d.message_id, t.key, t.size_bytes";
pub(crate) const JOINS: &str = "\
    LEFT JOIN prompts p ON p.job_id = j.id
    LEFT JOIN deliveries d ON d.job_id = j.id
    LEFT JOIN LATERAL (
        SELECT b.key, b.size_bytes FROM pictures i
        JOIN job_files f ON f.job_id = i.job_id AND f.index = i.index AND f.role = 'thumb128'
        JOIN blobs b ON b.key = f.blob_key
        WHERE i.job_id = j.id AND i.outcome = 'pass' AND j.storage_class = 'public'
        ORDER BY i.index LIMIT 1) t ON true";
const MATCHES: &str = "\
    j.user_id = $1 AND NOT EXISTS (SELECT FROM removals v WHERE v.job_id = j.id)
    AND ($3::text[] IS NULL OR j.action = ANY ($3)) AND ($4::text IS NULL OR j.model_id = $4)
    AND ($5::uuid IS NULL OR j.id >= $5) AND ($6::uuid IS NULL OR j.id < $6)
    AND (cardinality($7::text[]) = 0 OR EXISTS (
        SELECT FROM prompts w WHERE w.job_id = j.id AND w.shown ILIKE ALL ($7)))";

/// A search as it was kept.
struct Kept {
    user: UserId,
    actions: Option<Vec<String>>,
    model: Option<String>,
    from: Option<Uuid>,
    until: Option<Uuid>,
    patterns: Vec<String>,
}

impl Store {
    /// Keeps what a member looks for, and returns its number.
    pub async fn open_search(
        &self,
        member: DiscordId,
        fresh_user: UserId,
        search: &Search,
        now: OffsetDateTime,
    ) -> Result<u32, StoreError> {
        let number = self
            .run("open_search", |tx| {
                let search = search.clone();
                Box::pin(async move {
                    let user = resolve_user(tx, member, fresh_user).await?;
                    let actions: Option<Vec<&str>> = search
                        .actions
                        .as_ref()
                        .map(|actions| actions.iter().map(|action| action.as_str()).collect());
                    let row = tx
                        .query_one(
                            "-- history::open_search\n\
                             INSERT INTO searches (user_id, words, actions, model_id, from_id, until_id, created_at)
                             VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING no",
                            &[
                                /* user */ &user,
                                /* words */ &search.words,
                                /* actions */ &actions,
                                /* model */ &search.model,
                                /* from */ &search.from.map(least_id),
                                /* until */ &search.until.map(least_id),
                                /* now */ &now,
                            ],
                        )
                        .await?;
                    Ok(row.get::<_, i32>(0))
                })
            })
            .await?;
        Ok(u32::try_from(number).unwrap_or(0))
    }

    /// A page of a member's search with at most `size` jobs; `None` if there is no such search of his (any more).
    pub async fn history_page(
        &self,
        member: DiscordId,
        search: u32,
        start: PageStart,
        size: u32,
    ) -> Result<Option<HistoryPage>, StoreError> {
        let connection = self.connection().await?;
        let number = i32::try_from(search).unwrap_or(0);
        let found = connection
            .query_opt(
                "-- history::history_page (search)\n\
                 SELECT s.user_id, s.actions, s.model_id, s.from_id, s.until_id, s.words
                 FROM searches s JOIN discord_users u ON u.user_id = s.user_id
                 WHERE s.no = $1 AND u.discord_id = $2",
                &[/* search */ &number, /* member */ &member],
            )
            .await?;
        let Some(found) = found else { return Ok(None) };
        let kept = Kept {
            user: found.get(0),
            actions: found.get(1),
            model: found.get(2),
            from: found.get(3),
            until: found.get(4),
            patterns: patterns(found.get(5)),
        };
        let (after, newer) = start.edge();
        let mut jobs = side(&connection, &kept, after, newer, size + 1).await?;
        let more = jobs.len() > size as usize;
        jobs.truncate(size as usize);
        if newer {
            jobs.reverse();
        }
        // The other side is only asked whether there is one.
        let edge = if newer { jobs.last() } else { jobs.first() };
        let beyond = match edge {
            Some(edge) => !side(&connection, &kept, edge.job.0, !newer, 1)
                .await?
                .is_empty(),
            None => false,
        };
        Ok(Some(HistoryPage {
            jobs,
            has_newer: if newer { more } else { beyond },
            has_older: if newer { beyond } else { more },
        }))
    }

    /// Erases searches made before `before`, at most `limit`, and returns how many.
    pub async fn prune_searches(
        &self,
        before: OffsetDateTime,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let deleted = self
            .connection()
            .await?
            .execute(
                "-- history::prune_searches\n\
                 DELETE FROM searches WHERE no IN (SELECT no FROM searches WHERE created_at < $1 LIMIT $2)",
                &[/* before */ &before, /* limit */ &i64::from(limit)],
            )
            .await?;
        Ok(deleted)
    }
}

/// Jobs beyond `edge`, nearest first.
async fn side(
    connection: &Connection,
    search: &Kept,
    edge: Uuid,
    newer: bool,
    limit: u32,
) -> Result<Vec<HistoryJob>, StoreError> {
    let (beyond, order) = if newer { (">", "ASC") } else { ("<", "DESC") };
    // The few jobs of the page are chosen first, and their pictures and messages looked up then.
    let sql = format!(
        "-- history::history_page\n\
         SELECT {COLUMNS} FROM (
             SELECT * FROM jobs j WHERE {MATCHES} AND j.id {beyond} $2 ORDER BY j.id {order} LIMIT $8) j
         {JOINS} ORDER BY j.id {order}"
    );
    let rows = connection
        .query(
            &sql,
            &[
                /* user */ &search.user,
                /* edge */ &edge,
                /* actions */ &search.actions,
                /* model */ &search.model,
                /* from */ &search.from,
                /* until */ &search.until,
                /* patterns */ &search.patterns,
                /* limit */ &i64::from(limit),
            ],
        )
        .await?;
    rows.iter().map(history_job).collect()
}

pub(crate) fn history_job(row: &Row) -> Result<HistoryJob, StoreError> {
    let (action, state): (&str, &str) = (row.get(2), row.get(6));
    let place = row
        .get::<_, Option<DiscordId>>(9)
        .map(|channel| MessagePlace {
            guild: row.get(8),
            channel,
            message: row.get(10),
        });
    let size = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
    Ok(HistoryJob {
        job: row.get(0),
        shown: row.get(1),
        action: Action::from_name(action).ok_or_else(|| corrupt("action", action))?,
        parent: row
            .get::<_, Option<JobId>>(3)
            .map(|parent| (parent, picture(row.get(4)))),
        model: row.get(5),
        state: JobState::from_name(state).ok_or_else(|| corrupt("job state", state))?,
        submitted_at: row.get(7),
        place,
        thumbnail: row
            .get::<_, Option<String>>(11)
            .map(|key| (key, size(row.get(12)))),
    })
}

pub(crate) fn picture(index: Option<i16>) -> Option<u32> {
    index.and_then(|index| u32::try_from(index).ok())
}

/// The least id that a job asked for at this time can have: ids begin with the time in milliseconds.
pub(crate) fn least_id(at: OffsetDateTime) -> Uuid {
    let millis = u128::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Uuid::from_u128((millis & ((1 << 48) - 1)) << 80)
}

/// One pattern for each word, in which nothing that was typed has a meaning.
fn patterns(words: &str) -> Vec<String> {
    let escaped = |word: &str| {
        let mut pattern = String::from("%");
        for character in word.chars() {
            if matches!(character, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('%');
        pattern
    };
    words.split_whitespace().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn what_is_typed_into_a_search_stands_for_itself() {
        assert_eq!(patterns(" 50% a_b \\"), ["%50\\%%", "%a\\_b%", "%\\\\%"]);
        assert!(patterns("  ").is_empty());
    }

    #[test]
    fn ids_of_a_day_begin_with_its_least_one() {
        let day = datetime!(2026-01-02 00:00 UTC);
        let least = least_id(day);
        assert_eq!(least.as_u128() >> 80, 1_767_312_000_000);
        assert!(least_id(datetime!(2026-01-01 23:59:59.999 UTC)) < least);
    }
}
