//! The members behind submissions: who they are, and their locked accounts.

use std::collections::{BTreeMap, HashMap, HashSet};

use easel_domain::admission::Promise;
use easel_domain::ledger::Credits;
use easel_domain::tier::{ServiceClass, Tier};
use easel_domain::{DiscordId, InteractionId, JobId, UserId};

use super::Submission;
use super::admit::{OUTLOOKS, Outlooks, SHARES, Shares, Wanted};
use crate::account::{promise, tier};
use crate::cached::Transaction;
use crate::error::StoreError;
use crate::member::preferred;

/// A locked account while its submissions are decided: what is accepted counts for the next.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) user: UserId,
    pub(super) tier: Tier,
    pub(super) balance: Credits,
    /// The lane of jobs that name none, if the member has chosen one.
    pub(super) speed: Option<ServiceClass>,
    pub(super) unfinished: u32,
    /// What his tier promises.
    pub(super) promise: Promise,
    /// What his shares have paid off.
    pub(super) shares: Shares,
}

/// What is known of those who submit.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Their accounts, locked.
    pub(super) accounts: HashMap<DiscordId, Account>,
    /// The first job of each interaction that has one.
    pub(super) jobs: HashMap<InteractionId, JobId>,
    /// Interactions of which the member was told that nothing came.
    pub(super) given_up: HashSet<InteractionId>,
    /// What the leaders of the lanes have said.
    pub(super) outlooks: Outlooks,
}

/// Locks the accounts of all who submit, in one order, and reads what is decided by. Accounts are made where there are
/// none.
pub(super) async fn read(
    tx: &Transaction<'_>,
    submissions: &[Submission],
) -> Result<Known, StoreError> {
    let fresh: BTreeMap<DiscordId, &Submission> =
        submissions.iter().map(|new| (new.member, new)).collect();
    let members: Vec<DiscordId> = fresh.keys().copied().collect();
    let interactions: Vec<InteractionId> = submissions.iter().map(|new| new.interaction).collect();
    let wanted = Wanted::of((submissions.iter()).map(|new| (&*new.region, &*new.pool, &new.spec)));
    let known = look(tx, &members, &interactions, &wanted).await?;
    let strangers: Vec<&Submission> = fresh
        .into_iter()
        .filter(|(member, _)| !known.accounts.contains_key(member))
        .map(|(_, new)| new)
        .collect();
    if strangers.is_empty() {
        return Ok(known);
    }
    open(tx, &strangers).await?;
    look(tx, &members, &interactions, &wanted).await
}

/// Six statements in one packet. Those after the first are run when the locks are had: what others have just
/// committed counts, such as a job of the same interaction that was dispatched twice.
async fn look(
    tx: &Transaction<'_>,
    members: &[DiscordId],
    interactions: &[InteractionId],
    wanted: &Wanted<'_>,
) -> Result<Known, StoreError> {
    let (regions, pools, needs) = (&wanted.regions, &wanted.pools, &wanted.needs);
    let found = tx
        .query_all(&[
            (LOCKED, &[/* discord ids */ &members]),
            (UNFINISHED, &[/* discord ids */ &members]),
            (JOBS_OF, &[/* interactions */ &interactions]),
            (GIVEN_UP, &[/* interactions */ &interactions]),
            (SHARES, &[/* discord ids */ &members]),
            (
                OUTLOOKS,
                &[
                    /* regions */ regions, /* pools */ pools, /* needs */ needs,
                ],
            ),
        ])
        .await?;
    let mut known = Known::default();
    let [locked, unfinished, jobs, intakes, shares, outlooks] = found.as_slice() else {
        return Ok(known);
    };
    known.outlooks = Outlooks::read(outlooks)?;
    let mut shares = Shares::read(shares);
    for row in locked {
        let member = row.get("discord_id");
        let account = Account {
            user: row.get("user_id"),
            tier: tier(row)?,
            balance: Credits(row.get("balance")),
            speed: preferred(row)?,
            unfinished: 0,
            promise: promise(row),
            shares: shares.remove(&member).unwrap_or_default(),
        };
        known.accounts.insert(member, account);
    }
    for row in unfinished {
        if let Some(account) = known.accounts.get_mut(&row.get(0)) {
            account.unfinished = u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX);
        }
    }
    // Of several jobs of one interaction the first comes last.
    known.jobs = jobs.iter().map(|row| (row.get(0), row.get(1))).collect();
    let given_up = intakes.iter().filter(|row| row.get(1));
    known.given_up = given_up.map(|row| row.get(0)).collect();
    Ok(known)
}

// By the keys of the accounts, so that two submits do not wait for each other in a circle.
const LOCKED: &str = "-- members::locked\n\
     SELECT d.discord_id, a.user_id, a.balance, t.name, t.service_class, t.weight, t.running_limit, t.waiting_limit,
            t.permutation_limit, t.aging_s, t.shed_after_s, t.retention_s, t.promise_s, t.promise_factor, s.speed
     FROM discord_users d JOIN accounts a ON a.user_id = d.user_id JOIN tiers t ON t.name = a.tier
     LEFT JOIN member_settings s ON s.user_id = a.user_id
     WHERE d.discord_id = ANY ($1)
     ORDER BY a.user_id FOR UPDATE OF a";

// One look into the index for each member, whatever the planner thinks of how many jobs are unfinished.
const UNFINISHED: &str = "-- members::unfinished\n\
     SELECT d.discord_id, (SELECT count(*) FROM jobs j WHERE j.user_id = d.user_id AND j.ended_at IS NULL)
     FROM discord_users d WHERE d.discord_id = ANY ($1)";

const JOBS_OF: &str = "-- members::jobs_of\n\
     SELECT interaction_id, id FROM jobs WHERE interaction_id = ANY ($1) ORDER BY ordinal DESC";

// Locked, so that a sweep waits for the commit, and then finds the interaction accepted.
const GIVEN_UP: &str = "-- members::given_up\n\
     SELECT interaction_id, given_up_at IS NOT NULL FROM intake WHERE interaction_id = ANY ($1)
     ORDER BY interaction_id FOR UPDATE";

/// Whether the member was told that nothing came of the interaction. Its intake is locked.
pub(super) async fn is_given_up(
    tx: &Transaction<'_>,
    interaction: InteractionId,
) -> Result<bool, StoreError> {
    let rows = tx
        .query(GIVEN_UP, &[/* interactions */ &[interaction].as_slice()])
        .await?;
    Ok(rows.iter().any(|row| row.get(1)))
}

/// Members and accounts of those who have none. Two transactions that meet the same new Discord account end with the
/// same member.
async fn open(tx: &Transaction<'_>, strangers: &[&Submission]) -> Result<(), StoreError> {
    let keys: Vec<UserId> = strangers.iter().map(|new| new.fresh_user).collect();
    let members: Vec<DiscordId> = strangers.iter().map(|new| new.member).collect();
    let tiers: Vec<&str> = strangers.iter().map(|new| &*new.default_tier).collect();
    let linked = tx
        .query(
            "-- members::open\n\
             WITH fresh AS (
                 SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[]) AS f (user_id, discord_id, tier)
             ), made AS (
                 INSERT INTO users (id)
                 SELECT user_id FROM fresh f
                 WHERE NOT EXISTS (SELECT FROM discord_users d WHERE d.discord_id = f.discord_id)
                 ON CONFLICT DO NOTHING
             ), linked AS (
                 INSERT INTO discord_users AS d (user_id, discord_id)
                 SELECT user_id, discord_id FROM fresh ORDER BY discord_id
                 ON CONFLICT (discord_id) DO UPDATE SET discord_id = d.discord_id
                 RETURNING discord_id, user_id
             ), opened AS (
                 INSERT INTO accounts (user_id, tier)
                 SELECT l.user_id, f.tier FROM linked l JOIN fresh f ON f.discord_id = l.discord_id ORDER BY l.user_id
                 ON CONFLICT DO NOTHING
             )
             SELECT discord_id, user_id FROM linked",
            &[/* ids */ &keys, /* discord ids */ &members, /* tiers */ &tiers],
        )
        .await?;
    let users: HashMap<DiscordId, UserId> =
        linked.iter().map(|row| (row.get(0), row.get(1))).collect();
    let pairs = members.iter().zip(&keys);
    let orphans: Vec<UserId> = pairs
        .filter(|(member, key)| users.get(member) != Some(key))
        .map(|(_, key)| *key)
        .collect();
    if !orphans.is_empty() {
        // Another transaction was faster: the rows of this one would belong to nobody.
        tx.execute(
            "-- members::open (orphans)\nDELETE FROM users WHERE id = ANY ($1)",
            &[/* ids */ &orphans],
        )
        .await?;
    }
    Ok(())
}
