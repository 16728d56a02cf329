//! Which models are in memory, and which of them go when another is wanted.
//!
//! Knows no threads: it says what to load, and is told when that is done. One model is loaded at a time.

use std::time::Duration;

use easel_domain::message::Residency;

use super::EngineModel;

/// A model as its directory describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacts {
    /// The model's own name.
    pub id: String,
    /// Hash of its weights.
    pub hash: String,
    /// Memory that the weights will take, in bytes.
    pub bytes: u64,
    /// Whether it is never given up.
    pub pinned: bool,
}

/// A model in memory.
#[derive(Debug)]
pub struct Loaded<M> {
    /// The model.
    pub model: M,
    /// Memory that its weights take, in bytes.
    pub bytes: u64,
    /// How long the load took.
    pub took: Duration,
}

enum State<M> {
    Stored,
    Loading,
    Resident(M),
}

struct Entry<M> {
    facts: ModelFacts,
    state: State<M>,
    /// When it was last used, counted in uses.
    used: u64,
    /// It is to go: it takes no new jobs.
    closing: bool,
    load_time: Option<Duration>,
}

/// Where a model that somebody wants is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// In memory.
    Here,
    /// Its load is to begin now; the caller sees to that.
    Begin,
    /// Not yet: it is being loaded, or another one is, or what must go is still in use.
    Later,
    /// It never fits.
    Never(String),
}

/// The models of one device.
pub struct Shelf<M> {
    entries: Vec<Entry<M>>,
    room_bytes: u64,
    uses: u64,
}

impl<M> Shelf<M> {
    /// Models on disk, some of them in memory already, and room for so many bytes of weights.
    pub fn new(stock: Vec<(ModelFacts, Option<Loaded<M>>)>, room_bytes: u64) -> Self {
        let entry = |(mut facts, loaded): (ModelFacts, Option<Loaded<M>>)| {
            let load_time = loaded.as_ref().map(|loaded| loaded.took);
            let state = loaded.map_or(State::Stored, |loaded| {
                facts.bytes = loaded.bytes;
                State::Resident(loaded.model)
            });
            Entry {
                facts,
                state,
                used: 0,
                closing: false,
                load_time,
            }
        };
        Self {
            entries: stock.into_iter().map(entry).collect(),
            room_bytes,
            uses: 0,
        }
    }

    /// The place of a model.
    pub fn find(&self, hash: &str) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.facts.hash == hash)
    }

    /// A model that is in memory.
    pub fn get(&self, place: usize) -> Option<&M> {
        match &self.entries.get(place)?.state {
            State::Resident(model) => Some(model),
            State::Stored | State::Loading => None,
        }
    }

    /// The same, to work with: it counts as used.
    pub fn take_up(&mut self, place: usize) -> Option<&mut M> {
        self.uses += 1;
        let entry = self.entries.get_mut(place)?;
        entry.used = self.uses;
        match &mut entry.state {
            State::Resident(model) => Some(model),
            State::Stored | State::Loading => None,
        }
    }

    /// Bytes of weights in memory, or on their way there.
    pub fn used_bytes(&self) -> u64 {
        let there = |entry: &&Entry<M>| !matches!(entry.state, State::Stored);
        let there = self.entries.iter().filter(there);
        there.map(|entry| entry.facts.bytes).sum()
    }

    /// Whether new jobs may begin with it.
    pub fn is_open(&self, place: usize) -> bool {
        self.entries.get(place).is_some_and(|entry| !entry.closing)
    }

    fn is_resident(&self, place: usize) -> bool {
        self.get(place).is_some()
    }

    fn is_loading(&self) -> bool {
        let loading = |entry: &Entry<M>| matches!(entry.state, State::Loading);
        self.entries.iter().any(loading)
    }

    /// Models that may go, the longest unused first.
    fn unpinned(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.entries.len())
            .filter(|&place| self.is_resident(place) && !self.entries[place].facts.pinned)
            .collect();
        places.sort_by_key(|&place| self.entries[place].used);
        places
    }

    /// Somebody wants a model. `in_use` tells which ones jobs depend on; what must go for this one and is in use takes no
    /// new jobs from now on, so that its end comes.
    pub fn want(&mut self, place: usize, in_use: &dyn Fn(usize) -> bool) -> Want {
        let Some(entry) = self.entries.get(place) else {
            return Want::Never("this node does not have the model".to_owned());
        };
        match entry.state {
            State::Resident(_) if entry.closing => return Want::Later,
            State::Resident(_) => return Want::Here,
            State::Loading => return Want::Later,
            State::Stored if self.is_loading() => return Want::Later,
            State::Stored => {}
        }
        let bytes = entry.facts.bytes;
        let pinned = self.entries.iter().filter(|other| other.facts.pinned);
        let pinned: u64 = pinned.map(|other| other.facts.bytes).sum();
        let own = if entry.facts.pinned { 0 } else { bytes };
        if pinned + own > self.room_bytes {
            return Want::Never(format!(
                "its weights take {} MiB, and of {} MiB there are {} MiB pinned",
                mib(bytes),
                mib(self.room_bytes),
                mib(pinned)
            ));
        }
        let mut free = self.room_bytes.saturating_sub(self.used_bytes());
        let (mut going, mut blocked) = (Vec::new(), false);
        for other in self.unpinned() {
            if free >= bytes {
                break;
            }
            free += self.entries[other].facts.bytes;
            blocked |= in_use(other);
            going.push(other);
        }
        for &other in &going {
            if in_use(other) {
                self.entries[other].closing = true;
            } else {
                self.drop_model(other);
            }
        }
        if blocked {
            return Want::Later;
        }
        self.entries[place].state = State::Loading;
        Want::Begin
    }

    /// A load has ended, well or not.
    pub fn loaded(&mut self, place: usize, outcome: Option<Loaded<M>>) {
        self.uses += 1;
        let Some(entry) = self.entries.get_mut(place) else {
            return;
        };
        entry.used = self.uses;
        entry.state = match outcome {
            Some(loaded) => {
                entry.facts.bytes = loaded.bytes;
                entry.load_time = Some(loaded.took);
                State::Resident(loaded.model)
            }
            None => State::Stored,
        };
    }

    /// Gives a model up, now or when nobody uses it any more. Returns whether it has gone.
    pub fn unload(&mut self, place: usize, in_use: &dyn Fn(usize) -> bool) -> bool {
        if !self.is_resident(place) || self.entries[place].facts.pinned {
            return false;
        }
        if in_use(place) {
            self.entries[place].closing = true;
            return false;
        }
        self.drop_model(place);
        true
    }

    /// Lets go of what was to go and is not used any more.
    pub fn sweep(&mut self, in_use: &dyn Fn(usize) -> bool) -> bool {
        let closing = |place: &usize| self.entries[*place].closing && !in_use(*place);
        let gone: Vec<usize> = (0..self.entries.len()).filter(closing).collect();
        for &place in &gone {
            self.drop_model(place);
        }
        !gone.is_empty()
    }

    /// Makes room at once: the longest unused model that nobody needs goes. Returns whether there was one.
    pub fn make_room(&mut self, in_use: &dyn Fn(usize) -> bool) -> bool {
        let idle = self.unpinned().into_iter().find(|&place| !in_use(place));
        if let Some(place) = idle {
            self.drop_model(place);
        }
        idle.is_some()
    }

    fn drop_model(&mut self, place: usize) {
        let entry = &mut self.entries[place];
        entry.state = State::Stored;
        entry.closing = false;
    }

    /// What there is, for the announcement.
    pub fn models(&self) -> Vec<EngineModel> {
        let model = |entry: &Entry<M>| EngineModel {
            id: entry.facts.id.clone(),
            hash: entry.facts.hash.clone(),
            bytes: entry.facts.bytes,
            pinned: entry.facts.pinned,
            residency: match entry.state {
                State::Stored => Residency::Stored,
                State::Loading => Residency::Loading,
                State::Resident(_) => Residency::Resident,
            },
            load_time: entry.load_time,
        };
        self.entries.iter().map(model).collect()
    }
}

/// Bytes as an operator reads them.
pub fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn shelf(models: &[(&str, u64, bool, bool)], room: u64) -> Shelf<()> {
        let stock = models.iter().map(|&(hash, size, pinned, there)| {
            let facts = ModelFacts {
                id: hash.to_owned(),
                hash: hash.to_owned(),
                bytes: size * MIB,
                pinned,
            };
            let loaded = there.then(|| loaded(size));
            (facts, loaded)
        });
        Shelf::new(stock.collect(), room * MIB)
    }

    fn loaded(size: u64) -> Loaded<()> {
        Loaded {
            model: (),
            bytes: size * MIB,
            took: Duration::ZERO,
        }
    }

    fn resident(shelf: &Shelf<()>) -> String {
        let there = shelf.models().into_iter();
        there
            .filter(|model| model.residency == Residency::Resident)
            .map(|model| model.hash)
            .collect()
    }

    #[test]
    fn the_longest_unused_goes_and_a_pinned_one_stays() {
        let models = [
            ("a", 4, true, true),
            ("b", 3, false, true),
            ("c", 3, false, true),
        ];
        let mut shelf = shelf(&[&models[..], &[("d", 3, false, false)]].concat(), 10);
        shelf.take_up(1);
        let idle = |_| false;
        assert_eq!(shelf.want(3, &idle), Want::Begin);
        assert_eq!(resident(&shelf), "ab");
        assert_eq!(shelf.want(3, &idle), Want::Later, "it is on its way");
        shelf.loaded(3, Some(loaded(3)));
        assert_eq!(
            (shelf.want(3, &idle), resident(&shelf).as_str()),
            (Want::Here, "abd")
        );
        assert!(!shelf.unload(0, &idle), "pinned");
        assert!(shelf.unload(1, &idle));
    }

    #[test]
    fn what_is_in_use_goes_when_its_jobs_have_ended_and_takes_no_new_ones() {
        let mut shelf = shelf(&[("a", 6, false, true), ("b", 6, false, false)], 10);
        assert_eq!(shelf.want(1, &|place| place == 0), Want::Later);
        assert!(!shelf.is_open(0) && shelf.get(0).is_some());
        assert!(!shelf.sweep(&|place| place == 0));
        assert!(shelf.sweep(&|_| false));
        assert_eq!(shelf.want(1, &|_| false), Want::Begin);
    }

    #[test]
    fn what_never_fits_is_refused_with_numbers() {
        let mut shelf = shelf(&[("a", 6, true, true), ("b", 6, false, false)], 10);
        let Want::Never(reason) = shelf.want(1, &|_| false) else {
            panic!("12 of 10 MiB fit");
        };
        assert!(
            reason.contains("6 MiB") && reason.contains("10 MiB"),
            "{reason}"
        );
    }

    #[test]
    fn a_load_that_fails_can_be_tried_again() {
        let mut shelf = shelf(&[("a", 6, false, false)], 10);
        assert_eq!(shelf.want(0, &|_| false), Want::Begin);
        shelf.loaded(0, None);
        assert_eq!(shelf.used_bytes(), 0);
        assert_eq!(shelf.want(0, &|_| false), Want::Begin);
    }
}
