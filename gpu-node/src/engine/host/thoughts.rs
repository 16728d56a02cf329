//! What is thought about beside the device, on a thread of its own, one thing at a time.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Command;
use crate::engine::model::{ModelError, Thought};
use crate::engine::ticker::guarded;

/// Longest wait for a thought at the end. A look takes a second or a few; one that hangs cannot be interrupted.
const LAST: Duration = Duration::from_secs(10);

/// The thread that thinks, if one does.
pub struct Thoughts<M> {
    told: Sender<Command<M>>,
    /// With what nobody holds any more once it has ended.
    running: Option<(JoinHandle<()>, Receiver<()>)>,
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
        if let Some((before, _)) = self.running.take() {
            let _ = before.join();
        }
        let told = self.told.clone();
        let (alive, ended) = channel();
        let run = move || {
            let _alive: Sender<()> = alive;
            // Where the engine has ended meanwhile, nobody needs it.
            let _ = told.send(Command::ThoughtOf(key, Box::new(guarded(thought))));
        };
        match std::thread::Builder::new()
            .name("eyes".to_owned())
            .spawn(run)
        {
            Ok(thread) => self.running = Some((thread, ended)),
            Err(error) => {
                let failure = ModelError::Elsewhere(format!("no thread to think with: {error}"));
                let _ = self
                    .told
                    .send(Command::ThoughtOf(key, Box::new(Err(failure))));
            }
        }
    }

    /// Waits for the one that is under way: a process that ends while a thread of it is inside of a library may crash.
    pub fn finish(&mut self) {
        if let Some((thread, ended)) = self.running.take()
            && ended.recv_timeout(LAST) == Err(RecvTimeoutError::Disconnected)
        {
            let _ = thread.join();
        }
    }
}
