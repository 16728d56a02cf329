//! What can be asked instead of for pictures.

/// What a job that makes no picture asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// Which words of a prompt count.
    Words,
    /// What pictures show.
    Pictures,
}

impl Question {
    /// Every question.
    pub const ALL: [Self; 2] = [Self::Words, Self::Pictures];

    /// The question of a spec's stored kind, if it is one.
    pub fn of_kind(kind: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|question| question.kind() == kind)
    }

    /// The stored kind of its specs.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Words => "weigh",
            Self::Pictures => "describe",
        }
    }

    /// Put behind the hash of weights, it names the skill of answering with them, as if that were a model of its own: nodes
    /// that have the weights may lack it. No hash holds a space.
    pub fn skill(self) -> &'static str {
        match self {
            Self::Words => " words",
            Self::Pictures => " pictures",
        }
    }
}
