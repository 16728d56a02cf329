//! Which job goes to which node: a pure state machine, and a simulator that drives it in virtual time.
//!
//! Nothing here reads a clock, draws ambient randomness or does I/O: [`Policy::apply`] turns a state and an event at a
//! given moment into the next state and a list of actions. The live dispatcher performs the actions on rows and nodes,
//! the [`simulation`] on a fleet that exists as numbers; both drive the same [`Easel`].
//!
//! - [`waiting`]: the jobs that wait, in an order that is fair between classes, guilds and members.
//! - [`fleet`]: the nodes, indexed by what they have loaded and what they are doing.
//! - [`speed`]: how long things take, learnt from what was measured.
//! - [`easel`]: the policy. [`baseline`]: four others to compare it with.
//! - [`scaling`]: how many nodes there should be, now and by the time that they are ready.
//! - [`scenario`], [`simulation`]: fleets, tiers, arrivals and faults as a file, and what becomes of them.

pub mod baseline;
mod decaying;
pub mod easel;
pub mod event;
pub mod fleet;
pub mod job;
pub mod moment;
pub mod scaling;
pub mod scenario;
pub mod simulation;
pub mod speed;
pub mod tier;
pub mod waiting;

pub use easel::Easel;
pub use event::{Action, Event, Outcome, Policy, ShedReason};
pub use job::{BatchKey, ClassKey, GuildIx, Job, ModelKey, NodeKey, Shape, TierKey, UserIx};
pub use moment::Moment;
pub use tier::TierRule;
