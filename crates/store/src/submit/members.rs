//! The members behind submissions: who they are, and their locked accounts.

use std::collections::{BTreeMap, HashMap};

use easel_domain::ledger::Credits;
use easel_domain::tier::{ServiceClass, Tier};
use easel_domain::{DiscordId, InteractionId, JobId, UserId};

use super::Submission;
use crate::account::tier;
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
}

/// Locks the accounts of all who submit, in one order, and reads what their limits are measured by.
pub(super) async fn lock(
    tx: &Transaction<'_>,
    submissions: &[Submission],
) -> Result<HashMap<DiscordId, Account>, StoreError> {
    let users = resolve(tx, submissions).await?;
    // Sorted by their keys, so that two submits do not wait for each other in a circle.
    let tiers: BTreeMap<UserId, &str> = submissions
        .iter()
        .filter_map(|new| Some((*users.get(&new.member)?, new.default_tier.as_str())))
        .collect();
    let (ids, names): (Vec<UserId>, Vec<&str>) = tiers.into_iter().unzip();
    let mut accounts = locked(tx, &ids).await?;
    if accounts.len() < ids.len() {
        tx.execute(
            "-- members::lock (open)\n\
             INSERT INTO accounts (user_id, tier)
             SELECT * FROM unnest($1::uuid[], $2::text[]) AS a (user_id, tier) ORDER BY user_id
             ON CONFLICT DO NOTHING",
            &[/* users */ &ids, /* tiers */ &names],
        )
        .await?;
        accounts = locked(tx, &ids).await?;
    }
    // Read after the locks are had: what others have just committed counts.
    let rows = tx
        .query(
            "-- members::lock (unfinished)\n\
             SELECT user_id, count(*) FROM jobs WHERE user_id = ANY ($1) AND ended_at IS NULL GROUP BY user_id",
            &[/* users */ &ids],
        )
        .await?;
    for row in rows {
        if let Some(account) = accounts.get_mut(&row.get(0)) {
            account.unfinished = u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX);
        }
    }
    Ok(users
        .into_iter()
        .filter_map(|(member, user)| Some((member, accounts.remove(&user)?)))
        .collect())
}

async fn locked(
    tx: &Transaction<'_>,
    users: &[UserId],
) -> Result<HashMap<UserId, Account>, StoreError> {
    let rows = tx
        .query(
            "-- members::locked\n\
             SELECT a.user_id, a.balance, t.name, t.service_class, t.weight, t.running_limit, t.waiting_limit,
                    t.permutation_limit, t.aging_s, t.shed_after_s, t.retention_s, s.speed
             FROM accounts a JOIN tiers t ON t.name = a.tier LEFT JOIN member_settings s ON s.user_id = a.user_id
             WHERE a.user_id = ANY ($1)
             ORDER BY a.user_id FOR UPDATE OF a",
            &[/* users */ &users],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let user: UserId = row.get("user_id");
            let account = Account {
                user,
                tier: tier(row)?,
                balance: Credits(row.get("balance")),
                speed: preferred(row)?,
                unfinished: 0,
            };
            Ok((user, account))
        })
        .collect()
}

/// The members behind Discord accounts, made where they are new. Two transactions that meet the same new account end
/// with the same key.
async fn resolve(
    tx: &Transaction<'_>,
    submissions: &[Submission],
) -> Result<HashMap<DiscordId, UserId>, StoreError> {
    let fresh: BTreeMap<DiscordId, UserId> = submissions
        .iter()
        .map(|new| (new.member, new.fresh_user))
        .collect();
    let members: Vec<DiscordId> = fresh.keys().copied().collect();
    let rows = tx
        .query(
            "-- members::resolve (find)\n\
             SELECT discord_id, user_id FROM discord_users WHERE discord_id = ANY ($1)",
            &[/* discord ids */ &members],
        )
        .await?;
    let mut users: HashMap<DiscordId, UserId> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let (members, keys): (Vec<DiscordId>, Vec<UserId>) = fresh
        .into_iter()
        .filter(|(member, _)| !users.contains_key(member))
        .unzip();
    if members.is_empty() {
        return Ok(users);
    }
    let linked = tx
        .query(
            "-- members::resolve (link)\n\
             WITH made AS (INSERT INTO users (id) SELECT * FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING)
             INSERT INTO discord_users AS d (user_id, discord_id)
             SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS n (user_id, discord_id) ORDER BY discord_id
             ON CONFLICT (discord_id) DO UPDATE SET discord_id = d.discord_id
             RETURNING discord_id, user_id",
            &[/* ids */ &keys, /* discord ids */ &members],
        )
        .await?;
    users.extend(
        linked
            .iter()
            .map(|row| (row.get::<_, DiscordId>(0), row.get(1))),
    );
    let pairs = members.iter().zip(&keys);
    let orphans: Vec<UserId> = pairs
        .filter(|(member, key)| users.get(member) != Some(key))
        .map(|(_, key)| *key)
        .collect();
    if !orphans.is_empty() {
        // Another transaction was faster: the rows of this one would belong to nobody.
        tx.execute(
            "-- members::resolve (orphans)\nDELETE FROM users WHERE id = ANY ($1)",
            &[/* ids */ &orphans],
        )
        .await?;
    }
    Ok(users)
}

/// The first job of each interaction that has one.
pub(super) async fn jobs_of(
    tx: &Transaction<'_>,
    submissions: &[Submission],
) -> Result<HashMap<InteractionId, JobId>, StoreError> {
    let interactions: Vec<InteractionId> = submissions.iter().map(|new| new.interaction).collect();
    let rows = tx
        .query(
            "-- members::jobs_of\n\
             SELECT interaction_id, id FROM jobs WHERE interaction_id = ANY ($1) ORDER BY ordinal DESC",
            &[/* interactions */ &interactions],
        )
        .await?;
    // Of several jobs of one interaction the first comes last.
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
