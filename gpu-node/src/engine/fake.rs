//! An engine without a model, for tests of everything around it: it counts steps and paints flat colours.
//!
//! Steps are driven by the test through a [`Gate`], so that nothing in a test waits for time to pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use easel_domain::failure::FailureKind;
use easel_domain::message::Residency;
use easel_domain::spec::{Answer, Description};

use super::{
    Engine, EngineEvent, EngineInfo, EngineModel, EngineRequest, EngineWork, EventSink, Picture,
    Pulse, SubmitError, Timings,
};

/// Lets steps through: all of them, or as many as a test allows.
#[derive(Debug, Clone)]
pub struct Gate(Arc<(Mutex<u64>, Condvar)>);

impl Gate {
    /// No step is held up.
    pub fn open() -> Self {
        Self::with(u64::MAX)
    }

    /// No step happens before [`Self::allow`].
    pub fn closed() -> Self {
        Self::with(0)
    }

    fn with(steps: u64) -> Self {
        Self(Arc::new((Mutex::new(steps), Condvar::new())))
    }

    /// Lets this many more steps through.
    pub fn allow(&self, steps: u64) {
        let mut allowed = lock(&self.0.0);
        *allowed = allowed.saturating_add(steps);
        self.0.1.notify_all();
    }
}

/// What the engine is to do instead of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Fail the next job in this way.
    FailNext(FailureKind),
    /// Lack the memory for pictures of more pixels than this from now on.
    MemoryAbove(u32),
    /// Paint other colours from now on.
    WrongColours,
    /// Seem to be at a step that does not end.
    Hang,
}

#[derive(Default)]
struct State {
    queue: BTreeMap<u64, (EngineRequest, EventSink)>,
    cancelled: Vec<u64>,
    paused: BTreeSet<u64>,
    models: Vec<EngineModel>,
    faults: Vec<Fault>,
    stopped: bool,
}

/// The fake engine.
pub struct FakeEngine {
    info: EngineInfo,
    shared: Arc<(Mutex<State>, Condvar)>,
    gate: Gate,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl std::fmt::Debug for FakeEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeEngine")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeEngine {
    /// Starts the engine's thread. `model_hash` is what jobs must ask for.
    pub fn start(model_id: &str, model_hash: &str, gate: Gate) -> Self {
        Self::stocked(&[(model_id, model_hash, Residency::Resident)], gate)
    }

    /// The same, with several models: name, hash, and where they are. A load takes no time.
    pub fn stocked(models: &[(&str, &str, Residency)], gate: Gate) -> Self {
        let shared: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let model = |&(id, hash, residency): &(&str, &str, Residency)| EngineModel {
            id: id.to_owned(),
            hash: hash.to_owned(),
            bytes: 1,
            pinned: false,
            residency,
            load_time: None,
        };
        lock(&shared.0).models = models.iter().map(model).collect();
        let thread = {
            let (shared, gate) = (Arc::clone(&shared), gate.clone());
            std::thread::spawn(move || serve(&shared, &gate))
        };
        let info = EngineInfo {
            device: "fake".into(),
            precision: "f32".into(),
            weight_room_bytes: 1 << 30,
            max_pictures: 8,
        };
        Self {
            info,
            shared,
            gate,
            thread: Mutex::new(Some(thread)),
        }
    }

    /// Arms a fault.
    pub fn arm(&self, fault: Fault) {
        lock(&self.shared.0).faults.push(fault);
    }

    /// Where the weights of a model are.
    pub fn residency(&self, hash: &str) -> Option<Residency> {
        let state = lock(&self.shared.0);
        let model = state.models.iter().find(|model| model.hash == hash);
        model.map(|model| model.residency)
    }

    fn move_model(&self, hash: &str, residency: Residency) {
        let mut state = lock(&self.shared.0);
        for model in state.models.iter_mut().filter(|model| model.hash == hash) {
            model.residency = residency;
            model.load_time = Some(std::time::Duration::ZERO);
        }
    }

    /// How many jobs are held up.
    pub fn pauses(&self) -> usize {
        lock(&self.shared.0).paused.len()
    }

    /// How many jobs it was told to drop.
    pub fn cancels(&self) -> usize {
        lock(&self.shared.0).cancelled.len()
    }

    /// The gate of its steps.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }
}

impl Engine for FakeEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn models(&self) -> Vec<EngineModel> {
        lock(&self.shared.0).models.clone()
    }

    fn pulse(&self) -> Pulse {
        let state = lock(&self.shared.0);
        match (state.stopped, state.faults.contains(&Fault::Hang)) {
            (true, _) => Pulse::Stopped,
            (false, true) => Pulse::Busy(std::time::Duration::MAX),
            (false, false) => Pulse::Idle,
        }
    }

    fn load(&self, hash: &str) {
        self.move_model(hash, Residency::Resident);
    }

    fn unload(&self, hash: &str) {
        self.move_model(hash, Residency::Stored);
    }

    fn submit(&self, request: EngineRequest, events: EventSink) -> Result<(), SubmitError> {
        let mut state = lock(&self.shared.0);
        if state.stopped {
            return Err(SubmitError::Stopped);
        }
        state.queue.insert(request.key, (request, events));
        self.shared.1.notify_all();
        Ok(())
    }

    fn cancel(&self, key: u64) {
        lock(&self.shared.0).cancelled.push(key);
        // Under the gate's lock, or a step that has just looked for cancels and not begun to wait would never wake.
        let _gate = lock(&self.gate.0.0);
        self.gate.0.1.notify_all();
    }

    fn pause(&self, key: u64, paused: bool) {
        let mut state = lock(&self.shared.0);
        if paused {
            state.paused.insert(key);
        } else {
            state.paused.remove(&key);
        }
        drop(state);
        // A job that was held up may be waiting at the gate, and one that is not yet in may have its turn.
        let _gate = lock(&self.gate.0.0);
        self.gate.0.1.notify_all();
    }

    fn shutdown(&self) {
        lock(&self.shared.0).stopped = true;
        self.shared.1.notify_all();
        self.gate.allow(u64::MAX);
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// Each job has a thread of its own, so that one that is held up holds up no other.
fn serve(shared: &Arc<(Mutex<State>, Condvar)>, gate: &Gate) {
    let mut jobs = Vec::new();
    loop {
        let mut state = lock(&shared.0);
        let (request, mut events) = loop {
            if state.stopped {
                drop(state);
                for job in jobs {
                    let _ = std::thread::JoinHandle::join(job);
                }
                return;
            }
            if let Some((_, job)) = state.queue.pop_first() {
                break job;
            }
            state = shared.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let failing = |fault: &Fault| matches!(fault, Fault::FailNext(_));
        let fault = state.faults.iter().position(failing);
        let fault = fault.map(|at| state.faults.remove(at));
        let lack = lacks_memory(&state.faults, &request.work);
        let fault = fault.or(lack.then_some(Fault::FailNext(FailureKind::Memory)));
        let off = u32::from(state.faults.contains(&Fault::WrongColours));
        drop(state);
        let (shared, gate) = (Arc::clone(shared), gate.clone());
        jobs.push(std::thread::spawn(move || {
            let last = render(&shared, &gate, &request, fault.as_ref(), off, &mut events);
            events(last);
        }));
    }
}

fn lacks_memory(faults: &[Fault], work: &EngineWork) -> bool {
    let EngineWork::Generate { spec, .. } = work else {
        return false;
    };
    let pixels = spec.width * spec.height;
    let short = |fault: &Fault| matches!(fault, Fault::MemoryAbove(most) if pixels > *most);
    faults.iter().any(short)
}

fn render(
    shared: &(Mutex<State>, Condvar),
    gate: &Gate,
    request: &EngineRequest,
    fault: Option<&Fault>,
    off: u32,
    events: &mut EventSink,
) -> EngineEvent {
    let key = request.key;
    if let Some(Fault::FailNext(kind)) = fault {
        return EngineEvent::Failed {
            key,
            kind: *kind,
            unfit: false,
            message: "the test wanted it".into(),
        };
    }
    let steps = match &request.work {
        EngineWork::Generate { spec, .. } => spec.steps_made(),
        EngineWork::Upscale { .. } | EngineWork::Weigh { .. } | EngineWork::Describe { .. } => 1,
    };
    for step in 1..=steps {
        if !may_step(shared, gate, key) {
            return EngineEvent::Cancelled { key };
        }
        let preview = Some(flat(16, 16, step));
        events(EngineEvent::Progress {
            key,
            step,
            steps,
            preview,
        });
    }
    if let Some(answer) = answer(&request.work) {
        return EngineEvent::Answered {
            key,
            answer,
            timings: Timings::default(),
        };
    }
    EngineEvent::Finished {
        key,
        pictures: pictures(&request.work, off),
        timings: Timings::default(),
    }
}

/// What is no worse than nothing: longer words count for more, and a picture shows its size.
fn answer(work: &EngineWork) -> Option<Answer> {
    match work {
        EngineWork::Weigh { words } => {
            let length = |word: &String| word.chars().count().min(20) as f32 / 20.0;
            let of_words = words.iter().map(length).collect();
            Some(Answer::Influences { of_words })
        }
        EngineWork::Describe { pictures } => {
            let said = |picture: &Picture| Description {
                text: format!("{} by {}", picture.width, picture.height),
                similarity: 0.25,
            };
            let prompts = pictures.iter().map(said).collect();
            Some(Answer::Descriptions { prompts })
        }
        EngineWork::Generate { .. } | EngineWork::Upscale { .. } => None,
    }
}

/// Waits for the gate. `false` when the job was cancelled or the engine stopped.
fn may_step(shared: &(Mutex<State>, Condvar), gate: &Gate, key: u64) -> bool {
    let (allowed, opened) = &*gate.0;
    let mut allowed = lock(allowed);
    loop {
        let state = lock(&shared.0);
        if state.stopped || state.cancelled.contains(&key) {
            return false;
        }
        let paused = state.paused.contains(&key);
        drop(state);
        if *allowed > 0 && !paused {
            *allowed -= u64::from(*allowed != u64::MAX);
            return true;
        }
        allowed = opened.wait(allowed).unwrap_or_else(PoisonError::into_inner);
    }
}

fn pictures(work: &EngineWork, off: u32) -> Vec<Picture> {
    match work {
        EngineWork::Generate { spec, .. } => {
            let (width, height) = (
                spec.width * spec.finish_scale,
                spec.height * spec.finish_scale,
            );
            spec.pictures
                .iter()
                .map(|plan| flat(width, height, plan.own_seed() ^ off))
                .collect()
        }
        EngineWork::Upscale { picture, scale, .. } => {
            let colour = picture.rgb.first().copied().unwrap_or(0);
            vec![flat(
                picture.width * scale,
                picture.height * scale,
                u32::from(colour),
            )]
        }
        EngineWork::Weigh { .. } | EngineWork::Describe { .. } => Vec::new(),
    }
}

fn flat(width: u32, height: u32, value: u32) -> Picture {
    let [a, b, c, _] = value.wrapping_mul(2_654_435_761).to_le_bytes();
    let rgb = [a, b, c].repeat((width * height) as usize);
    Picture { width, height, rgb }
}
