//! What kind of request a path is: its template and the parameter that its limits are counted by.

/// Kinds of routes with limits of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The first answer to an interaction: outside all limits.
    Callback,
    /// With an interaction's token.
    Token,
    /// Creating, editing or deleting messages in a channel.
    ChannelWrite,
    /// Adding or removing reactions.
    Reaction,
    /// All others.
    Other,
}

/// A request's route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Method and path with names in place of ids.
    pub(crate) template: String,
    /// The channel, guild, or webhook and token that the limits are counted by.
    pub(crate) major: String,
    pub(crate) class: Class,
}

impl Route {
    /// The route of a path under `/api/v10`, given by its segments.
    pub(crate) fn of(method: &str, segments: &[&str]) -> Self {
        let class = match segments {
            ["interactions", ..] => Class::Callback,
            ["webhooks", ..] => Class::Token,
            ["channels", _, "messages", _, "reactions", ..] => Class::Reaction,
            ["channels", _, "messages", ..] if method != "GET" => Class::ChannelWrite,
            _ => Class::Other,
        };
        let major = match segments {
            ["webhooks", id, token, ..] => format!("{id}/{token}"),
            ["channels" | "guilds", id, ..] => (*id).to_owned(),
            _ => String::new(),
        };
        let named: Vec<String> = segments
            .iter()
            .enumerate()
            .map(|(at, segment)| name_of(segments, at, segment))
            .collect();
        Self {
            template: format!("{method} /{}", named.join("/")),
            major,
            class,
        }
    }

    /// Whether the route belongs to interactions: no bot token is needed and the global limit does not count it.
    pub(crate) fn is_interaction(&self) -> bool {
        matches!(self.class, Class::Callback | Class::Token)
    }
}

fn name_of(segments: &[&str], at: usize, segment: &str) -> String {
    let former = at.checked_sub(1).map_or("", |before| segments[before]);
    let is_id = segment.len() > 4 && segment.bytes().all(|byte| byte.is_ascii_digit());
    match former {
        "reactions" => "{emoji}".to_owned(),
        "channels" | "guilds" | "users" | "members" | "applications" | "webhooks"
        | "interactions" | "messages" | "commands"
            if is_id =>
        {
            format!("{{{}}}", former.trim_end_matches('s'))
        }
        _ if at == 2 && matches!(segments[0], "webhooks" | "interactions") => "{token}".to_owned(),
        _ if is_id => "{id}".to_owned(),
        _ => segment.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_tokens_are_named() {
        let route = Route::of(
            "PATCH",
            &["webhooks", "123456", "secret", "messages", "@original"],
        );
        assert_eq!(
            route.template,
            "PATCH /webhooks/{webhook}/{token}/messages/@original"
        );
        assert_eq!(route.major, "123456/secret");
        let route = Route::of(
            "PUT",
            &[
                "channels",
                "123456",
                "messages",
                "654321",
                "reactions",
                "✉️",
                "@me",
            ],
        );
        assert_eq!(
            route.template,
            "PUT /channels/{channel}/messages/{message}/reactions/{emoji}/@me"
        );
        assert_eq!(route.class, Class::Reaction);
    }
}
