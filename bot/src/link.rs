//! Addresses that members open in their client.

use easel_store::submit::MessagePlace;
use url::Url;

/// Where Discord's client is on the web: the same origin as its API unless the operator says otherwise.
#[derive(Debug, Clone)]
pub struct WebLinks {
    origin: String,
}

impl WebLinks {
    /// Links under `origin`.
    pub fn new(origin: &Url) -> Self {
        Self {
            origin: origin.as_str().trim_end_matches('/').to_owned(),
        }
    }

    /// The address of a message, once its id is known.
    pub fn message(&self, place: &MessagePlace) -> Option<String> {
        let message = place.message?;
        let guild = place
            .guild
            .map_or_else(|| "@me".to_owned(), |guild| guild.to_string());
        Some(format!(
            "{}/channels/{guild}/{}/{message}",
            self.origin, place.channel
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::{DiscordId, GuildKey};

    #[test]
    fn a_message_is_linked_at_the_discord_that_the_bot_serves() {
        let links = WebLinks::new(&Url::parse("http://127.0.0.1:4000/").unwrap());
        let place = MessagePlace {
            guild: Some(GuildKey(1)),
            channel: DiscordId(2),
            message: Some(DiscordId(3)),
        };
        assert_eq!(
            links.message(&place).unwrap(),
            "http://127.0.0.1:4000/channels/1/2/3"
        );
        let direct = MessagePlace {
            guild: None,
            ..place
        };
        assert!(
            links
                .message(&direct)
                .unwrap()
                .ends_with("/channels/@me/2/3")
        );
        assert_eq!(
            links.message(&MessagePlace {
                message: None,
                ..place
            }),
            None
        );
    }
}
