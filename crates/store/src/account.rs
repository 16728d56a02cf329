//! Accounts: the row that is locked while limits are checked and credits are reserved.

use std::time::Duration;

use easel_domain::UserId;
use easel_domain::admission::Promise;
use easel_domain::ledger::Credits;
use easel_domain::tier::{ServiceClass, Tier};
use tokio_postgres::Row;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::member::preferred;

/// A locked account. Only [`lock_account`] makes one, so whoever holds it decides alone.
#[derive(Debug)]
pub struct LockedAccount {
    /// Whose.
    pub user: UserId,
    /// His tier, as admins have set it now.
    pub tier: Tier,
    /// Credits left after reservations.
    pub balance: Credits,
    /// What it promises.
    pub promise: Promise,
    /// The lane of jobs that name none, if the member has chosen one.
    pub speed: Option<ServiceClass>,
}

/// Locks the member's account until the transaction ends; a new member gets one of `default_tier`.
pub async fn lock_account(
    tx: &Transaction<'_>,
    user: UserId,
    default_tier: &str,
) -> Result<LockedAccount, StoreError> {
    tx.execute(
        "-- account::lock_account (open)\n\
         INSERT INTO accounts (user_id, tier) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        &[/* user */ &user, /* tier */ &default_tier],
    )
    .await?;
    let row = tx
        .query_one(
            "-- account::lock_account\n\
             SELECT a.balance, t.name, t.service_class, t.weight, t.running_limit, t.waiting_limit,
                    t.permutation_limit, t.aging_s, t.shed_after_s, t.retention_s, t.promise_s, t.promise_factor,
                    s.speed
             FROM accounts a JOIN tiers t ON t.name = a.tier LEFT JOIN member_settings s ON s.user_id = a.user_id
             WHERE a.user_id = $1 FOR UPDATE OF a",
            &[/* user */ &user],
        )
        .await?;
    Ok(LockedAccount {
        user,
        tier: tier(&row)?,
        promise: promise(&row),
        balance: Credits(row.get("balance")),
        speed: preferred(&row)?,
    })
}

/// Jobs of the member that have not ended.
pub async fn unfinished_jobs(
    tx: &Transaction<'_>,
    account: &LockedAccount,
) -> Result<u32, StoreError> {
    let row = tx
        .query_one(
            "-- account::unfinished_jobs\n\
             SELECT count(*) FROM jobs WHERE user_id = $1 AND ended_at IS NULL",
            &[/* user */ &account.user],
        )
        .await?;
    Ok(u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX))
}

/// What a tier promises, from a row with the columns of `tiers`.
pub(crate) fn promise(row: &Row) -> Promise {
    Promise {
        within_s: row.get::<_, Option<i32>>("promise_s").map(f64::from),
        factor: row.get::<_, Option<f32>>("promise_factor").map(f64::from),
    }
}

/// A tier from a row with the columns of `tiers`.
pub(crate) fn tier(row: &Row) -> Result<Tier, StoreError> {
    let class: &str = row.get("service_class");
    let service_class = ServiceClass::from_name(class).ok_or_else(|| StoreError::Corrupt {
        what: "service class",
        value: class.to_owned(),
    })?;
    let number = |name: &str| u32::try_from(row.get::<_, i32>(name)).unwrap_or(0);
    let seconds = |name: &str| {
        row.get::<_, Option<i32>>(name)
            .and_then(|s| u64::try_from(s).ok())
            .map(Duration::from_secs)
    };
    Ok(Tier {
        name: row.get("name"),
        service_class,
        weight: number("weight"),
        running_limit: number("running_limit"),
        waiting_limit: number("waiting_limit"),
        permutation_limit: number("permutation_limit"),
        aging: seconds("aging_s").unwrap_or_default(),
        shed_after: seconds("shed_after_s"),
        retention: seconds("retention_s"),
    })
}
