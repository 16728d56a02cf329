//! The thread, with a model that does what the test lets it do.

use std::sync::mpsc::{Receiver, Sender, channel};

use easel_domain::failure::FailureKind;
use easel_domain::message::Residency;
use easel_domain::model::ModelRef;
use easel_domain::spec::{Answer, GenerateSpec, NoisePlan, PromptText, Sampler};

use super::*;
use crate::engine::memory::Need;
use crate::engine::model::{Decoding, ModelError, Started};
use crate::engine::stopwatch::VirtualTime;
use crate::engine::{EngineEvent, EngineWork, Picture};

const PATIENCE: Duration = Duration::from_mins(1);

/// Says that a step has begun, and waits for leave to end it.
struct Gate {
    begun: Sender<()>,
    leave: Receiver<()>,
}

/// Counts steps; each passes the gate where there is one.
struct Slow {
    gate: Option<Gate>,
    /// Answers questions when the test lets it.
    thinks: Option<Receiver<()>>,
}

impl Model for Slow {
    type Slot = (u32, u32);

    fn need(&self, _work: &EngineWork) -> Need {
        Need::default()
    }

    fn shape(&self, _slot: &(u32, u32)) -> Vec<i64> {
        Vec::new()
    }

    fn start(&mut self, work: &EngineWork) -> Result<Started<(u32, u32)>, ModelError> {
        match work {
            EngineWork::Generate { spec, .. } => Ok(Started::Slots(vec![(0, spec.steps)])),
            EngineWork::Describe { .. } => {
                let leave = self.thinks.take().unwrap();
                Ok(Started::Thought(Box::new(move || {
                    let _ = leave.recv();
                    let prompts = Vec::new();
                    Ok(Answer::Descriptions { prompts })
                })))
            }
            EngineWork::Upscale { .. } | EngineWork::Weigh { .. } => {
                Err(ModelError::Bad("cannot".to_owned()))
            }
        }
    }

    fn step(&mut self, slots: &mut [&mut (u32, u32)]) -> Result<(), ModelError> {
        if let Some(gate) = &self.gate {
            // A test that has ended lets everything go on.
            let _ = gate.begun.send(());
            let _ = gate.leave.recv();
        }
        for slot in slots.iter_mut() {
            slot.0 += 1;
        }
        Ok(())
    }

    fn progress(&self, slot: &(u32, u32)) -> (u32, u32) {
        *slot
    }

    fn preview(&self, _slot: &(u32, u32)) -> Option<Picture> {
        None
    }

    fn decode(&mut self, _: &[&(u32, u32)], _: Decoding) -> Result<Vec<Picture>, ModelError> {
        Ok(Vec::new())
    }

    fn influences(&self, _slot: &(u32, u32)) -> Option<Vec<f32>> {
        None
    }

    fn enlarge(
        &mut self,
        pictures: Vec<Picture>,
        _: u32,
        _: bool,
    ) -> Result<Vec<Picture>, ModelError> {
        Ok(pictures)
    }
}

fn facts(hash: &str, pinned: bool) -> ModelFacts {
    ModelFacts {
        id: hash.to_owned(),
        hash: hash.to_owned(),
        bytes: 1,
        pinned,
    }
}

fn ready(gate: Option<Gate>) -> Loaded<Slow> {
    Loaded {
        model: Slow { gate, thinks: None },
        bytes: 1,
        took: Duration::from_secs(3),
    }
}

fn host(first: Option<Gate>, load: Load<Slow>, time: Arc<VirtualTime>) -> Host<Slow> {
    Host::new(Start {
        info: EngineInfo {
            device: "fake".to_owned(),
            precision: "f32".to_owned(),
            weight_room_bytes: 100,
            max_pictures: 8,
        },
        stock: vec![
            (facts("first", true), Some(ready(first))),
            (facts("second", false), None),
        ],
        load,
        limits: Limits::of(8, 100),
        step_deadline: Duration::from_secs(9),
        stopwatch: time,
    })
    .unwrap()
}

fn request(key: u64, model: &str, steps: u32) -> EngineRequest {
    let spec = GenerateSpec {
        model: ModelRef {
            id: model.to_owned(),
            hash: model.to_owned(),
        },
        width: 8,
        height: 8,
        steps,
        guidance: 1.0,
        sampler: Sampler::Default,
        pictures: vec![NoisePlan::from_seed(1)],
        finish_scale: 1,
        stop: 100,
        seamless: false,
    };
    EngineRequest {
        key,
        model: model.to_owned(),
        work: EngineWork::Generate {
            spec,
            text: PromptText::default(),
            init: None,
        },
    }
}

fn sink(sender: &Sender<EngineEvent>) -> EventSink {
    let sender = sender.clone();
    Box::new(move |event| drop(sender.send(event)))
}

fn residency(host: &Host<Slow>) -> Residency {
    host.models()[1].residency
}

#[test]
fn steps_go_on_while_the_eyes_look() {
    let (finish_thought, leave) = channel::<()>();
    let leave = Mutex::new(Some(leave));
    let load: Load<Slow> = Arc::new(move |_| {
        let mut loaded = ready(None);
        loaded.model.thinks = leave.lock().unwrap().take();
        Ok(loaded)
    });
    let host = host(None, load, Arc::default());
    let (sender, events) = channel();
    let mut question = request(1, "second", 1);
    question.work = EngineWork::Describe {
        pictures: Vec::new(),
    };
    host.submit(question, sink(&sender)).unwrap();
    host.submit(request(2, "second", 50), sink(&sender))
        .unwrap();
    // What is asked is not answered before the test lets it, and the other job gets from its first step to its last.
    let steps = events.iter().take_while(|event| !event.is_final());
    assert_eq!(steps.filter(|event| event.key() == 2).count(), 50);
    finish_thought.send(()).unwrap();
    let ended = events.iter().find(EngineEvent::is_final).unwrap();
    assert!(
        matches!(ended, EngineEvent::Answered { key: 1, .. }),
        "{ended:?}"
    );
}

#[test]
fn the_engine_ends_after_the_look_that_is_under_way() {
    let (finish_thought, leave) = channel::<()>();
    let leave = Mutex::new(Some(leave));
    let load: Load<Slow> = Arc::new(move |_| {
        let mut loaded = ready(None);
        loaded.model.thinks = leave.lock().unwrap().take();
        Ok(loaded)
    });
    let host = host(None, load, Arc::default());
    let (sender, events) = channel();
    let mut question = request(1, "second", 1);
    question.work = EngineWork::Describe {
        pictures: Vec::new(),
    };
    host.submit(question, sink(&sender)).unwrap();
    // Once this one is done, the other has begun: they came one behind the other.
    host.submit(request(2, "second", 1), sink(&sender)).unwrap();
    assert!(events.iter().any(|event| event.is_final()));
    let (ended, has_ended) = channel::<()>();
    let look = std::thread::spawn(move || {
        let cancelled = events.iter().find(EngineEvent::is_final);
        assert!(matches!(cancelled, Some(EngineEvent::Cancelled { key: 1 })));
        // Who asked knows already, and the engine has not ended while this thread is in its library.
        let early = has_ended.recv_timeout(LOOK_EVERY * 3);
        finish_thought.send(()).unwrap();
        early.is_ok()
    });
    host.shutdown();
    let _ = ended.send(());
    assert!(!look.join().unwrap(), "it ended before the look");
}

#[test]
fn steps_go_on_while_a_model_is_loaded() {
    let (finish_load, load_may_end) = channel::<()>();
    let (begun, load_begun) = channel();
    let gate = Mutex::new((begun, load_may_end));
    let load: Load<Slow> = Arc::new(move |place| {
        let gate = gate.lock().unwrap();
        gate.0.send(place).unwrap();
        gate.1.recv().unwrap();
        Ok(ready(None))
    });
    let host = host(None, load, Arc::default());
    let (sender, events) = channel();
    host.submit(request(1, "second", 1), sink(&sender)).unwrap();
    assert_eq!(load_begun.recv_timeout(PATIENCE), Ok(1));
    // The load is stuck until the test lets it end; meanwhile another model draws from its first step to its last.
    host.submit(request(2, "first", 50), sink(&sender)).unwrap();
    let steps = events.iter().take_while(|event| !event.is_final());
    assert_eq!(steps.filter(|event| event.key() == 2).count(), 50);
    assert_eq!(residency(&host), Residency::Loading);
    finish_load.send(()).unwrap();
    let ended = events.iter().find(EngineEvent::is_final).unwrap();
    assert!(
        matches!(ended, EngineEvent::Finished { key: 1, .. }),
        "{ended:?}"
    );
    assert_eq!(residency(&host), Residency::Resident);
    assert_eq!(host.models()[1].load_time, Some(Duration::from_secs(3)));
}

#[test]
fn a_loader_that_panics_fails_the_job_that_waits_and_not_the_engine() {
    let host = host(None, Arc::new(|_| panic!("no such file")), Arc::default());
    let (sender, events) = channel();
    host.submit(request(1, "second", 1), sink(&sender)).unwrap();
    let ended = events.recv_timeout(PATIENCE).unwrap();
    let retried = matches!(
        ended,
        EngineEvent::Failed {
            key: 1,
            kind: FailureKind::Retryable,
            ..
        }
    );
    assert!(retried, "{ended:?}");
    host.submit(request(2, "first", 1), sink(&sender)).unwrap();
    let ended = events.iter().find(EngineEvent::is_final).unwrap();
    assert!(matches!(ended, EngineEvent::Finished { key: 2, .. }));
}

#[test]
fn a_step_that_does_not_end_shows_in_the_pulse_and_a_shutdown_does_not_wait_for_it() {
    let ((begun, step_begun), (may_end, leave)) = (channel(), channel());
    let time = Arc::new(VirtualTime::default());
    let host = host(
        Some(Gate { begun, leave }),
        Arc::new(|_| Err(String::new())),
        Arc::clone(&time),
    );
    let (sender, events) = channel();
    host.submit(request(1, "first", 3), sink(&sender)).unwrap();
    step_begun.recv_timeout(PATIENCE).unwrap();
    may_end.send(()).unwrap();
    events.recv_timeout(PATIENCE).unwrap();
    // News of the first step comes before its tick is over: only the second step's time must pass.
    step_begun.recv_timeout(PATIENCE).unwrap();
    time.pass(Duration::from_secs(9));
    assert!(matches!(host.pulse(), Pulse::Busy(time) if time >= Duration::from_secs(9)));
    host.shutdown();
    assert_eq!(host.pulse(), Pulse::Stopped);
}

#[test]
fn an_engine_that_has_ended_says_so_and_counts_no_job_as_waiting() {
    let host = host(None, Arc::new(|_| Err(String::new())), Arc::default());
    host.shutdown();
    let (sender, _events) = channel();
    for _ in 0..2 * MOST_WAITING {
        let refused = host.submit(request(1, "first", 1), sink(&sender));
        assert_eq!(refused, Err(SubmitError::Stopped), "never full");
    }
    assert_eq!(host.pulse(), Pulse::Stopped);
}
