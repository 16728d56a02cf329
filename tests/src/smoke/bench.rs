//! Many interactions, one in flight, each cancelled as soon as it is accepted: how long the bot and the lease take.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::numbers::{ms_between, spread};
use super::records::Records;
use super::visitor::{Taken, Visitor, button, content};

/// Measures; the report holds milliseconds.
pub(super) async fn run(visitor: &mut Visitor, records: &Records, count: u32) -> Result<Value> {
    records.lift_limits().await?;
    let (mut answers, mut confirms, mut leases) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..count {
        let prompt = format!("a red sailboat number {number}");
        let Taken {
            interaction,
            message_id: id,
            sent_at,
            acknowledged_at,
        } = visitor.imagine(&prompt).await?;
        answers.push(ms_between(sent_at, acknowledged_at));
        let accepted = visitor
            .until("a message with a button", |seen| {
                seen.message()["id"] == id && button(seen.message(), "Cancel").is_some()
            })
            .await?;
        visitor.press(accepted.message(), "Cancel").await?;
        let ended = visitor
            .until("the end", |seen| {
                seen.message()["id"] == id && button(seen.message(), "Try again").is_some()
            })
            .await?;
        ensure!(
            content(ended.message()).contains("Cancelled"),
            "{}",
            content(ended.message())
        );
        let job = records
            .job_of(&interaction)
            .await?
            .context("the interaction has a job")?;
        let times = records.times(job).await?;
        if let Some(confirmed) = times.confirmed {
            confirms.push(ms_between(sent_at, confirmed));
            leases.extend(times.leased.map(|leased| ms_between(confirmed, leased)));
        }
    }
    Ok(
        json!({"interactions": count, "answer_ms": spread(&answers), "confirmed_ms": spread(&confirms),
              "confirmed_to_lease_ms": spread(&leases), "leased": leases.len()}),
    )
}
