//! A Discord on localhost, with a chat page, and the local S3 server.
//!
//! The stand-in speaks Discord's REST API and gateway closely enough that a client library cannot tell the difference,
//! keeps Discord's clocks and limits, and can be told to misbehave. Its whole state is one pure value (`world`) behind
//! one lock; `rest`, `gateway` and `page` are thin layers around it.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use easel_playground::{Playground, PlaygroundConfig};
//!
//! let world = Playground::start(PlaygroundConfig::default()).await?;
//! // … start a bot against `world.origin()` …
//! let imagine = world.user("ada").slash("imagine", [("prompt", "a red boat")]).await?;
//! assert_eq!(imagine.answer(), Some(5));
//! # Ok(()) }
//! ```

mod alone;
mod arguments;
mod config;
mod error;
mod gateway;
mod handle;
mod http;
mod page;
mod rest;
pub mod s3;
mod server;
mod snowflake;
mod storage;
mod validate;
mod world;

pub use alone::{Counted, LimitsAlone};
pub use arguments::{Arguments, until_signalled};
pub use config::{DEFAULT_TOKEN, PlaygroundConfig};
pub use error::ApiError;
pub use handle::{
    Button, Person, Playground, PlaygroundHandle, SeenAttachment, SeenMessage, StartedInteraction,
};
pub use rest::{FileRecord, RequestRecord};
pub use snowflake::Snowflake;
pub use world::{
    Chaos, DispatchFault, EventChance, Failure, GuildSeed, RateLimits, RouteChance, RouteFault,
    Rules, Seed, UserSeed,
};
