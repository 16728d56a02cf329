//! What a member has chosen for all of his jobs, and what he has under way.

use easel_domain::ledger::Credits;
use easel_domain::tier::{ServiceClass, Tier};
use easel_domain::{DiscordId, JobId, UserId};
use time::OffsetDateTime;
use tokio_postgres::Row;

use crate::account::{lock_account, tier};
use crate::cached::Transaction;
use crate::error::StoreError;
use crate::history::least_id;
use crate::pool::Store;
use crate::user::resolve_user;

/// How far V moves from its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variation {
    /// Barely.
    Subtle,
    /// Somewhat.
    #[default]
    Gentle,
    /// Far.
    Strong,
}

impl Variation {
    /// Every strength, weakest first.
    pub const ALL: [Self; 3] = [Self::Subtle, Self::Gentle, Self::Strong];

    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subtle => "subtle",
            Self::Gentle => "gentle",
            Self::Strong => "strong",
        }
    }
}

/// What a member has chosen for all of his jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemberSettings {
    /// The lane of jobs that name none; `None` for that of the tier.
    pub speed: Option<ServiceClass>,
    /// How far V moves from its picture.
    pub variation: Variation,
    /// Whether V and the like ask for other words first.
    pub remix: bool,
    /// Whether the pictures of every job are sent by direct message.
    pub auto_dm: bool,
}

/// One change of [`MemberSettings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsChange {
    /// The lane: turbo, fast or relax, or `None` for that of the tier.
    Speed(Option<ServiceClass>),
    /// How far V moves.
    Variation(Variation),
    /// Whether V and the like ask for other words first.
    Remix(bool),
    /// Whether the pictures of every job are sent by direct message.
    AutoDm(bool),
    /// Everything as it is for a member who never chose.
    Reset,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsChanged {
    /// It is kept.
    Kept {
        /// All settings as they are now.
        settings: MemberSettings,
        /// The member's tier.
        tier: Tier,
    },
    /// The lane is more urgent than the tier's: nothing is changed.
    Forbidden {
        /// All settings as they were.
        settings: MemberSettings,
        /// The member's tier.
        tier: Tier,
    },
}

/// A member with what he has under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberOverview {
    /// His tier; the default one if he was never seen.
    pub tier: Tier,
    /// What he has chosen.
    pub settings: MemberSettings,
    /// Credits left after reservations.
    pub balance: Credits,
    /// Jobs that wait for a node.
    pub waiting: u64,
    /// Jobs that a node works on, or whose pictures are being looked at.
    pub running: u64,
    /// Jobs of the last days, however they ended.
    pub lately: u64,
    /// Jobs ever.
    pub ever: u64,
}

/// A job that has not ended.
#[derive(Clone, PartialEq, Eq)]
pub struct UnfinishedJob {
    /// Which.
    pub job: JobId,
    /// Whether it still waits for a node.
    pub waits: bool,
    /// The words as typed, unless they are erased.
    pub shown: Option<String>,
}

/// Prompts are never logged.
impl std::fmt::Debug for UnfinishedJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UnfinishedJob({}, waits: {})", self.job, self.waits)
    }
}

impl Store {
    /// What a member has chosen; the defaults for one who was never seen.
    pub async fn member_settings(&self, member: DiscordId) -> Result<MemberSettings, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- member::member_settings\n\
                 SELECT s.speed, s.variation, s.remix, s.auto_dm
                 FROM discord_users d JOIN member_settings s USING (user_id) WHERE d.discord_id = $1",
                &[/* discord id */ &member],
            )
            .await?;
        row.map_or_else(|| Ok(MemberSettings::default()), |row| settings(&row))
    }

    /// Changes one setting of a member, if his tier allows it.
    pub async fn change_settings(
        &self,
        member: DiscordId,
        fresh: UserId,
        default_tier: &str,
        change: SettingsChange,
    ) -> Result<SettingsChanged, StoreError> {
        let default_tier = default_tier.to_owned();
        self.run("change_settings", move |tx| {
            let default_tier = default_tier.clone();
            Box::pin(async move { change_settings(tx, member, fresh, &default_tier, change).await })
        })
        .await
    }

    /// A member's tier, settings and numbers of jobs; those of the last days are counted from `since` on.
    pub async fn member_overview(
        &self,
        member: DiscordId,
        default_tier: &str,
        since: OffsetDateTime,
    ) -> Result<MemberOverview, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- member::member_overview\n\
                 SELECT t.name, t.service_class, t.weight, t.running_limit, t.waiting_limit, t.permutation_limit,
                        t.aging_s, t.shed_after_s, t.retention_s, coalesce(a.balance, 0) AS balance,
                        s.speed, coalesce(s.variation, 'gentle') AS variation, coalesce(s.remix, false) AS remix,
                        coalesce(s.auto_dm, false) AS auto_dm,
                        (SELECT count(*) FROM jobs j
                         WHERE j.user_id = m.id AND j.ended_at IS NULL AND j.state = 'queued') AS waiting,
                        (SELECT count(*) FROM jobs j
                         WHERE j.user_id = m.id AND j.ended_at IS NULL AND j.state <> 'queued') AS running,
                        (SELECT count(*) FROM jobs j WHERE j.user_id = m.id AND j.id >= $3) AS lately,
                        (SELECT count(*) FROM jobs j WHERE j.user_id = m.id) AS ever
                 FROM (SELECT (SELECT user_id FROM discord_users WHERE discord_id = $1) AS id) m
                 LEFT JOIN accounts a ON a.user_id = m.id
                 LEFT JOIN member_settings s ON s.user_id = m.id
                 JOIN tiers t ON t.name = coalesce(a.tier, $2)",
                &[/* discord id */ &member, /* default tier */ &default_tier, /* since */ &least_id(since)],
            )
            .await?;
        let row = row.ok_or_else(|| StoreError::Corrupt {
            what: "default tier",
            value: default_tier.to_owned(),
        })?;
        let count = |name: &str| u64::try_from(row.get::<_, i64>(name)).unwrap_or(0);
        Ok(MemberOverview {
            tier: tier(&row)?,
            settings: settings(&row)?,
            balance: Credits(row.get("balance")),
            waiting: count("waiting"),
            running: count("running"),
            lately: count("lately"),
            ever: count("ever"),
        })
    }

    /// A member's jobs that have not ended and that nobody has asked to cancel, newest first.
    pub async fn unfinished_of(
        &self,
        member: DiscordId,
        limit: u32,
    ) -> Result<Vec<UnfinishedJob>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- member::unfinished_of\n\
                 SELECT j.id, j.state = 'queued' AS waits, p.shown
                 FROM jobs j LEFT JOIN prompts p ON p.job_id = j.id
                 WHERE j.user_id = (SELECT user_id FROM discord_users WHERE discord_id = $1) AND j.ended_at IS NULL
                       AND NOT EXISTS (SELECT FROM cancel_requests c WHERE c.job_id = j.id)
                 ORDER BY j.id DESC LIMIT $2",
                &[/* discord id */ &member, /* limit */ &i64::from(limit)],
            )
            .await?;
        let job = |row: &Row| UnfinishedJob {
            job: row.get("id"),
            waits: row.get("waits"),
            shown: row.get("shown"),
        };
        Ok(rows.iter().map(job).collect())
    }
}

async fn change_settings(
    tx: &Transaction<'_>,
    member: DiscordId,
    fresh: UserId,
    default_tier: &str,
    change: SettingsChange,
) -> Result<SettingsChanged, StoreError> {
    let user = resolve_user(tx, member, fresh).await?;
    // The account's lock also orders two changes of the same member.
    let tier = lock_account(tx, user, default_tier).await?.tier;
    let row = tx
        .query_one(
            "-- member::change_settings (now)\n\
             INSERT INTO member_settings AS s (user_id) VALUES ($1)
             ON CONFLICT (user_id) DO UPDATE SET user_id = s.user_id RETURNING speed, variation, remix, auto_dm",
            &[/* user */ &user],
        )
        .await?;
    let mut settings = settings(&row)?;
    match change {
        // `ServiceClass` is ordered from most to least urgent.
        SettingsChange::Speed(Some(class)) if class < tier.service_class => {
            return Ok(SettingsChanged::Forbidden { settings, tier });
        }
        SettingsChange::Speed(class) => settings.speed = class,
        SettingsChange::Variation(variation) => settings.variation = variation,
        SettingsChange::Remix(remix) => settings.remix = remix,
        SettingsChange::AutoDm(auto_dm) => settings.auto_dm = auto_dm,
        SettingsChange::Reset => settings = MemberSettings::default(),
    }
    let speed = settings.speed.map(ServiceClass::as_str);
    tx.execute(
        "-- member::change_settings\n\
         UPDATE member_settings SET speed = $2, variation = $3, remix = $4, auto_dm = $5 WHERE user_id = $1",
        &[
            /* user */ &user,
            /* speed */ &speed,
            /* variation */ &settings.variation.as_str(),
            /* remix */ &settings.remix,
            /* auto dm */ &settings.auto_dm,
        ],
    )
    .await?;
    Ok(SettingsChanged::Kept { settings, tier })
}

fn settings(row: &Row) -> Result<MemberSettings, StoreError> {
    let variation: &str = row.get("variation");
    let mut known = Variation::ALL.into_iter();
    let variation = known
        .find(|known| known.as_str() == variation)
        .ok_or_else(|| StoreError::Corrupt {
            what: "strength of variations",
            value: variation.to_owned(),
        })?;
    Ok(MemberSettings {
        speed: preferred(row)?,
        variation,
        remix: row.get("remix"),
        auto_dm: row.get("auto_dm"),
    })
}

/// The lane that a member prefers, from a row with the column `speed`.
pub(crate) fn preferred(row: &Row) -> Result<Option<ServiceClass>, StoreError> {
    let Some(name) = row.get::<_, Option<&str>>("speed") else {
        return Ok(None);
    };
    let class = ServiceClass::from_name(name).ok_or_else(|| StoreError::Corrupt {
        what: "service class",
        value: name.to_owned(),
    })?;
    Ok(Some(class))
}
