//! What a member keeps for his prompts: names that stand for parameters, and parameters for every prompt.

use std::collections::BTreeMap;

use easel_domain::prompt::shorthand::MAX_NAMES;
use easel_domain::{DiscordId, UserId};
use time::OffsetDateTime;

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::pool::Store;
use crate::user::resolve_user;

/// All of it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Preferences {
    /// Parameters by name.
    pub options: BTreeMap<String, String>,
    /// Parameters for every prompt.
    pub suffix: Option<String>,
}

/// Parts of prompts are never logged.
impl std::fmt::Debug for Preferences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Preferences({} options)", self.options.len())
    }
}

/// What became of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionSet {
    /// It stands for these parameters now.
    Kept,
    /// It stands for nothing any more.
    Removed,
    /// It stood for nothing before either.
    NotThere,
    /// [`MAX_NAMES`] are kept already.
    Full,
}

impl Store {
    /// What a member keeps; nothing for one who was never seen.
    pub async fn preferences(&self, member: DiscordId) -> Result<Preferences, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- preference::preferences\n\
                 SELECT o.name, o.value, s.suffix
                 FROM discord_users d
                 LEFT JOIN member_settings s ON s.user_id = d.user_id
                 LEFT JOIN member_options o ON o.user_id = d.user_id
                 WHERE d.discord_id = $1",
                &[/* member */ &member],
            )
            .await?;
        let mut kept = Preferences::default();
        for row in rows {
            kept.suffix = row.get(2);
            kept.options
                .extend(row.get::<_, Option<String>>(0).zip(row.get(1)));
        }
        Ok(kept)
    }

    /// What a member's name stands for from now on; nothing takes it away.
    pub async fn set_option(
        &self,
        member: DiscordId,
        fresh: UserId,
        name: &str,
        value: Option<&str>,
        at: OffsetDateTime,
    ) -> Result<OptionSet, StoreError> {
        let (name, value) = (name.to_owned(), value.map(str::to_owned));
        self.run("set_option", move |tx| {
            let (name, value) = (name.clone(), value.clone());
            Box::pin(async move {
                let user = resolve_user(tx, member, fresh).await?;
                match value {
                    None => remove_option(tx, user, &name).await,
                    Some(value) => keep_option(tx, user, &name, &value, at).await,
                }
            })
        })
        .await
    }

    /// The parameters that are put behind every prompt of a member from now on.
    pub async fn set_suffix(
        &self,
        member: DiscordId,
        fresh: UserId,
        suffix: Option<&str>,
    ) -> Result<(), StoreError> {
        let suffix = suffix.map(str::to_owned);
        self.run("set_suffix", move |tx| {
            let suffix = suffix.clone();
            Box::pin(async move {
                let user = resolve_user(tx, member, fresh).await?;
                tx.execute(
                    "-- preference::set_suffix\n\
                     INSERT INTO member_settings (user_id, suffix) VALUES ($1, $2)
                     ON CONFLICT (user_id) DO UPDATE SET suffix = excluded.suffix",
                    &[/* user */ &user, /* suffix */ &suffix],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }
}

async fn remove_option(
    tx: &Transaction<'_>,
    user: UserId,
    name: &str,
) -> Result<OptionSet, StoreError> {
    let removed = tx
        .execute(
            "-- preference::remove_option\nDELETE FROM member_options WHERE user_id = $1 AND name = $2",
            &[/* user */ &user, /* name */ &name],
        )
        .await?;
    Ok(if removed == 0 {
        OptionSet::NotThere
    } else {
        OptionSet::Removed
    })
}

async fn keep_option(
    tx: &Transaction<'_>,
    user: UserId,
    name: &str,
    value: &str,
    at: OffsetDateTime,
) -> Result<OptionSet, StoreError> {
    tx.query_one(
        "-- preference::keep_option (order)\nSELECT id FROM users WHERE id = $1 FOR UPDATE",
        &[/* user */ &user],
    )
    .await?;
    let others: i64 = tx
        .query_one(
            "-- preference::keep_option (count)\n\
             SELECT count(*) FROM member_options WHERE user_id = $1 AND name <> $2",
            &[/* user */ &user, /* name */ &name],
        )
        .await?
        .get(0);
    if others >= i64::try_from(MAX_NAMES).unwrap_or(i64::MAX) {
        return Ok(OptionSet::Full);
    }
    tx.execute(
        "-- preference::keep_option\n\
         INSERT INTO member_options (user_id, name, value, at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, name) DO UPDATE SET value = excluded.value, at = excluded.at",
        &[
            /* user */ &user, /* name */ &name, /* value */ &value,
            /* at */ &at,
        ],
    )
    .await?;
    Ok(OptionSet::Kept)
}
