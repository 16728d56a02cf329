//! What must hold whatever happened: each is a query that finds nothing.

use anyhow::{Result, bail};
use easel_store::Store;

use super::PURSE;
use super::watch::eventually;

const ENDED: &str = "('completed', 'failed', 'cancelled', 'rejected', 'shed')";

/// Checks every invariant.
pub(super) async fn check(store: &Store) -> Result<()> {
    let faults = [
        ("a lease without a job that a node has", "SELECT l.job_id::text FROM leases l JOIN jobs j ON j.id = l.job_id
            WHERE j.state NOT IN ('leased', 'finishing')".to_owned()),
        ("a job that a node has without a lease", "SELECT id::text FROM jobs WHERE state IN ('leased', 'finishing')
            AND NOT EXISTS (SELECT 1 FROM leases WHERE job_id = id)".to_owned()),
        ("a job that did not end exactly once", format!("SELECT j.id::text FROM jobs j
            WHERE (j.ended_at IS NOT NULL)::int <> (SELECT count(*) FROM job_events e WHERE e.job_id = j.id AND e.state IN {ENDED})")),
        ("a history that does not end where its job is", "SELECT j.id::text FROM jobs j WHERE j.state <>
            (SELECT e.state FROM job_events e WHERE e.job_id = j.id ORDER BY e.id DESC LIMIT 1)".to_owned()),
        ("a job without exactly one reservation", "SELECT j.id::text FROM jobs j
            WHERE (SELECT count(*) FROM ledger l WHERE l.job_id = j.id AND l.kind = 'reserve') <> 1".to_owned()),
        ("a job that is not settled exactly once at its end", "SELECT j.id::text FROM jobs j WHERE (j.ended_at IS NOT NULL)::int <>
            (SELECT count(*) FROM ledger l WHERE l.job_id = j.id AND l.settles)".to_owned()),
        ("a charge without a result, or a result without a charge", "SELECT j.id::text FROM jobs j
            WHERE EXISTS (SELECT 1 FROM ledger l WHERE l.job_id = j.id AND l.kind = 'charge') <> (j.state = 'completed')
               OR (EXISTS (SELECT 1 FROM pictures p WHERE p.job_id = j.id) OR
                   EXISTS (SELECT 1 FROM job_answers a WHERE a.job_id = j.id)) <> (j.state = 'completed')".to_owned()),
        ("a balance that is not what the ledger says", format!("SELECT a.user_id::text FROM accounts a
            WHERE a.balance - (SELECT coalesce(sum(l.amount), 0) FROM ledger l WHERE l.user_id = a.user_id) NOT IN (0, {PURSE})")),
        ("a message that was not asked to show the end", "SELECT j.id::text FROM jobs j JOIN deliveries d ON d.job_id = j.id
            WHERE j.ended_at IS NOT NULL AND d.desired_rev < 2".to_owned()),
    ];
    let connection = store.connection().await?;
    for (what, query) in faults {
        let found: Vec<String> = connection
            .query(&query, &[])
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect();
        if !found.is_empty() {
            bail!("{what}: {}", found.join(", "));
        }
    }
    // What was committed just now may wait for the relay; nothing waits for long while somebody leads.
    eventually("the outbox to be empty but for young rows", || async {
        Ok((store.outbox_backlog().await?.1 < 5.0).then_some(()))
    })
    .await
}
