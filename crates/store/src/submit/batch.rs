//! Submitting several jobs that their author has agreed to: all of them in one transaction, or none.

use std::sync::Arc;

use easel_domain::ledger::Credits;
use easel_domain::tier::ServiceClass;
use easel_domain::{BatchId, InteractionId, JobId, UserId};
use time::OffsetDateTime;

use super::admit::{Asked, together};
use super::members::is_given_up;
use super::rows::{Accepted, Member, write};
use super::{Submission, asked, granted_lane};
use crate::account::lock_account;
use crate::cached::Transaction;
use crate::error::{StoreError, expect_one_row};
use crate::pool::Store;
use crate::proposal::{NoRoom, ProposalState, no_room};
use crate::row::corrupt;
use crate::user::resolve_user;

/// Several jobs, and what they were proposed as.
#[derive(Debug, Clone)]
pub struct BatchSubmission {
    /// The proposal.
    pub proposal: BatchId,
    /// The jobs in order, all of the same member and by the same interaction: two or more.
    pub jobs: Vec<Submission>,
    /// When its author agreed.
    pub at: OffsetDateTime,
}

/// A job that was accepted with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchJob {
    /// The job.
    pub job: JobId,
    /// Its lane.
    pub class: ServiceClass,
    /// The hint's outbox row, to be marked when the broker has confirmed it.
    pub outbox_id: i64,
}

/// What became of several jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchSubmitted {
    /// All are durable.
    Accepted {
        /// In order.
        jobs: Vec<BatchJob>,
    },
    /// The proposal was settled before, or its time has passed.
    Settled(ProposalState),
    /// There is no such proposal of this member.
    Unknown,
    /// The member was told that nothing came of his click: this process was taken for dead. The proposal stays open.
    GivenUp,
    /// They cannot be had now; the proposal stays open.
    Refused(NoRoom),
}

impl Store {
    /// Submits the jobs of a proposal, or says why not. Safe to repeat: a proposal is agreed to once.
    pub async fn submit_batch(&self, batch: BatchSubmission) -> Result<BatchSubmitted, StoreError> {
        let batch = Arc::new(batch);
        self.run("submit_batch", move |tx| {
            let batch = Arc::clone(&batch);
            Box::pin(async move { submit_batch(tx, &batch).await })
        })
        .await
    }
}

async fn submit_batch(
    tx: &Transaction<'_>,
    batch: &BatchSubmission,
) -> Result<BatchSubmitted, StoreError> {
    let Some(first) = batch.jobs.first() else {
        return Ok(BatchSubmitted::Unknown);
    };
    let user = resolve_user(tx, first.member, first.fresh_user).await?;
    let account = lock_account(tx, user, &first.default_tier).await?;
    let settled = match proposal_state(tx, batch, user).await? {
        None => return Ok(BatchSubmitted::Unknown),
        Some(ProposalState::Open) => None,
        Some(state) => Some(state),
    };
    // The interaction itself may have been dispatched twice; its jobs are those of the proposal.
    if let Some(state) = settled {
        return Ok(BatchSubmitted::Settled(state));
    }
    if job_of_interaction(tx, first.interaction).await?.is_some() {
        return Ok(BatchSubmitted::Settled(ProposalState::Accepted));
    }
    if is_given_up(tx, first.interaction).await? {
        return Ok(BatchSubmitted::GivenUp);
    }
    let price = Credits(batch.jobs.iter().map(|job| job.quote.0).sum());
    let count = u32::try_from(batch.jobs.len()).unwrap_or(u32::MAX);
    if let Some(refusal) = no_room(tx, &account, count, price).await? {
        return Ok(BatchSubmitted::Refused(refusal));
    }
    let tier = &account.tier;
    let class = |new: &Submission| granted_lane(new.lane, tier, account.speed);
    let all: Vec<Asked<'_>> = (batch.jobs.iter())
        .map(|new| asked(new, class(new)))
        .collect();
    let terms = match together(tx, first.member, &all, &account).await? {
        Ok(terms) => terms,
        Err(crowded) => return Ok(BatchSubmitted::Refused(NoRoom::crowded(crowded, tier))),
    };
    insert_batch(tx, batch, user).await?;
    let accepted: Vec<Accepted<'_>> = (0_i16..)
        .zip(batch.jobs.iter().zip(terms))
        .map(|(ordinal, (new, terms))| Accepted {
            new,
            user,
            tier: &tier.name,
            class: class(new),
            terms,
            member: Some(Member {
                batch: batch.proposal,
                ordinal,
            }),
        })
        .collect();
    let ids = write(tx, &accepted, false).await?;
    let jobs = accepted
        .iter()
        .zip(ids)
        .map(|(one, outbox_id)| BatchJob {
            job: one.new.job,
            class: one.class,
            outbox_id,
        })
        .collect();
    Ok(BatchSubmitted::Accepted { jobs })
}

/// Locks the proposal, and says where it is in its life.
async fn proposal_state(
    tx: &Transaction<'_>,
    batch: &BatchSubmission,
    user: UserId,
) -> Result<Option<ProposalState>, StoreError> {
    let row = tx
        .query_opt(
            "-- batch::proposal_state\n\
             SELECT state, expires_at <= $3 FROM proposals WHERE id = $1 AND user_id = $2 FOR UPDATE",
            &[
                /* id */ &batch.proposal,
                /* user */ &user,
                /* now */ &batch.at,
            ],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let name: &str = row.get(0);
    let state = ProposalState::from_name(name).ok_or_else(|| corrupt("proposal state", name))?;
    let too_late: bool = row.get(1);
    Ok(Some(match state {
        ProposalState::Open if too_late => ProposalState::Expired,
        state => state,
    }))
}

async fn insert_batch(
    tx: &Transaction<'_>,
    batch: &BatchSubmission,
    user: UserId,
) -> Result<(), StoreError> {
    let accepted = tx
        .execute(
            "-- batch::insert_batch (proposal)\n\
             UPDATE proposals SET state = 'accepted', words = NULL, pictures = NULL
             WHERE id = $1 AND state = 'open'",
            &[/* id */ &batch.proposal],
        )
        .await?;
    expect_one_row("submit_batch", accepted)?;
    tx.execute(
        "-- batch::insert_batch\n\
         INSERT INTO batches (id, user_id, jobs, at) VALUES ($1, $2, $3, $4)",
        &[
            /* id */ &batch.proposal,
            /* user */ &user,
            /* jobs */ &i16::try_from(batch.jobs.len()).unwrap_or(i16::MAX),
            /* at */ &batch.at,
        ],
    )
    .await?;
    Ok(())
}

async fn job_of_interaction(
    tx: &Transaction<'_>,
    interaction: InteractionId,
) -> Result<Option<JobId>, StoreError> {
    let row = tx
        .query_opt(
            "-- batch::job_of_interaction\n\
             SELECT id FROM jobs WHERE interaction_id = $1 ORDER BY ordinal LIMIT 1",
            &[/* interaction */ &interaction],
        )
        .await?;
    Ok(row.map(|row| row.get(0)))
}
