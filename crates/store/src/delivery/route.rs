//! Which message of a job is kept up to date.

/// Which message of a job is the one that is kept up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// The answer to the interaction.
    Interaction,
    /// A new message in the same channel.
    Channel,
    /// A new message in the member's direct messages.
    Direct,
}

impl Route {
    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interaction => "interaction",
            Self::Channel => "channel",
            Self::Direct => "direct",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Interaction, Self::Channel, Self::Direct]
            .into_iter()
            .find(|route| route.as_str() == name)
    }
}
