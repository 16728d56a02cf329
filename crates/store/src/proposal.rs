//! Several jobs from one prompt, while they are proposed: nothing runs before their author has agreed.

use std::sync::Arc;
use std::time::Duration;

use easel_domain::ledger::Credits;
use easel_domain::spec::{InputPicture, RenderSpec};
use easel_domain::tier::{ServiceClass, Tier};
use easel_domain::{BatchId, DiscordId, GuildKey, InteractionId, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio_postgres::types::Json;

use crate::account::{LockedAccount, lock_account, unfinished_jobs};
use crate::cached::Transaction;
use crate::error::StoreError;
use crate::pool::Store;
use crate::row::corrupt;
use crate::submit::admit::{Asked, Crowded, together};
use crate::submit::granted_lane;
use crate::user::resolve_user;

/// A picture that jobs of a proposal begin from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedPicture {
    /// The address in the prompt that it was taken from; `None` for one that came beside the prompt and is for every job.
    pub address: Option<String>,
    /// As it is kept.
    pub picture: InputPicture,
}

/// What somebody wants to run at once.
#[derive(Clone)]
pub struct NewProposal {
    /// Key, later that of the batch.
    pub id: BatchId,
    /// What it was asked by: a second proposal by the same interaction changes nothing.
    pub interaction: InteractionId,
    /// Who asks.
    pub member: DiscordId,
    /// Key of the member, if he is new.
    pub fresh_user: UserId,
    /// Tier of an account that is new.
    pub default_tier: String,
    /// Where; `None` in direct messages.
    pub guild: Option<GuildKey>,
    /// Where the messages of the jobs will be.
    pub channel: DiscordId,
    /// The prompt as typed.
    pub words: String,
    /// What its jobs begin from.
    pub pictures: Vec<ProposedPicture>,
    /// Where its jobs are to run.
    pub region: String,
    /// Which nodes may run them.
    pub pool: String,
    /// Its jobs, two or more: the lane that each asks for, and what it is to make.
    pub jobs: Vec<(Option<ServiceClass>, RenderSpec)>,
    /// Credits for all of them.
    pub price: Credits,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// Until when it may be agreed to.
    pub expires_at: OffsetDateTime,
}

/// Prompts are never logged, not even by accident.
impl std::fmt::Debug for NewProposal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewProposal")
            .field("id", &self.id)
            .field("jobs", &self.jobs.len())
            .finish_non_exhaustive()
    }
}

/// What became of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposed {
    /// It waits for its author's word.
    Open {
        /// Until the last of its jobs should start, where that is later than his tier promises.
        quoted: Option<Duration>,
    },
    /// It cannot be had.
    Refused(NoRoom),
}

/// Why several jobs at once are not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoom {
    /// One prompt may not make so many on this tier.
    TooMany {
        /// How many it may; 0 or 1 for one alone.
        limit: u32,
        /// His tier.
        tier: String,
    },
    /// With those that are under way they are too many.
    QueueFull {
        /// His jobs that have not ended.
        unfinished: u32,
        /// How many the tier allows.
        limit: u32,
        /// His tier.
        tier: String,
    },
    /// One of them would hardly start before it is dropped for having waited too long.
    Crowded {
        /// Until it should start.
        wait: Duration,
        /// From now on until asking again may help.
        again: Duration,
        /// His tier.
        tier: String,
    },
    /// The member has fewer credits than they cost.
    TooDear {
        /// What he has.
        balance: Credits,
    },
}

impl NoRoom {
    pub(crate) fn crowded(why: Crowded, tier: &Tier) -> Self {
        Self::Crowded {
            wait: why.wait,
            again: why.again,
            tier: tier.name.clone(),
        }
    }
}

/// Where a proposal is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalState {
    /// Its author has not spoken.
    Open,
    /// He has agreed.
    Accepted,
    /// He has declined.
    Declined,
    /// He has let the time pass.
    Expired,
}

impl ProposalState {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "open" => Some(Self::Open),
            "accepted" => Some(Self::Accepted),
            "declined" => Some(Self::Declined),
            "expired" => Some(Self::Expired),
            _ => None,
        }
    }
}

/// A proposal as a click finds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Who asked, unless he is erased.
    pub owner: Option<DiscordId>,
    /// The prompt as typed, while it is open.
    pub words: Option<String>,
    /// What its jobs begin from, while it is open.
    pub pictures: Vec<ProposedPicture>,
    /// Where it is in its life.
    pub state: ProposalState,
    /// Until when it may be agreed to.
    pub expires_at: OffsetDateTime,
}

/// Prompts are never logged, not even by accident.
impl std::fmt::Debug for Proposal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proposal")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Writes down what somebody wants to run at once, or says why it cannot be had. Safe to repeat.
    pub async fn propose(&self, new: NewProposal) -> Result<Proposed, StoreError> {
        let new = Arc::new(new);
        self.run("propose", move |tx| {
            let new = Arc::clone(&new);
            Box::pin(async move { propose(tx, &new).await })
        })
        .await
    }

    /// A proposal.
    pub async fn proposal(&self, id: BatchId) -> Result<Option<Proposal>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- proposal::proposal\n\
                 SELECT u.discord_id, p.words, p.state, p.expires_at, p.pictures
                 FROM proposals p LEFT JOIN discord_users u ON u.user_id = p.user_id WHERE p.id = $1",
                &[/* id */ &id],
            )
            .await?;
        row.map(|row| {
            let state: &str = row.get(2);
            Ok(Proposal {
                owner: row.get(0),
                words: row.get(1),
                state: ProposalState::from_name(state)
                    .ok_or_else(|| corrupt("proposal state", state))?,
                expires_at: row.get(3),
                pictures: row
                    .get::<_, Option<Json<Vec<ProposedPicture>>>>(4)
                    .map_or_else(Vec::new, |Json(pictures)| pictures),
            })
        })
        .transpose()
    }

    /// Takes a proposal back. `false` if it was settled before.
    pub async fn decline_proposal(&self, id: BatchId) -> Result<bool, StoreError> {
        let changed = self
            .connection()
            .await?
            .execute(
                "-- proposal::decline_proposal\n\
                 UPDATE proposals SET state = 'declined', words = NULL, pictures = NULL\n\
                 WHERE id = $1 AND state = 'open'",
                &[/* id */ &id],
            )
            .await?;
        Ok(changed == 1)
    }

    /// Ends proposals whose time has passed, at most `limit`, erases their words, and returns how many.
    pub async fn expire_proposals(
        &self,
        now: OffsetDateTime,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let changed = self
            .connection()
            .await?
            .execute(
                "-- proposal::expire_proposals\n\
                 UPDATE proposals SET state = 'expired', words = NULL, pictures = NULL WHERE state = 'open' AND id IN (
                     SELECT id FROM proposals WHERE state = 'open' AND expires_at <= $1
                     ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
                &[/* now */ &now, /* limit */ &i64::from(limit)],
            )
            .await?;
        Ok(changed)
    }

    /// Seconds that the newest pictures of these weights took from their first lease to their end, the middle one of
    /// twenty; `None` if there are none yet.
    pub async fn usual_seconds(
        &self,
        model: &str,
        hash: &str,
        action: &str,
    ) -> Result<Option<f64>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_one(
                "-- proposal::usual_seconds\n\
                 SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM (
                     SELECT extract(epoch FROM ended_at - started_at)::float8 AS seconds FROM jobs
                     WHERE state = 'completed' AND model_id = $1 AND model_hash = $2 AND action = $3
                     ORDER BY ended_at DESC LIMIT 20) newest",
                &[
                    /* model */ &model, /* weights */ &hash, /* action */ &action,
                ],
            )
            .await?;
        Ok(row.get(0))
    }
}

async fn propose(tx: &Transaction<'_>, new: &NewProposal) -> Result<Proposed, StoreError> {
    let user = resolve_user(tx, new.member, new.fresh_user).await?;
    let account = lock_account(tx, user, &new.default_tier).await?;
    let jobs = u32::try_from(new.jobs.len()).unwrap_or(u32::MAX);
    if let Some(refusal) = no_room(tx, &account, jobs, new.price).await? {
        return Ok(Proposed::Refused(refusal));
    }
    let tier = &account.tier;
    let asked: Vec<Asked<'_>> = (new.jobs.iter())
        .map(|(lane, spec)| Asked {
            region: &new.region,
            pool: &new.pool,
            class: granted_lane(*lane, tier, account.speed),
            guild: new.guild,
            spec,
            at: new.created_at,
        })
        .collect();
    let quoted = match together(tx, new.member, &asked, &account).await? {
        Ok(terms) => terms.iter().filter_map(|terms| terms.quoted).max(),
        Err(crowded) => return Ok(Proposed::Refused(NoRoom::crowded(crowded, tier))),
    };
    tx.execute(
        "-- proposal::propose\n\
         INSERT INTO proposals (id, interaction_id, user_id, guild_id, channel_id, words, jobs, price, created_at,
                                expires_at, pictures)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (interaction_id) DO NOTHING",
        &[
            /* id */ &new.id,
            /* interaction */ &new.interaction,
            /* user */ &user,
            /* guild */ &new.guild,
            /* channel */ &new.channel,
            /* words */ &new.words,
            /* jobs */ &i16::try_from(jobs).unwrap_or(i16::MAX),
            /* price */ &new.price.0,
            /* created */ &new.created_at,
            /* expires */ &new.expires_at,
            /* pictures */ &(!new.pictures.is_empty()).then_some(Json(&new.pictures)),
        ],
    )
    .await?;
    Ok(Proposed::Open { quoted })
}

/// Why a member may not have `jobs` more at once for `price`, if he may not.
pub(crate) async fn no_room(
    tx: &Transaction<'_>,
    account: &LockedAccount,
    jobs: u32,
    price: Credits,
) -> Result<Option<NoRoom>, StoreError> {
    let tier = &account.tier;
    if jobs > tier.permutation_limit.max(1) {
        return Ok(Some(NoRoom::TooMany {
            limit: tier.permutation_limit,
            tier: tier.name.clone(),
        }));
    }
    let unfinished = unfinished_jobs(tx, account).await?;
    let limit = tier.running_limit + tier.waiting_limit;
    if unfinished.saturating_add(jobs) > limit {
        return Ok(Some(NoRoom::QueueFull {
            unfinished,
            limit,
            tier: tier.name.clone(),
        }));
    }
    let balance = account.balance;
    let too_dear = balance < price && price > Credits(0);
    Ok(too_dear.then_some(NoRoom::TooDear { balance }))
}
