//! What is thought about beside the device, on a thread of its own, one thing at a time.

use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use super::Command;
use crate::engine::model::{ModelError, Thought};
use crate::engine::ticker::guarded;

/// The thread that thinks, if one does.
pub struct Thoughts<M> {
    told: Sender<Command<M>>,
    running: Option<JoinHandle<()>>,
}

impl<M: Send + 'static> Thoughts<M> {
    /// `told` hears what comes of them.
    pub fn new(told: Sender<Command<M>>) -> Self {
        Self {
            told,
            running: None,
        }
    }

    /// Begins one. What came of the one before it has been told, so its thread is at its end.
    pub fn begin(&mut self, key: u64, thought: Thought) {
        if let Some(before) = self.running.take() {
            let _ = before.join();
        }
        let told = self.told.clone();
        let run = move || {
            // Where the engine has ended meanwhile, nobody needs it.
            let _ = told.send(Command::ThoughtOf(key, Box::new(guarded(thought))));
        };
        match std::thread::Builder::new()
            .name("eyes".to_owned())
            .spawn(run)
        {
            Ok(thread) => self.running = Some(thread),
            Err(error) => {
                let failure = ModelError::Memory(format!("no thread to think with: {error}"));
                let _ = self
                    .told
                    .send(Command::ThoughtOf(key, Box::new(Err(failure))));
            }
        }
    }
}
