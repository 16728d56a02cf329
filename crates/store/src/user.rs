//! Members: an internal key, and one erasable row that links it to Discord.

use easel_domain::{DiscordId, UserId};

use crate::cached::Transaction;
use crate::error::StoreError;
use crate::pool::Store;

/// The member behind a Discord account, made as `fresh` if the account is new.
///
/// Two transactions that meet the same new account end with the same key.
pub async fn resolve_user(
    tx: &Transaction<'_>,
    discord_id: DiscordId,
    fresh: UserId,
) -> Result<UserId, StoreError> {
    let find = "-- user::resolve_user (find)\n\
                SELECT user_id FROM discord_users WHERE discord_id = $1";
    if let Some(row) = tx.query_opt(find, &[/* discord id */ &discord_id]).await? {
        return Ok(row.get(0));
    }
    tx.execute(
        "-- user::resolve_user (user)\n\
         INSERT INTO users (id) VALUES ($1) ON CONFLICT DO NOTHING",
        &[/* id */ &fresh],
    )
    .await?;
    let linked = tx
        .query_one(
            "-- user::resolve_user (link)\n\
             INSERT INTO discord_users AS d (user_id, discord_id) VALUES ($1, $2)
             ON CONFLICT (discord_id) DO UPDATE SET discord_id = d.discord_id
             RETURNING user_id",
            &[/* user */ &fresh, /* discord id */ &discord_id],
        )
        .await?;
    let user: UserId = linked.get(0);
    if user != fresh {
        // Another transaction was faster: the row of this one would belong to nobody.
        tx.execute(
            "-- user::resolve_user (orphan)\nDELETE FROM users WHERE id = $1",
            &[/* id */ &fresh],
        )
        .await?;
    }
    Ok(user)
}

impl Store {
    /// The member behind a Discord account, if it was ever seen.
    pub async fn user_by_discord(
        &self,
        discord_id: DiscordId,
    ) -> Result<Option<UserId>, StoreError> {
        let row = self
            .connection()
            .await?
            .query_opt(
                "-- user::user_by_discord\n\
                 SELECT user_id FROM discord_users WHERE discord_id = $1",
                &[/* discord id */ &discord_id],
            )
            .await?;
        Ok(row.map(|row| row.get(0)))
    }
}
