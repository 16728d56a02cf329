//! What members have marked with a star, newest mark first, page by page; and which job a message shows.

use easel_domain::job::JobState;
use easel_domain::picture::StorageClass;
use easel_domain::{DiscordId, JobId, UserId};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::cached::{Connection, Transaction};
use crate::error::StoreError;
use crate::history::{COLUMNS, HistoryJob, JOINS, PageStart, history_job, picture};
use crate::pool::Store;
use crate::removal::{doom_if_removed, keep_removals_out};
use crate::row::corrupt;
use crate::user::resolve_user;

/// What a member may mark at most.
pub const MOST: u32 = 1_000;

/// A star that somebody wants to set.
#[derive(Debug, Clone, Copy)]
pub struct NewFavourite {
    /// Key of the mark, time-ordered.
    pub id: Uuid,
    /// Who.
    pub member: DiscordId,
    /// Key of the member, if he is new.
    pub fresh_user: UserId,
    /// The job.
    pub job: JobId,
    /// The picture, counted from 0; `None` for all of a grid.
    pub picture: Option<u32>,
    /// When.
    pub at: OffsetDateTime,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Favoured {
    /// It is kept.
    Kept,
    /// It was marked before.
    Already,
    /// He has marked [`MOST`] already.
    Full,
    /// It is somebody else's, who keeps it to himself.
    Private,
    /// There is no such job, or it ended without pictures.
    Nothing,
}

/// One mark in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Favourite {
    /// Its key.
    pub id: Uuid,
    /// The picture, counted from 0; `None` for all of a grid.
    pub picture: Option<u32>,
    /// The job.
    pub job: HistoryJob,
}

/// Some marks in order, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FavouritesPage {
    /// The marks.
    pub favourites: Vec<Favourite>,
    /// Whether there are newer ones.
    pub has_newer: bool,
    /// Whether there are older ones.
    pub has_older: bool,
}

impl Store {
    /// Marks a picture with a member's star. Doing it twice changes nothing.
    pub async fn add_favourite(&self, new: NewFavourite) -> Result<Favoured, StoreError> {
        self.run("add_favourite", move |tx| {
            Box::pin(async move { add_favourite(tx, new).await })
        })
        .await
    }

    /// Takes a member's star back. `false` if there was none.
    pub async fn remove_favourite(
        &self,
        member: DiscordId,
        job: JobId,
        picture: Option<u32>,
    ) -> Result<bool, StoreError> {
        let removed = self
            .connection()
            .await?
            .execute(
                "-- favourite::remove_favourite\n\
                 DELETE FROM favourites f USING discord_users u
                 WHERE f.user_id = u.user_id AND u.discord_id = $1 AND f.job_id = $2
                   AND f.picture IS NOT DISTINCT FROM $3",
                &[
                    /* member */ &member,
                    /* job */ &job,
                    /* picture */ &column(picture),
                ],
            )
            .await?;
        Ok(removed > 0)
    }

    /// The job of one of a member's marks.
    pub async fn favourite_job(
        &self,
        member: DiscordId,
        id: Uuid,
    ) -> Result<Option<JobId>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- favourite::favourite_job\n\
                 SELECT f.job_id FROM favourites f JOIN discord_users u ON u.user_id = f.user_id
                 WHERE f.id = $1 AND u.discord_id = $2",
                &[/* id */ &id, /* member */ &member],
            )
            .await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// A page of a member's marks with at most `size` of them. The rows that `start` names are marks.
    pub async fn favourites_page(
        &self,
        member: DiscordId,
        start: PageStart,
        size: u32,
    ) -> Result<FavouritesPage, StoreError> {
        let connection = self.connection().await?;
        let (edge, newer) = start.edge();
        let mut favourites = side(&connection, member, edge, newer, size + 1).await?;
        let more = favourites.len() > size as usize;
        favourites.truncate(size as usize);
        if newer {
            favourites.reverse();
        }
        let edge = if newer {
            favourites.last()
        } else {
            favourites.first()
        };
        let beyond = match edge {
            Some(edge) => !side(&connection, member, edge.id, !newer, 1)
                .await?
                .is_empty(),
            None => false,
        };
        Ok(FavouritesPage {
            favourites,
            has_newer: if newer { more } else { beyond },
            has_older: if newer { beyond } else { more },
        })
    }

    /// The job that a message shows, if that is known.
    pub async fn job_of_message(&self, message: DiscordId) -> Result<Option<JobId>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- favourite::job_of_message\n\
                 SELECT job_id FROM (
                     SELECT job_id, 0 AS place FROM deliveries WHERE message_id = $1
                     UNION ALL SELECT job_id, 1 FROM job_messages WHERE message_id = $1) known
                 ORDER BY place LIMIT 1",
                &[/* message */ &message],
            )
            .await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Notes that a message shows a job; one that shows a deleted result is to be deleted, too, by the owner of `shard`.
    pub async fn learn_job_message(
        &self,
        channel: DiscordId,
        message: DiscordId,
        job: JobId,
        shard: u32,
    ) -> Result<Learnt, StoreError> {
        self.run("learn_job_message", move |tx| {
            Box::pin(async move {
                if !keep_removals_out(tx, job).await? {
                    return Ok(Learnt::NoJob);
                }
                note_job_message(tx, channel, message, job).await?;
                let removed = doom_if_removed(tx, job, channel, message, shard).await?;
                Ok(if removed {
                    Learnt::Doomed
                } else {
                    Learnt::Shows
                })
            })
        })
        .await
    }
}

/// What became of a message that was found to show a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learnt {
    /// It is known from now on.
    Shows,
    /// Its result was deleted before: it goes as well.
    Doomed,
    /// There is no such job.
    NoJob,
}

/// Notes that a message shows a job.
pub(crate) async fn note_job_message(
    tx: &Transaction<'_>,
    channel: DiscordId,
    message: DiscordId,
    job: JobId,
) -> Result<(), StoreError> {
    tx.execute(
        "-- favourite::note_job_message\n\
         INSERT INTO job_messages (message_id, channel_id, job_id) VALUES ($1, $2, $3)
         ON CONFLICT (message_id) DO NOTHING",
        &[
            /* message */ &message, /* channel */ &channel, /* job */ &job,
        ],
    )
    .await?;
    Ok(())
}

async fn add_favourite(tx: &Transaction<'_>, new: NewFavourite) -> Result<Favoured, StoreError> {
    let row = tx
        .query_opt(
            "-- favourite::add_favourite (job)\n\
             SELECT j.state, j.storage_class, d.discord_id
             FROM jobs j LEFT JOIN discord_users d ON d.user_id = j.user_id
             WHERE j.id = $1 AND NOT EXISTS (SELECT FROM removals r WHERE r.job_id = j.id)",
            &[/* job */ &new.job],
        )
        .await?;
    let Some(row) = row else {
        return Ok(Favoured::Nothing);
    };
    let (state, class): (&str, &str) = (row.get(0), row.get(1));
    let state = JobState::from_name(state).ok_or_else(|| corrupt("job state", state))?;
    let class = StorageClass::from_name(class).ok_or_else(|| corrupt("storage class", class))?;
    if state.is_end() && state != JobState::Completed {
        return Ok(Favoured::Nothing);
    }
    let is_own = row.get::<_, Option<DiscordId>>(2) == Some(new.member);
    if class != StorageClass::Public && !is_own {
        return Ok(Favoured::Private);
    }
    let user = resolve_user(tx, new.member, new.fresh_user).await?;
    tx.query_one(
        "-- favourite::add_favourite (order)\nSELECT id FROM users WHERE id = $1 FOR UPDATE",
        &[/* user */ &user],
    )
    .await?;
    let counted = tx
        .query_one(
            "-- favourite::add_favourite (count)\n\
             SELECT count(*), coalesce(bool_or(job_id = $2 AND picture IS NOT DISTINCT FROM $3), false)
             FROM favourites WHERE user_id = $1",
            &[/* user */ &user, /* job */ &new.job, /* picture */ &column(new.picture)],
        )
        .await?;
    if counted.get(1) {
        return Ok(Favoured::Already);
    }
    if counted.get::<_, i64>(0) >= i64::from(MOST) {
        return Ok(Favoured::Full);
    }
    tx.execute(
        "-- favourite::add_favourite\n\
         INSERT INTO favourites (id, user_id, job_id, picture, at) VALUES ($1, $2, $3, $4, $5)",
        &[
            /* id */ &new.id,
            /* user */ &user,
            /* job */ &new.job,
            /* picture */ &column(new.picture),
            /* at */ &new.at,
        ],
    )
    .await?;
    Ok(Favoured::Kept)
}

fn column(picture: Option<u32>) -> Option<i16> {
    picture.map(|picture| i16::try_from(picture).unwrap_or(i16::MAX))
}

/// Marks beyond `edge`, nearest first.
async fn side(
    connection: &Connection,
    member: DiscordId,
    edge: Uuid,
    newer: bool,
    limit: u32,
) -> Result<Vec<Favourite>, StoreError> {
    let (beyond, order) = if newer { (">", "ASC") } else { ("<", "DESC") };
    let sql = format!(
        "-- favourite::favourites_page\n\
         SELECT {COLUMNS}, f.id, f.picture FROM (
             SELECT f.id, f.job_id, f.picture
             FROM favourites f JOIN discord_users u ON u.user_id = f.user_id
             WHERE u.discord_id = $1 AND f.id {beyond} $2 ORDER BY f.id {order} LIMIT $3) f
         JOIN jobs j ON j.id = f.job_id {JOINS} ORDER BY f.id {order}"
    );
    let rows = connection
        .query(
            &sql,
            &[
                /* member */ &member,
                /* edge */ &edge,
                /* limit */ &i64::from(limit),
            ],
        )
        .await?;
    rows.iter().map(favourite).collect()
}

fn favourite(row: &Row) -> Result<Favourite, StoreError> {
    Ok(Favourite {
        job: history_job(row)?,
        id: row.get(13),
        picture: picture(row.get(14)),
    })
}
