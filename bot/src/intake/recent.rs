//! Interactions and clicks of the last moments: Discord may dispatch one several times, and fingers press twice.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use easel_domain::{DiscordId, InteractionId};

const INTERACTIONS: usize = 10_000;
const CLICKS: usize = 4_096;

/// Shared by all handlers.
#[derive(Clone, Default)]
pub(super) struct Recent {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    order: VecDeque<InteractionId>,
    seen: HashSet<InteractionId>,
    clicks: HashMap<(DiscordId, String), Instant>,
}

impl Recent {
    /// Whether this interaction was not seen before.
    pub(super) fn is_new(&self, interaction: InteractionId) -> bool {
        let mut inner = self.lock();
        if !inner.seen.insert(interaction) {
            return false;
        }
        inner.order.push_back(interaction);
        if inner.order.len() > INTERACTIONS
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.seen.remove(&oldest);
        }
        true
    }

    /// Whether the member pressed this button last longer than `within` ago. Counts as pressed from now on if so.
    pub(super) fn is_first_press(
        &self,
        member: DiscordId,
        custom_id: &str,
        within: Duration,
        now: Instant,
    ) -> bool {
        let mut inner = self.lock();
        if inner.clicks.len() >= CLICKS {
            inner
                .clicks
                .retain(|_, at| now.saturating_duration_since(*at) < within);
        }
        let key = (member, custom_id.to_owned());
        let fresh = inner
            .clicks
            .get(&key)
            .is_none_or(|at| now.saturating_duration_since(*at) >= within);
        if fresh && inner.clicks.len() < CLICKS {
            inner.clicks.insert(key, now);
        }
        fresh
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interaction_is_new_once() {
        let recent = Recent::default();
        assert!(recent.is_new(InteractionId(1)));
        assert!(!recent.is_new(InteractionId(1)));
    }

    #[test]
    fn a_double_click_is_one_press_and_a_later_one_is_another() {
        let (recent, now, within) = (Recent::default(), Instant::now(), Duration::from_secs(3));
        assert!(recent.is_first_press(DiscordId(1), "v1", within, now));
        assert!(!recent.is_first_press(DiscordId(1), "v1", within, now + Duration::from_secs(2)));
        assert!(recent.is_first_press(DiscordId(2), "v1", within, now));
        assert!(recent.is_first_press(DiscordId(1), "v1", within, now + Duration::from_secs(3)));
    }
}
