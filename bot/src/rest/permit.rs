//! Turns that are taken before a call is made: the budgeter picks only edits that may go out at once.

use std::time::Instant;

use easel_domain::DiscordId;
use secrecy::{ExposeSecret, SecretString};

use super::bucket::{Ask, Turn, Urgency};
use super::call::Major;
use super::client::Rest;

/// A kind of call, and the resource whose limit it falls under.
#[derive(Clone)]
pub struct Way {
    pub(super) route: &'static str,
    pub(super) major: Major,
    pub(super) as_bot: bool,
}

/// The resource may be a token.
impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Way")
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

impl Way {
    /// Of [`Rest::edit_original`].
    pub fn edit_original(token: &SecretString) -> Self {
        Self {
            route: "edit_original",
            major: Major::Token(token.expose_secret().to_owned()),
            as_bot: false,
        }
    }

    /// Of [`Rest::edit_message`].
    pub fn edit_message(channel: DiscordId) -> Self {
        Self {
            route: "edit_message",
            major: Major::Channel(channel.to_string()),
            as_bot: true,
        }
    }

    /// Of [`Rest::create_message`].
    pub fn create_message(channel: DiscordId) -> Self {
        Self {
            route: "create_message",
            ..Self::edit_message(channel)
        }
    }

    pub(super) fn ask(&self, urgency: Urgency) -> Ask<'_> {
        Ask {
            route: self.route,
            major: self.major.key(),
            counts_globally: self.as_bot,
            urgency,
        }
    }
}

/// A turn that was taken for a call. Dropped without one, it is given back.
#[derive(Debug)]
pub struct Permit {
    rest: Rest,
    way: Way,
    spent: bool,
}

impl Permit {
    /// The call is made: its answer hands the turn in.
    pub(super) fn spend(mut self) {
        self.spent = true;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.spent {
            self.rest
                .limits()
                .buckets
                .give_back(&self.way.ask(Urgency::Must));
        }
    }
}

impl Rest {
    /// Takes a turn for a call.
    ///
    /// # Errors
    ///
    /// There is none: how long not.
    pub fn turn(&self, way: Way, urgency: Urgency) -> Result<Permit, Turn> {
        let now = Instant::now();
        let mut limits = self.limits();
        if let Some(pause) = limits.refusals.pause(now) {
            return Err(Turn::WaitAll(pause));
        }
        match limits.buckets.turn(&way.ask(urgency), now) {
            Turn::Now => {
                drop(limits);
                Ok(Permit {
                    rest: self.clone(),
                    way,
                    spent: false,
                })
            }
            wait => Err(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use easel_domain::clock::SeededEntropy;

    use super::*;
    use crate::rest::{MessagePayload, RestError, RestSettings};

    const MESSAGE: DiscordId = DiscordId(1);

    #[tokio::test]
    async fn what_reactions_ask_for_leaves_room_for_what_must_be_shown() {
        // Nobody listens there: a request that goes out fails in another way than one that gets no turn.
        let nowhere = "http://127.0.0.1:9".parse().unwrap();
        let settings = RestSettings {
            call_timeout: Duration::from_millis(200),
            per_second: 8,
            ..RestSettings::default()
        };
        let entropy = Arc::new(SeededEntropy::new(1));
        let rest = Rest::new(&nowhere, SecretString::from("t"), settings, entropy).unwrap();
        let taken = [10, 11, 12, 13, 14, 15].map(|channel| {
            let way = Way::edit_message(DiscordId(channel));
            rest.turn(way, Urgency::Must).unwrap()
        });
        let looked = rest.message(DiscordId(20), MESSAGE).await;
        assert!(
            matches!(looked, Err(RestError::Limited { .. })),
            "{looked:?}"
        );
        let reacted = rest.react(DiscordId(21), MESSAGE, "✉️").await;
        assert!(
            matches!(reacted, Err(RestError::Limited { .. })),
            "{reacted:?}"
        );
        let payload = MessagePayload::text("a boat");
        let shown = rest.edit_message(DiscordId(22), MESSAGE, &payload, None);
        let shown = shown.await;
        assert!(
            matches!(shown, Err(RestError::Unavailable { .. })),
            "{shown:?}"
        );
        drop(taken);
    }
}
