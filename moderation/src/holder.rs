//! The lists in use, exchanged while running.

use std::sync::{Arc, PoisonError, RwLock};

/// Holds the policy in use. Whoever judges takes a snapshot and keeps it for the length of one judgement.
#[derive(Debug)]
pub struct PolicyHolder<P> {
    current: RwLock<Arc<P>>,
}

impl<P> PolicyHolder<P> {
    /// Starts with `policy`.
    pub fn new(policy: P) -> Self {
        Self {
            current: RwLock::new(Arc::new(policy)),
        }
    }

    /// The policy in use now.
    pub fn current(&self) -> Arc<P> {
        // Nothing can panic while the lock is held, and if it did, the pointer in it would still be whole.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts the result of `load` into use. If it fails, the last good policy stays and the error comes back.
    ///
    /// Loading happens before the lock is taken: nobody waits for files.
    pub fn reload<E>(&self, load: impl FnOnce() -> Result<P, E>) -> Result<(), E> {
        let fresh = Arc::new(load()?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_reload_keeps_the_last_good_policy() {
        let holder = PolicyHolder::new(1);
        let snapshot = holder.current();
        assert_eq!(holder.reload(|| Err("broken")), Err("broken"));
        assert_eq!(*holder.current(), 1);
        assert_eq!(holder.reload(|| Ok::<_, ()>(2)), Ok(()));
        assert_eq!((*snapshot, *holder.current()), (1, 2));
    }
}
