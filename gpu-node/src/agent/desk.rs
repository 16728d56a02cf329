//! Which leases this node holds, and how their tasks are reached.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use easel_domain::RequestId;
use easel_domain::message::{LeaseRef, UploadGrant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The answer to a grant request.
#[derive(Debug, Clone)]
pub(crate) struct Granted {
    pub request: RequestId,
    pub uploads: Vec<UploadGrant>,
}

/// What the task of one lease watches.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The lease is not wanted any more, or lost: stop, report nothing.
    pub dropped: CancellationToken,
    /// The node must stop: report that the job goes back.
    pub hand_back: CancellationToken,
    /// The node is broken: report that the try failed, with this reason.
    pub broken: watch::Receiver<Option<String>>,
    /// The newest grants.
    pub granted: watch::Receiver<Option<Granted>>,
    /// The dispatcher has settled the lease.
    pub settled: watch::Receiver<bool>,
    /// Whether the job is held up.
    pub paused: watch::Receiver<bool>,
}

#[derive(Debug)]
struct Slot {
    dropped: CancellationToken,
    hand_back: CancellationToken,
    broken: watch::Sender<Option<String>>,
    granted: watch::Sender<Option<Granted>>,
    settled: watch::Sender<bool>,
    paused: watch::Sender<bool>,
}

/// The leases of this node.
#[derive(Debug)]
pub struct Desk {
    capacity: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    slots: HashMap<LeaseRef, Slot>,
}

impl Desk {
    /// A desk with room for this many leases and some more: the dispatcher counts, this is a bound.
    pub fn new(capacity: u32) -> Self {
        Self {
            capacity,
            state: Mutex::default(),
        }
    }

    /// Takes a lease, unless it is held already (the offer came twice) or there is no room at all.
    pub(crate) fn open(&self, lease: LeaseRef) -> Option<Ticket> {
        let mut state = self.lock();
        if state.slots.contains_key(&lease) || state.slots.len() >= self.capacity as usize * 2 {
            return None;
        }
        let (granted, granted_seen) = watch::channel(None);
        let (settled, settled_seen) = watch::channel(false);
        let (broken, broken_seen) = watch::channel(None);
        let (paused, paused_seen) = watch::channel(false);
        let slot = Slot {
            dropped: CancellationToken::new(),
            hand_back: CancellationToken::new(),
            broken,
            granted,
            settled,
            paused,
        };
        let ticket = Ticket {
            dropped: slot.dropped.clone(),
            hand_back: slot.hand_back.clone(),
            granted: granted_seen,
            settled: settled_seen,
            broken: broken_seen,
            paused: paused_seen,
        };
        if state.closed {
            // An offer that crossed the drain on its way goes straight back.
            ticket.hand_back.cancel();
        }
        state.slots.insert(lease, slot);
        Some(ticket)
    }

    /// Forgets a lease whose task has ended.
    pub(crate) fn leave(&self, lease: &LeaseRef) {
        self.lock().slots.remove(lease);
    }

    pub(crate) fn cancel(&self, lease: &LeaseRef) {
        if let Some(slot) = self.lock().slots.get(lease) {
            slot.dropped.cancel();
        }
    }

    pub(crate) fn settle(&self, lease: &LeaseRef, accepted: bool) {
        if let Some(slot) = self.lock().slots.get(lease) {
            if accepted {
                slot.settled.send_replace(true);
            } else {
                slot.dropped.cancel();
            }
        }
    }

    pub(crate) fn grant(&self, lease: &LeaseRef, request: RequestId, uploads: Vec<UploadGrant>) {
        if let Some(slot) = self.lock().slots.get(lease) {
            slot.granted
                .send_replace(Some(Granted { request, uploads }));
        }
    }

    pub(crate) fn pause(&self, lease: &LeaseRef, paused: bool) {
        if let Some(slot) = self.lock().slots.get(lease) {
            slot.paused.send_replace(paused);
        }
    }

    /// The leases that are held up.
    pub fn paused(&self) -> Vec<LeaseRef> {
        let state = self.lock();
        let paused = state.slots.iter().filter(|(_, slot)| *slot.paused.borrow());
        paused.map(|(lease, _)| *lease).collect()
    }

    /// The leases that the heartbeat renews.
    pub fn leases(&self) -> Vec<LeaseRef> {
        self.lock().slots.keys().copied().collect()
    }

    /// Takes no more work.
    pub fn close(&self) {
        self.lock().closed = true;
    }

    /// Whether it takes no more work.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Gives every held job back.
    pub fn hand_all_back(&self) {
        let mut state = self.lock();
        state.closed = true;
        for slot in state.slots.values() {
            slot.hand_back.cancel();
        }
    }

    /// Every held job's try has failed, for this reason.
    pub fn fail_all(&self, reason: &str) {
        let mut state = self.lock();
        state.closed = true;
        for slot in state.slots.values() {
            slot.broken.send_replace(Some(reason.to_owned()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::{JobId, LeaseToken};
    use uuid::Uuid;

    fn lease(number: u128) -> LeaseRef {
        LeaseRef {
            job_id: JobId(Uuid::from_u128(number)),
            attempt: 1,
            token: LeaseToken(Uuid::from_u128(number)),
        }
    }

    #[test]
    fn an_offer_that_comes_twice_is_rendered_once() {
        let desk = Desk::new(1);
        assert!(desk.open(lease(1)).is_some());
        assert!(desk.open(lease(1)).is_none());
        desk.leave(&lease(1));
        assert!(desk.leases().is_empty());
    }

    #[test]
    fn the_desk_is_bounded() {
        let desk = Desk::new(1);
        assert!(desk.open(lease(1)).is_some() && desk.open(lease(2)).is_some());
        assert!(desk.open(lease(3)).is_none());
    }

    #[test]
    fn a_lost_lease_is_dropped_and_an_accepted_one_settled() {
        let desk = Desk::new(2);
        let (first, second) = (desk.open(lease(1)).unwrap(), desk.open(lease(2)).unwrap());
        desk.settle(&lease(1), false);
        desk.settle(&lease(2), true);
        assert!(first.dropped.is_cancelled() && !*first.settled.borrow());
        assert!(!second.dropped.is_cancelled() && *second.settled.borrow());
    }

    #[test]
    fn an_offer_that_crosses_the_drain_goes_back() {
        let desk = Desk::new(1);
        desk.close();
        assert!(desk.open(lease(1)).unwrap().hand_back.is_cancelled());
    }
}
