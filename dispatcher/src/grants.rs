//! Places for pictures: what nodes ask for at the same time is granted by one statement.

use std::collections::HashSet;

use easel_blobs::{Scope, UploadTerms};
use easel_domain::JobId;
use easel_domain::message::{FileClaim, LeaseRef, UploadGrant};
use easel_domain::picture::StorageClass;
use easel_store::StoreError;
use easel_store::grant::{GrantedFile, MayStore};
use easel_store::waiting::Destination;
use tokio::sync::{mpsc, oneshot};

use crate::lanes::Office;
use crate::reports::ReportError;
use crate::term::TermEnd;

/// Leases whose wishes are granted together.
const AT_ONCE: usize = 64;

type Answer = Result<Vec<UploadGrant>, ReportError>;

/// What a lease wants to store, and the place for what it may.
#[derive(Debug)]
pub(crate) struct Wish {
    lease: LeaseRef,
    files: Vec<FileClaim>,
    reply: oneshot::Sender<Answer>,
}

/// Where wishes are handed in.
#[derive(Debug, Clone)]
pub(crate) struct Grants(mpsc::Sender<Wish>);

/// A place for wishes, and what [`run`] takes them from.
pub(crate) fn channel() -> (Grants, mpsc::Receiver<Wish>) {
    let (wishes, waiting) = mpsc::channel(AT_ONCE);
    (Grants(wishes), waiting)
}

impl Grants {
    /// Begins finishing, and grants a place for each file, together with whoever else asks now.
    pub async fn ask(&self, lease: LeaseRef, files: Vec<FileClaim>) -> Answer {
        let (reply, answered) = oneshot::channel();
        let wish = Wish {
            lease,
            files,
            reply,
        };
        // Both fail only when the term is over, and then somebody else may lead.
        let over = || ReportError::Store(StoreError::LeadershipLost);
        self.0.send(wish).await.map_err(|_| over())?;
        answered.await.map_err(|_| over())?
    }
}

/// Grants until the term ends. While one statement is under way, the next one's wishes gather.
pub(crate) async fn run(office: Office, mut waiting: mpsc::Receiver<Wish>) -> TermEnd {
    let mut wishes = Vec::with_capacity(AT_ONCE);
    while waiting.recv_many(&mut wishes, AT_ONCE).await > 0 {
        while !wishes.is_empty() {
            grant(&office, one_of_each_job(&mut wishes)).await;
        }
    }
    TermEnd::Drained
}

/// Takes out the first wish of each job: a node that asks again while it is being answered is answered again.
fn one_of_each_job(wishes: &mut Vec<Wish>) -> Vec<Wish> {
    let mut seen: HashSet<JobId> = HashSet::new();
    wishes
        .extract_if(.., |wish| seen.insert(wish.lease.job_id))
        .collect()
}

async fn grant(office: &Office, wishes: Vec<Wish>) {
    let answers = match grant_all(office, &wishes).await {
        Ok(answers) => answers,
        Err(error) if wishes.len() == 1 => vec![Err(error.into())],
        // One of them spoils the statement for all, or the database is away: each stands for itself.
        Err(error) => {
            tracing::debug!("{} leases are granted one by one: {error}", wishes.len());
            let mut answers = Vec::with_capacity(wishes.len());
            for wish in &wishes {
                match grant_all(office, std::slice::from_ref(wish)).await {
                    Ok(answer) => answers.extend(answer),
                    Err(error) => answers.push(Err(error.into())),
                }
            }
            answers
        }
    };
    for (wish, answer) in wishes.into_iter().zip(answers) {
        // A reporter that is gone is asked again by its node.
        let _ = wish.reply.send(answer);
    }
}

/// One answer for each wish, in their order.
async fn grant_all(office: &Office, wishes: &[Wish]) -> Result<Vec<Answer>, StoreError> {
    let jobs: Vec<JobId> = wishes.iter().map(|wish| wish.lease.job_id).collect();
    let destinations = office.store.destinations(&jobs).await?;
    let mut signed = Vec::with_capacity(wishes.len());
    for wish in wishes {
        signed.push(match destinations.get(&wish.lease.job_id) {
            Some(destination) => sign(office, *destination, &wish.files).await,
            None => Err(lost().into()),
        });
    }
    let leases: Vec<(LeaseRef, &[GrantedFile])> = wishes
        .iter()
        .zip(&signed)
        .filter_map(|(wish, signed)| Some((wish.lease, signed.as_ref().ok()?.0.as_slice())))
        .collect();
    let fenced = office.store.grant_all(&office.leadership, &leases).await?;
    let answer = |(wish, signed): (&Wish, Result<Signed, ReportError>)| match signed {
        Ok((_, uploads)) => match fenced.get(&wish.lease.job_id) {
            Some(MayStore::Now) => Ok(uploads),
            Some(MayStore::OnceDeleted) => Err(ReportError::BeingDeleted),
            None => Err(lost().into()),
        },
        Err(error) => Err(error),
    };
    Ok(wishes.iter().zip(signed).map(answer).collect())
}

/// What is to be noted, and what the node is told.
type Signed = (Vec<GrantedFile>, Vec<UploadGrant>);

async fn sign(
    office: &Office,
    destination: Destination,
    claims: &[FileClaim],
) -> Result<Signed, ReportError> {
    let scope = match destination.class {
        StorageClass::Public => Scope::Retention(StorageClass::Public),
        _ => Scope::User(destination.user_id),
    };
    let (mut files, mut uploads) = (Vec::new(), Vec::new());
    for claim in claims {
        let (sha256, content_type) = (&claim.sha256, &claim.content_type);
        let key = office
            .blobs
            .key(destination.class, scope, sha256, content_type)?;
        let terms = UploadTerms::from(claim);
        uploads.push(office.blobs.grant_upload(&key, &terms).await?);
        files.push(GrantedFile {
            key: key.to_string(),
            claim: claim.clone(),
        });
    }
    Ok((files, uploads))
}

fn lost() -> StoreError {
    StoreError::Guard {
        statement: "grant_uploads",
        expected: 1,
        actual: 0,
    }
}
