//! Notes that outbox messages were confirmed, many in one statement.
//!
//! A mark saves the relay from sending a hint twice, and a second hint does no harm. So whoever sends a hint need not wait
//! for its mark, and a mark that is lost with its process costs one more hint.

use tokio::sync::mpsc;

use crate::pool::Store;

/// Marks that may wait. Beyond it they are dropped, and the relay sends those hints again.
const WAITING: usize = 4_096;
/// Marks written in one statement.
const AT_ONCE: usize = 512;

/// Where confirmed messages are handed in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Marks(mpsc::Sender<i64>);

/// Writes what is handed in; its owner runs it as a task.
#[derive(Debug)]
pub struct MarkWriter {
    store: Store,
    waiting: mpsc::Receiver<i64>,
}

impl Store {
    /// A place for marks, and the task that writes them.
    pub fn marks(&self) -> (Marks, MarkWriter) {
        let (marks, waiting) = mpsc::channel(WAITING);
        let store = self.clone();
        (Marks(marks), MarkWriter { store, waiting })
    }
}

impl Marks {
    /// The broker has confirmed the message of this outbox row.
    pub fn sent(&self, outbox_id: i64) {
        if self.0.try_send(outbox_id).is_err() {
            tracing::debug!("the relay will send outbox message {outbox_id} again");
        }
    }
}

impl MarkWriter {
    /// Runs until every [`Marks`] is gone. While one statement is under way, the next one's marks gather.
    pub async fn run(self) {
        self.run_until(std::future::pending()).await;
    }

    /// The same, but ends with what was handed in when `over` is.
    pub async fn run_until(mut self, over: impl Future<Output = ()>) {
        let mut over = std::pin::pin!(over);
        let mut ids = Vec::with_capacity(AT_ONCE);
        loop {
            let received = tokio::select! {
                biased;
                received = self.waiting.recv_many(&mut ids, AT_ONCE) => received,
                () = &mut over => 0,
            };
            if received == 0 {
                return;
            }
            if let Err(error) = self.store.mark_outbox_sent(&ids).await {
                tracing::warn!("the relay will send {} hints again: {error}", ids.len());
            }
            ids.clear();
        }
    }
}
