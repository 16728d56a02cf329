//! Random failures, and what became of them.

use std::collections::BTreeMap;

use super::PlaygroundHandle;
use crate::world::{Chaos, World};

impl PlaygroundHandle {
    /// Lets requests and events go wrong at random, until [`PlaygroundHandle::heal`].
    pub fn begin_chaos(&self, chaos: Chaos) {
        self.shared.with(|world| world.begin_chaos(chaos));
    }

    /// Leaves the bot's connections open and deaf and dumb, as where the other end vanished.
    pub fn freeze_connections(&self) {
        self.shared.with(World::freeze_connections);
    }

    /// How often each kind of request was answered with 429: (template, scope) and the count.
    pub fn limited(&self) -> BTreeMap<(String, String), u64> {
        self.shared.read(|world| world.limited.clone())
    }

    /// Answers of 401, 403 and 429 in the last ten minutes, as Discord counts them towards its ban.
    pub fn invalid_requests(&self) -> usize {
        self.shared.read(|world| world.limiter.invalid_requests())
    }
}
