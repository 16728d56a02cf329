//! Which mentions in a message's text ring.

use super::World;
use super::message::Message;
use super::permissions;
use crate::snowflake::Snowflake;
use crate::validate::message::AllowedMentions;

impl World {
    /// Fills in the mentions of a message from its content and what its sender allowed.
    pub(crate) fn resolve_mentions(
        &self,
        message: &mut Message,
        allowed: Option<&AllowedMentions>,
    ) {
        // Without a word from the sender, interaction answers ring users only, channel posts everyone.
        let default = AllowedMentions {
            everyone: message.origin.is_none(),
            all_users: true,
            all_roles: message.origin.is_none(),
            ..AllowedMentions::default()
        };
        let allowed = allowed.unwrap_or(&default);
        let users = marked(&message.content, "<@", &['!']);
        let roles = marked(&message.content, "<@&", &[]);
        message.mentions = users
            .into_iter()
            .filter(|id| {
                self.users.contains_key(id) && (allowed.all_users || allowed.users.contains(id))
            })
            .collect();
        message.mention_roles = roles
            .into_iter()
            .filter(|id| allowed.all_roles || allowed.roles.contains(id))
            .collect();
        let says_everyone =
            message.content.contains("@everyone") || message.content.contains("@here");
        let may = self.channels.get(&message.channel).is_some_and(|channel| {
            self.permissions(message.author, channel) & permissions::MENTION_EVERYONE != 0
        });
        message.mentions_everyone = allowed.everyone && says_everyone && may;
    }
}

/// The ids in `<@id>` and the like, each once.
fn marked(text: &str, opening: &str, skipped: &[char]) -> Vec<Snowflake> {
    let mut found = Vec::new();
    for piece in text.split(opening).skip(1) {
        let id = piece
            .trim_start_matches(skipped)
            .split('>')
            .next()
            .and_then(|id| id.parse().ok());
        if let Some(id) = id
            && !found.contains(&id)
        {
            found.push(id);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_once_each() {
        assert_eq!(
            marked("hi <@12> <@!13> <@12> <@&14>", "<@", &['!']),
            [Snowflake(12), Snowflake(13)]
        );
        assert_eq!(marked("hi <@12> <@&14>", "<@&", &[]), [Snowflake(14)]);
    }
}
