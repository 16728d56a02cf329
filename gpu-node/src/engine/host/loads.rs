//! Loads, each on a thread of its own, one at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use super::{Command, Load};

/// The thread that loads, if one does.
pub struct Loads<M> {
    load: Load<M>,
    told: Sender<Command<M>>,
    running: Option<JoinHandle<()>>,
}

impl<M: Send + 'static> Loads<M> {
    /// `told` hears how loads end.
    pub fn new(load: Load<M>, told: Sender<Command<M>>) -> Self {
        Self {
            load,
            told,
            running: None,
        }
    }

    /// Begins a load. The one before it has been told of, so its thread is at its end.
    pub fn begin(&mut self, place: usize) {
        if let Some(before) = self.running.take() {
            let _ = before.join();
        }
        let (load, told) = (Arc::clone(&self.load), self.told.clone());
        let run = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| load(place)))
                .unwrap_or_else(|_| Err("the loader panicked".to_owned()));
            // Where the engine has ended meanwhile, nobody needs it.
            let _ = told.send(Command::Loaded(place, Box::new(outcome)));
        };
        let thread = std::thread::Builder::new().name("load".to_owned());
        match thread.spawn(run) {
            Ok(thread) => self.running = Some(thread),
            Err(error) => {
                let outcome = Err(format!("no thread to load with: {error}"));
                let _ = self.told.send(Command::Loaded(place, Box::new(outcome)));
            }
        }
    }
}
