//! What the policy knows of a job. Names are numbers here: their owner keeps the table.

use easel_domain::JobId;
use easel_domain::tier::ServiceClass;

use crate::moment::Moment;

/// A member, numbered by the owner of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserIx(pub u32);

/// A guild, numbered by the owner of the policy. Direct messages of a member count as a guild of his own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuildIx(pub u32);

/// Weights, numbered by the owner of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelKey(pub u32);

/// A tier: its place in the list of [`crate::TierRule`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TierKey(pub u16);

/// Nodes of one kind in one region: a place in the list of [`crate::fleet::ClassRule`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassKey(pub u16);

/// One start of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey(pub u128);

/// Width and height of the denoised picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Shape {
    /// Pixels of one picture.
    pub fn pixels(self) -> f64 {
        f64::from(self.width) * f64::from(self.height)
    }
}

/// Pictures with the same key can share one call of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchKey {
    /// The weights.
    pub model: ModelKey,
    /// The shape.
    pub shape: Shape,
}

/// A job that waits. About 120 bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Whose it is.
    pub user: UserIx,
    /// Where it was asked for.
    pub guild: GuildIx,
    /// Its tier.
    pub tier: TierKey,
    /// Its lane: the tier's, or a less urgent one that was asked for.
    pub lane: ServiceClass,
    /// Model and shape.
    pub key: BatchKey,
    /// Denoising steps.
    pub steps: u32,
    /// Pictures.
    pub pictures: u32,
    /// The region that it prefers, as a number of its owner's; `None` for any.
    pub region: Option<u16>,
    /// Only nodes of this class.
    pub only: Option<ClassKey>,
    /// When the member asked.
    pub submitted: Moment,
    /// Not to be started before.
    pub not_before: Moment,
    /// When it should be done, where somebody said so.
    pub deadline: Option<Moment>,
    /// Number of the next try.
    pub attempt: u32,
    /// Node starts that died of it, or with it.
    pub deaths: u32,
    /// The node start that failed the last try.
    pub avoid: Option<NodeKey>,
}
