//! Whether a job is taken in, by the rule of [`easel_domain::admission`].
//!
//! What waits, and who shares it, is what the leader of the lane has last said. What a member's own share has paid off is
//! in the rows of his newest jobs: each that is within his share says when it will be, so that one look tells, and jobs
//! that the leader has not yet seen count too.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use easel_domain::admission::{Admission, Owed, PaysOff, Promise, admission};
use easel_domain::spec::{Question, RenderSpec};
use easel_domain::tier::{ServiceClass, Tier};
use easel_domain::{DiscordId, GuildKey};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::account::LockedAccount;
use crate::cached::Transaction;
use crate::error::StoreError;
use crate::fleet::{SharedClass, StepTime};
use crate::row::json;

/// What is known of the lanes that jobs are submitted to. Nothing where their leaders have been silent for long.
#[derive(Debug, Default)]
pub(crate) struct Outlooks(HashMap<(String, String), Outlook>);

#[derive(Debug)]
struct Outlook {
    classes: BTreeMap<String, SharedClass>,
    steps: Vec<StepTime>,
}

/// When the shares of a member have paid off what he has asked for within them, by region, pool and class.
#[derive(Debug, Default)]
pub(crate) struct Shares(HashMap<(String, String, ServiceClass), OffsetDateTime>);

/// One job that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'s> {
    pub(crate) region: &'s str,
    pub(crate) pool: &'s str,
    pub(crate) class: ServiceClass,
    /// The guild that it counts for.
    pub(crate) guild: Option<GuildKey>,
    pub(crate) spec: &'s RenderSpec,
    pub(crate) at: OffsetDateTime,
}

/// As what a job is taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Terms {
    /// When its member's share has paid it off, where it is within that.
    pub(crate) paid_off_at: Option<OffsetDateTime>,
    /// Until it should start, where that is later than promised.
    pub(crate) quoted: Option<Duration>,
}

/// A job would hardly start before it is dropped for having waited too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crowded {
    /// Until it should start.
    pub(crate) wait: Duration,
    /// From now on until asking again may help.
    pub(crate) again: Duration,
}

pub(crate) const OUTLOOKS: &str = "-- admit::outlooks\n\
     SELECT s.region, s.pool, s.classes,
            jsonb_path_query_array(s.steps, '$[*] ? (@.model == $models[*])',
                                   jsonb_build_object('models', $3::text[])) AS steps
     FROM lane_snapshots s
     WHERE (s.region, s.pool) IN (SELECT * FROM unnest($1::text[], $2::text[]))
       AND s.taken_at > now() - interval '10 seconds'";

// His newest jobs are the first of an index. One within his share comes up as soon as the one before it is paid off.
pub(crate) const SHARES: &str = "-- admit::shares\n\
     SELECT d.discord_id, j.region, j.pool, j.service_class, max(j.paid_off_at)
     FROM discord_users d CROSS JOIN LATERAL (
         SELECT region, pool, service_class, paid_off_at FROM jobs WHERE user_id = d.user_id ORDER BY id DESC LIMIT 50) j
     WHERE d.discord_id = ANY ($1) AND j.paid_off_at IS NOT NULL
     GROUP BY 1, 2, 3, 4";

/// What [`OUTLOOKS`] is asked for: regions, pools, and names of what jobs need.
#[derive(Debug)]
pub(crate) struct Wanted<'s> {
    pub(crate) regions: Vec<&'s str>,
    pub(crate) pools: Vec<&'s str>,
    pub(crate) needs: Vec<String>,
}

impl<'s> Wanted<'s> {
    /// By where each job is to run and what it is to make.
    pub(crate) fn of(jobs: impl Iterator<Item = (&'s str, &'s str, &'s RenderSpec)>) -> Self {
        let (mut lanes, mut needs) = (BTreeSet::new(), BTreeSet::new());
        for (region, pool, spec) in jobs {
            lanes.insert((region, pool));
            needs.insert(needed(spec));
        }
        let (regions, pools) = lanes.into_iter().unzip();
        let needs = needs.into_iter().collect();
        Self {
            regions,
            pools,
            needs,
        }
    }
}

/// The name that schedulers give to what a job needs of a node.
fn needed(spec: &RenderSpec) -> String {
    let skill = spec.question().map_or("", Question::skill);
    format!("{}{skill}", spec.model().hash)
}

impl Outlooks {
    /// The answer to [`OUTLOOKS`].
    pub(crate) fn read(rows: &[Row]) -> Result<Self, StoreError> {
        let outlook = |row: &Row| {
            let (classes, steps) = (json(row, "classes")?, json(row, "steps")?);
            let lane = (row.get("region"), row.get("pool"));
            Ok((lane, Outlook { classes, steps }))
        };
        rows.iter().map(outlook).collect::<Result<_, _>>().map(Self)
    }

    /// Decides on a job. Where nobody knows what waits, it is taken in, and counts for no share.
    pub(crate) fn decide(
        &self,
        asked: &Asked<'_>,
        tier: &Tier,
        promise: Promise,
        shares: &Shares,
    ) -> Result<Terms, Crowded> {
        let lane = (asked.region.to_owned(), asked.pool.to_owned());
        let Some(known) = self.0.get(&lane) else {
            return Ok(Terms::default());
        };
        let Some(class) = known.classes.get(asked.class.as_str()) else {
            return Ok(Terms::default());
        };
        let (outlook, guild) = (&class.outlook, class.guild(asked.guild));
        let alone_s = known.alone_s(asked.spec);
        let cost_s = alone_s / f64::from(tier.weight.max(1));
        let pays = PaysOff::of(cost_s, outlook.nodes, outlook.guilds, guild.members);
        let owed = Owed {
            guild_s: guild.owes_s,
            own_s: shares.owed_s(asked),
        };
        let wait_s = outlook.start_s(outlook.is_within(owed, pays));
        let shed_s = tier.shed_after.map(|bound| bound.as_secs_f64());
        let seconds = |s: f64| Duration::try_from_secs_f64(s).unwrap_or(Duration::MAX);
        let quoted = match admission(wait_s, alone_s, shed_s, promise) {
            Admission::Accept => None,
            Admission::Quote { wait_s } => Some(seconds(wait_s)),
            Admission::Refuse { wait_s, beyond_s } => {
                let (wait, again) = (seconds(wait_s), seconds(beyond_s));
                return Err(Crowded { wait, again });
            }
        };
        let paid_off_s = owed.bears(pays).then(|| owed.with(pays).own_s);
        Ok(Terms {
            paid_off_at: paid_off_s.map(|s| asked.at + time::Duration::seconds_f64(s)),
            quoted,
        })
    }
}

impl Outlook {
    /// GPU-seconds that a job takes by itself: as jobs of its kind do, or else as the nearest kind of its model, by pixels.
    /// 0 where no job of its model was ever asked for.
    fn alone_s(&self, spec: &RenderSpec) -> f64 {
        let (width, height, steps) = spec.work_shape();
        let pictures = u32::try_from(spec.picture_count().max(1)).unwrap_or(u32::MAX);
        let pixels = |w: u32, h: u32, n: u32| f64::from(w) * f64::from(h) * f64::from(n);
        let need = needed(spec);
        let all = pixels(width, height, pictures);
        let like = |of: &&StepTime| {
            let other = (of.width, of.height, of.pictures) != (width, height, pictures);
            let apart = (pixels(of.width, of.height, of.pictures).max(1.0) / all.max(1.0)).ln();
            (other, apart.abs())
        };
        let of_model = self.steps.iter().filter(|of| of.model == need);
        let nearest = of_model.min_by(|a, b| {
            let (a, b) = (like(a), like(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        nearest.map_or(0.0, |of| {
            let scale = all / pixels(of.width, of.height, of.pictures).max(1.0);
            of.step_s * scale * f64::from(steps)
        })
    }
}

impl Shares {
    /// Seconds until the share of a job's member has paid off what he has asked for within it.
    fn owed_s(&self, asked: &Asked<'_>) -> f64 {
        let key = (asked.region.to_owned(), asked.pool.to_owned(), asked.class);
        let until = self.0.get(&key);
        until.map_or(0.0, |until| (*until - asked.at).as_seconds_f64().max(0.0))
    }

    /// A job is taken in on these terms.
    pub(crate) fn take(&mut self, asked: &Asked<'_>, terms: Terms) {
        if let Some(at) = terms.paid_off_at {
            let (region, pool) = (asked.region.to_owned(), asked.pool.to_owned());
            self.0.insert((region, pool, asked.class), at);
        }
    }

    /// The answer to [`SHARES`], by member. A class that this build does not know is nobody's.
    pub(crate) fn read(rows: &[Row]) -> HashMap<DiscordId, Self> {
        let mut all: HashMap<DiscordId, Self> = HashMap::new();
        for row in rows {
            if let Some(class) = ServiceClass::from_name(row.get(3)) {
                let key = (row.get(1), row.get(2), class);
                let of = all.entry(row.get(0)).or_default();
                of.0.insert(key, row.get(4));
            }
        }
        all
    }
}

/// Decides on several jobs of one member that come together: one after the other, and the first that is refused refuses all.
pub(crate) async fn together(
    tx: &Transaction<'_>,
    member: DiscordId,
    asked: &[Asked<'_>],
    account: &LockedAccount,
) -> Result<Result<Vec<Terms>, Crowded>, StoreError> {
    let wanted = Wanted::of(asked.iter().map(|one| (one.region, one.pool, one.spec)));
    let (regions, pools, needs) = (&wanted.regions, &wanted.pools, &wanted.needs);
    let outlooks = tx
        .query(
            OUTLOOKS,
            &[
                /* regions */ regions, /* pools */ pools, /* needs */ needs,
            ],
        )
        .await?;
    let shares = tx
        .query(SHARES, &[/* discord ids */ &[member].as_slice()])
        .await?;
    let outlooks = Outlooks::read(&outlooks)?;
    let mut shares = Shares::read(&shares).remove(&member).unwrap_or_default();
    Ok(asked
        .iter()
        .map(|one| {
            let terms = outlooks.decide(one, &account.tier, account.promise, &shares)?;
            shares.take(one, terms);
            Ok(terms)
        })
        .collect())
}
