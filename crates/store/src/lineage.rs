//! Where a job comes from, and what came of it.

use easel_domain::JobId;
use easel_domain::spec::Action;
use tokio_postgres::Row;

use crate::error::StoreError;
use crate::history::picture;
use crate::pool::Store;
use crate::row::corrupt;

/// Where a job comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor {
    /// The job.
    pub job: JobId,
    /// What was done.
    pub action: Action,
    /// The picture of the job before it, counted from 0.
    pub picture: Option<u32>,
}

/// A job's ancestors, the first one first, and how many jobs came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// From the oldest known one to its parent.
    pub ancestors: Vec<Ancestor>,
    /// Jobs whose parent it is, of all members.
    pub children: u64,
}

/// Ancestors that are looked for.
const GENERATIONS: i32 = 12;

impl Store {
    /// Where a job comes from and what came of it.
    pub async fn lineage(&self, job: JobId) -> Result<Lineage, StoreError> {
        let connection = self.connection().await?;
        let rows = connection
            .query(
                "-- history::lineage\n\
                 WITH RECURSIVE line (id, depth) AS (
                     SELECT parent_job_id, 1 FROM jobs WHERE id = $1
                     UNION ALL
                     SELECT j.parent_job_id, l.depth + 1 FROM line l JOIN jobs j ON j.id = l.id WHERE l.depth < $2
                 )
                 SELECT j.id, j.action, j.parent_index FROM line l JOIN jobs j ON j.id = l.id ORDER BY l.depth DESC",
                &[/* job */ &job, /* generations */ &GENERATIONS],
            )
            .await?;
        let ancestors = rows.iter().map(ancestor).collect::<Result<_, _>>()?;
        let children: i64 = connection
            .query_one(
                "-- history::lineage (children)\nSELECT count(*) FROM jobs WHERE parent_job_id = $1",
                &[/* job */ &job],
            )
            .await?
            .get(0);
        Ok(Lineage {
            ancestors,
            children: u64::try_from(children).unwrap_or(0),
        })
    }
}

fn ancestor(row: &Row) -> Result<Ancestor, StoreError> {
    let action: &str = row.get(1);
    Ok(Ancestor {
        job: row.get(0),
        action: Action::from_name(action).ok_or_else(|| corrupt("action", action))?,
        picture: picture(row.get(2)),
    })
}
