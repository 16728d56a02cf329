//! The end transactions of a term: what nodes report at the same time ends in one transaction.

use std::sync::Arc;

use easel_store::StoreError;
use easel_store::complete::Completion;
use easel_store::settle::Ended;
use tokio::sync::{mpsc, oneshot};

use crate::lanes::Office;
use crate::term::TermEnd;

/// Jobs that end in one transaction.
const AT_ONCE: usize = 64;

type Answer = Result<Ended, StoreError>;

/// One finished job and the place for what became of it.
type Asked = (Completion, oneshot::Sender<Answer>);

/// Where finished jobs are handed in.
#[derive(Debug, Clone)]
pub(crate) struct Ends(mpsc::Sender<Asked>);

/// A place for finished jobs, and what [`run`] takes them from.
pub(crate) fn channel() -> (Ends, mpsc::Receiver<Asked>) {
    let (asked, waiting) = mpsc::channel(AT_ONCE);
    (Ends(asked), waiting)
}

impl Ends {
    /// Ends a job, together with whichever others end now.
    pub async fn complete(&self, done: Completion) -> Answer {
        let (answer, answered) = oneshot::channel();
        // Both fail only when the term is over, and then somebody else may lead.
        self.0
            .send((done, answer))
            .await
            .map_err(|_| StoreError::LeadershipLost)?;
        answered.await.map_err(|_| StoreError::LeadershipLost)?
    }
}

/// Ends jobs until the term does. While one transaction is under way, the next one's jobs gather.
pub(crate) async fn run(office: Office, mut waiting: mpsc::Receiver<Asked>) -> TermEnd {
    let mut asked = Vec::with_capacity(AT_ONCE);
    while waiting.recv_many(&mut asked, AT_ONCE).await > 0 {
        let (done, answers): (Vec<_>, Vec<_>) = asked.drain(..).unzip();
        let ended = end(&office, done.into()).await;
        for (answer, ended) in answers.into_iter().zip(ended) {
            // A reporter that is gone will be told when its node asks again.
            let _ = answer.send(ended);
        }
    }
    TermEnd::Drained
}

async fn end(office: &Office, done: Arc<[Completion]>) -> Vec<Answer> {
    let (store, leadership) = (&office.store, &office.leadership);
    match store.complete_all(leadership, &done).await {
        Ok(answers) => answers,
        Err(error) if done.len() == 1 => vec![Err(error)],
        // One of them spoils the transaction for all, or the database is away: each stands for itself.
        Err(error) => {
            tracing::debug!("{} jobs end one by one: {error}", done.len());
            let mut answers = Vec::with_capacity(done.len());
            for one in done.iter() {
                answers.push(store.complete(leadership, one).await);
            }
            answers
        }
    }
}
