//! How fast requests may follow one another: data that admins edit, read by every bot.

use std::collections::HashMap;

use easel_domain::tier::RequestPace;
use easel_domain::{DiscordId, GuildKey};
use tokio_postgres::Row;

use crate::error::StoreError;
use crate::pool::Store;

/// Guilds with a row of their own that are read.
const GUILDS: i64 = 10_000;

/// What is allowed to whom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestLimits {
    /// A member of each tier, by its name.
    pub tiers: HashMap<String, RequestPace>,
    /// All members of one guild together; `None` for no limit.
    pub every_guild: Option<RequestPace>,
    /// Guilds for which another one holds.
    pub guilds: HashMap<GuildKey, RequestPace>,
}

impl Store {
    /// The limits as they are now.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn request_limits(&self) -> Result<RequestLimits, StoreError> {
        let connection = self.connection().await?;
        let tiers = connection
            .query(
                "-- limits::request_limits (tiers)\n\
                 SELECT name, request_burst, requests_per_minute FROM tiers",
                &[],
            )
            .await?;
        let guilds = connection
            .query(
                "-- limits::request_limits (guilds)\n\
                 SELECT guild_id, request_burst, requests_per_minute FROM guild_limits ORDER BY guild_id LIMIT $1",
                &[/* limit */ &GUILDS],
            )
            .await?;
        let mut guilds: HashMap<GuildKey, RequestPace> = guilds
            .iter()
            .map(|row| (row.get("guild_id"), pace(row)))
            .collect();
        Ok(RequestLimits {
            tiers: tiers
                .iter()
                .map(|row| (row.get("name"), pace(row)))
                .collect(),
            every_guild: guilds.remove(&GuildKey(0)),
            guilds,
        })
    }

    /// The tiers of those members who have one.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn tiers_of(
        &self,
        members: &[DiscordId],
    ) -> Result<Vec<(DiscordId, String)>, StoreError> {
        let rows = self
            .connection()
            .await?
            .query(
                "-- limits::tiers_of\n\
                 SELECT d.discord_id, a.tier FROM discord_users d JOIN accounts a ON a.user_id = d.user_id
                 WHERE d.discord_id = ANY ($1)",
                &[/* members */ &members],
            )
            .await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }
}

fn pace(row: &Row) -> RequestPace {
    let number = |column: &str| u32::try_from(row.get::<_, i32>(column)).unwrap_or(0);
    RequestPace::new(number("request_burst"), number("requests_per_minute"))
}
