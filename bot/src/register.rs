//! Registering the commands: apart from start-up, and only when they differ.

use std::sync::Arc;
use std::time::Duration;

use easel_domain::{DiscordId, Entropy};
use easel_service::{Backoff, Shutdown, chain};
use serde_json::Value;
use tokio::sync::watch;

use crate::commands;
use crate::rest::{Rest, RestError};

const RETRY_BASE: Duration = Duration::from_secs(2);
const RETRY_CAP: Duration = Duration::from_mins(5);

/// Waits for the application's id, then brings its commands up to date, however long that takes.
///
/// # Errors
///
/// The commands cannot be written as JSON.
pub async fn register(
    rest: Rest,
    mut application: watch::Receiver<Option<DiscordId>>,
    entropy: Arc<dyn Entropy>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let wanted = commands::registration()?;
    let found = tokio::select! {
        () = shutdown.soft().cancelled() => return Ok(()),
        found = application.wait_for(Option::is_some) => found.ok().and_then(|id| *id),
    };
    let Some(application) = found else {
        return Ok(());
    };
    for pause in Backoff::new(RETRY_BASE, RETRY_CAP, entropy) {
        match bring_up_to_date(&rest, application, &wanted).await {
            Ok(true) => tracing::info!("the commands are registered"),
            Ok(false) => tracing::debug!("the commands are registered already"),
            Err(error) => {
                tracing::warn!(
                    "register the commands: {error}; again in {pause:?}",
                    error = chain(&error)
                );
                tokio::select! {
                    () = shutdown.soft().cancelled() => return Ok(()),
                    () = tokio::time::sleep(pause) => continue,
                }
            }
        }
        return Ok(());
    }
    Ok(())
}

async fn bring_up_to_date(
    rest: &Rest,
    application: DiscordId,
    wanted: &Value,
) -> Result<bool, RestError> {
    let present = rest.commands(application).await?;
    if up_to_date(wanted.as_array().map_or(&[][..], Vec::as_slice), &present) {
        return Ok(false);
    }
    rest.put_commands(application, wanted.clone()).await?;
    Ok(true)
}

/// Whether Discord has these commands and no others.
fn up_to_date(wanted: &[Value], present: &[Value]) -> bool {
    wanted.len() == present.len()
        && wanted.iter().all(|command| {
            present
                .iter()
                .any(|other| other["name"] == command["name"] && holds(other, command))
        })
}

/// Whether `present` says all that `wanted` says. What Discord adds does not matter; what it leaves out is a default.
fn holds(present: &Value, wanted: &Value) -> bool {
    match (present, wanted) {
        (Value::Object(present), Value::Object(wanted)) => wanted.iter().all(|(key, value)| {
            present
                .get(key)
                .map_or_else(|| is_default(value), |found| holds(found, value))
        }),
        (Value::Array(present), Value::Array(wanted)) => {
            present.len() == wanted.len()
                && present
                    .iter()
                    .zip(wanted)
                    .all(|(found, value)| holds(found, value))
        }
        (Value::Number(present), Value::Number(wanted)) => present.as_f64() == wanted.as_f64(),
        (present, wanted) => present == wanted || (is_default(present) && is_default(wanted)),
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_discord_adds_and_leaves_out_makes_no_difference() {
        let wanted = [
            json!({"name": "show", "description": "d", "nsfw": false, "options": [{"name": "job", "type": 3, "required": true}]}),
        ];
        let present = [
            json!({"id": "1", "version": "2", "name": "show", "description": "d", "name_localizations": null,
            "options": [{"name": "job", "type": 3, "required": true, "name_localized": "job"}]}),
        ];
        assert!(up_to_date(&wanted, &present));
    }

    #[test]
    fn a_changed_missing_or_surplus_command_is_noticed() {
        let show = json!({"name": "show", "description": "d"});
        let other = json!({"name": "show", "description": "e"});
        assert!(!up_to_date(std::slice::from_ref(&show), &[other]));
        assert!(!up_to_date(std::slice::from_ref(&show), &[]));
        assert!(!up_to_date(&[], std::slice::from_ref(&show)));
    }

    #[test]
    fn our_own_commands_are_up_to_date_with_themselves() {
        let commands = commands::registration().unwrap();
        let commands = commands.as_array().unwrap();
        assert!(up_to_date(commands, commands));
    }
}
