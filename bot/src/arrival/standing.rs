//! What the bot may do where an interaction came from.

use poise::serenity_prelude as serenity;

/// What the bot may do where an interaction came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is there itself.
    Member,
    /// It came along with a member who has installed it for himself: nothing but the interaction's token reaches the place.
    Guest {
        /// Whether the server lets such answers be seen by nobody but the member.
        whispers: bool,
    },
}

impl Standing {
    /// Whether only the interaction's token reaches the place.
    pub fn is_guest(self) -> bool {
        matches!(self, Self::Guest { .. })
    }

    /// What the library tells of commands and buttons.
    pub(super) fn of(
        owners: &serenity::AuthorizingIntegrationOwners,
        context: Option<serenity::InteractionContext>,
        permissions: Option<serenity::Permissions>,
    ) -> Self {
        let here = |owner: &serenity::AuthorizingIntegrationOwner| {
            matches!(
                owner,
                serenity::AuthorizingIntegrationOwner::GuildInstall(_)
            )
        };
        // The bot has direct messages with everyone who has installed it, whoever's installation that is.
        if context == Some(serenity::InteractionContext::BotDm)
            || owners.0.is_empty()
            || owners.0.iter().any(here)
        {
            return Self::Member;
        }
        let external = serenity::Permissions::USE_EXTERNAL_APPS;
        Self::Guest {
            whispers: permissions.is_some_and(|held| !held.contains(external)),
        }
    }
}

/// At the end of what a form carries where the bot is a guest: the library leaves out where a form comes from.
const GUEST: &str = "~g";
/// The same where answers are whispered.
const WHISPERS: &str = "~w";

/// What a form carries, with the standing of the click that opened it.
pub fn form_id(custom_id: &str, standing: Standing) -> String {
    let mark = match standing {
        Standing::Member => "",
        Standing::Guest { whispers: false } => GUEST,
        Standing::Guest { whispers: true } => WHISPERS,
    };
    format!("{custom_id}{mark}")
}

/// What a form carries, and the standing that is written there.
pub(super) fn read_form_id(custom_id: &str) -> (&str, Standing) {
    for (mark, whispers) in [(GUEST, false), (WHISPERS, true)] {
        if let Some(own) = custom_id.strip_suffix(mark) {
            return (own, Standing::Guest { whispers });
        }
    }
    (custom_id, Standing::Member)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_brings_the_standing_of_its_click_back() {
        for standing in [
            Standing::Member,
            Standing::Guest { whispers: false },
            Standing::Guest { whispers: true },
        ] {
            let id = form_id("v1:remix:x:0", standing);
            assert_eq!(read_form_id(&id), ("v1:remix:x:0", standing));
        }
    }

    #[test]
    fn the_bot_is_a_guest_where_nobody_but_the_member_has_installed_it() {
        use super::serenity::AuthorizingIntegrationOwner::{GuildInstall, UserInstall};
        use super::serenity::InteractionContext::{BotDm, Guild, PrivateChannel};
        let mine = || UserInstall(serenity::UserId::new(7));
        let of = |owners: Vec<_>, context, permissions| {
            let owners = serenity::AuthorizingIntegrationOwners(owners);
            Standing::of(&owners, Some(context), permissions)
        };
        let all = Some(serenity::Permissions::all());
        let none = Some(serenity::Permissions::empty());
        let guild = GuildInstall(Some(serenity::GuildId::new(5)));
        assert_eq!(of(vec![guild.clone()], Guild, none), Standing::Member);
        assert_eq!(of(vec![guild, mine()], Guild, none), Standing::Member);
        assert_eq!(of(vec![mine()], BotDm, None), Standing::Member);
        assert_eq!(of(vec![], Guild, all), Standing::Member, "nothing was told");
        let guest = |whispers| Standing::Guest { whispers };
        assert_eq!(of(vec![mine()], Guild, all), guest(false));
        assert_eq!(of(vec![mine()], Guild, none), guest(true));
        assert_eq!(of(vec![mine()], PrivateChannel, None), guest(false));
    }
}
