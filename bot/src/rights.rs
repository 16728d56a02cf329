//! Whether somebody may manage the messages of others in a channel, from what Discord tells of guild and channel.
//!
//! A reaction says which roles its author has and not what he may do; an interaction says that itself.
//! <https://discord.com/developers/docs/topics/permissions#permission-overwrites>.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use easel_domain::{DiscordId, GuildKey};
use time::OffsetDateTime;

use crate::reaction::Reaction;
use crate::rest::{ApiGuild, ApiPlace, Rest, RestError};

const ADMINISTRATOR: u64 = 1 << 3;
const VIEW_CHANNEL: u64 = 1 << 10;
const MANAGE_MESSAGES: u64 = 1 << 13;
/// What was looked up counts for so long: a moderator may be one for half a minute too long.
const FRESH: Duration = Duration::from_secs(30);
/// Guilds, and channels, that are remembered.
const KEPT: usize = 512;

/// Looks rights up, and remembers for a moment what they follow from. Clones share everything.
#[derive(Clone)]
pub struct Rights {
    rest: Rest,
    guilds: Arc<Kept<GuildKey, ApiGuild>>,
    places: Arc<Kept<DiscordId, ApiPlace>>,
}

impl std::fmt::Debug for Rights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rights").finish_non_exhaustive()
    }
}

impl Rights {
    /// Nothing is known yet.
    pub fn new(rest: Rest) -> Self {
        Self {
            rest,
            guilds: Arc::default(),
            places: Arc::default(),
        }
    }

    /// Whether the author of a reaction may manage the messages of others where it was set. Nobody does in direct
    /// messages.
    ///
    /// # Errors
    ///
    /// Discord does not tell.
    pub async fn moderates(
        &self,
        reaction: &Reaction,
        now: OffsetDateTime,
    ) -> Result<bool, RestError> {
        let Some(guild) = reaction.guild else {
            return Ok(false);
        };
        let about = match recall(&self.guilds, &guild) {
            Some(about) => about,
            None => keep(&self.guilds, guild, self.rest.guild(guild).await?),
        };
        let mut place = self.place(reaction.channel).await?;
        if let Some(parent) = place.parent_id.filter(|_| place.is_thread()) {
            // What holds in a thread is written at its channel.
            place = self.place(parent).await?;
        }
        Ok(may_manage_messages(
            &about,
            &place,
            guild,
            reaction.member,
            &reaction.roles,
            reaction.silenced_until.is_some_and(|until| until > now),
        ))
    }

    async fn place(&self, channel: DiscordId) -> Result<Arc<ApiPlace>, RestError> {
        match recall(&self.places, &channel) {
            Some(place) => Ok(place),
            None => Ok(keep(
                &self.places,
                channel,
                self.rest.channel(channel).await?,
            )),
        }
    }
}

type Kept<K, V> = Mutex<HashMap<K, (Instant, Arc<V>)>>;

fn recall<K: Hash + Eq, V>(kept: &Kept<K, V>, key: &K) -> Option<Arc<V>> {
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let (at, value) = kept.get(key)?;
    (at.elapsed() < FRESH).then(|| Arc::clone(value))
}

fn keep<K: Hash + Eq, V>(kept: &Kept<K, V>, key: K, value: V) -> Arc<V> {
    let value = Arc::new(value);
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= KEPT {
        kept.retain(|_, (at, _)| at.elapsed() < FRESH);
    }
    if kept.len() < KEPT {
        kept.insert(key, (Instant::now(), Arc::clone(&value)));
    }
    value
}

fn may_manage_messages(
    guild: &ApiGuild,
    place: &ApiPlace,
    id: GuildKey,
    member: DiscordId,
    roles: &[DiscordId],
    is_silenced: bool,
) -> bool {
    if guild.owner_id == member {
        return true;
    }
    // The role of everybody has the guild's own id.
    let everybody = DiscordId(id.0);
    let has = |role: DiscordId| role == everybody || roles.contains(&role);
    let base = guild
        .roles
        .iter()
        .filter(|role| has(role.id))
        .fold(0, |sum, role| sum | role.permissions);
    if base & ADMINISTRATOR != 0 {
        return true;
    }
    let mut held = base;
    let own = |kind: u8, of: &dyn Fn(DiscordId) -> bool| {
        let fitting = place.permission_overwrites.iter();
        fitting
            .filter(|o| o.kind == kind && of(o.id))
            .fold((0, 0), |(deny, allow), o| (deny | o.deny, allow | o.allow))
    };
    for (deny, allow) in [
        own(0, &|role| role == everybody),
        own(0, &|role| role != everybody && roles.contains(&role)),
        own(1, &|one| one == member),
    ] {
        held = (held & !deny) | allow;
    }
    let wanted = VIEW_CHANNEL | MANAGE_MESSAGES;
    held & wanted == wanted && !is_silenced
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const MEMBER: DiscordId = DiscordId(7);
    const MODERATOR: i64 = 20;

    fn guild(everyone: u64, moderator: u64) -> ApiGuild {
        let role = |id: i64, permissions: u64| json!({"id": id.to_string(), "permissions": permissions.to_string()});
        let roles = [role(2, everyone), role(MODERATOR, moderator)];
        serde_json::from_value(json!({"owner_id": "9", "roles": roles})).unwrap()
    }

    fn may(guild: &ApiGuild, overwrites: &Value, roles: &[i64]) -> bool {
        let place = json!({"id": "3", "type": 0, "permission_overwrites": overwrites});
        let place: ApiPlace = serde_json::from_value(place).unwrap();
        let roles: Vec<DiscordId> = roles.iter().copied().map(DiscordId).collect();
        may_manage_messages(guild, &place, GuildKey(2), MEMBER, &roles, false)
    }

    fn overwrite(id: i64, kind: u8, allow: u64, deny: u64) -> Value {
        json!([{"id": id.to_string(), "type": kind, "allow": allow.to_string(), "deny": deny.to_string()}])
    }

    #[test]
    fn a_right_comes_from_a_role_the_guild_or_the_channel() {
        let moderated = guild(VIEW_CHANNEL, MANAGE_MESSAGES);
        assert!(may(&moderated, &json!([]), &[MODERATOR]));
        assert!(!may(&moderated, &json!([]), &[]), "an ordinary member");
        let own = overwrite(MEMBER.0, 1, MANAGE_MESSAGES, 0);
        assert!(may(&moderated, &own, &[]), "allowed by name");
        let taken = overwrite(MODERATOR, 0, 0, MANAGE_MESSAGES);
        assert!(!may(&moderated, &taken, &[MODERATOR]));
        let hidden = overwrite(2, 0, 0, VIEW_CHANNEL);
        assert!(!may(&moderated, &hidden, &[MODERATOR]), "not to be seen");
        assert!(may(&guild(0, ADMINISTRATOR), &hidden, &[MODERATOR]));
    }

    #[test]
    fn the_owner_may_and_who_is_silenced_may_not() {
        let moderated = guild(VIEW_CHANNEL | MANAGE_MESSAGES, 0);
        let place = json!({"id": "3", "type": 0});
        let place: ApiPlace = serde_json::from_value(place).unwrap();
        let ask = |member, silenced| {
            may_manage_messages(&moderated, &place, GuildKey(2), member, &[], silenced)
        };
        assert!(ask(MEMBER, false));
        assert!(!ask(MEMBER, true));
        assert!(ask(DiscordId(9), true));
    }

    #[test]
    fn what_was_looked_up_is_bounded() {
        let kept = Kept::default();
        for key in 0..KEPT * 2 {
            keep(&kept, key, ());
        }
        assert_eq!(kept.lock().unwrap().len(), KEPT);
        assert!(recall(&kept, &0).is_some() && recall(&kept, &KEPT).is_none());
    }
}
