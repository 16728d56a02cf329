//! The slash commands, as the library sees them: names, texts and options. Each hands over to intake at once.

mod blend;
mod history;
mod member;
mod menu;
mod prefer;
mod region;
mod words;

use std::sync::Arc;

use poise::serenity_prelude as serenity;
use serde_json::Value;

use crate::arrival::{Arrival, Request};
use crate::gateway::Shared;
use crate::text;

/// What a command can fail with: nothing that the library could tell a member.
pub type CommandError = anyhow::Error;
type Context<'a> = poise::ApplicationContext<'a, Arc<Shared>, CommandError>;
type Command = poise::Command<Arc<Shared>, CommandError>;

/// All commands.
pub fn all() -> Vec<Command> {
    vec![
        imagine(),
        blend::blend(),
        region::vary_region(),
        words::shorten(),
        words::describe(),
        show(),
        history::history(),
        history::favourites(),
        member::settings(),
        prefer::prefer(),
        member::info(),
        member::turbo(),
        member::fast(),
        member::relax(),
        member::stealth(),
        member::public(),
        member::cancel(),
        help(),
        menu::details(),
        menu::blend(),
        menu::describe(),
    ]
}

/// The commands as Discord's JSON, with names and descriptions in every language.
///
/// # Errors
///
/// Never in practice: the builders hold only text and numbers.
pub fn registration() -> Result<Value, serde_json::Error> {
    let mut commands = serde_json::to_value(poise::builtins::create_application_commands(&all()))?;
    text::commands::localise(&mut commands);
    offer_choices(&mut commands);
    Ok(commands)
}

/// Options whose choices intake offers while they are typed: the names from the command to the option.
const OFFERED: [&str; 2] = ["cancel job", "prefer option set name"];

/// Marks the options of [`OFFERED`]. The library's own way would answer past our limits.
fn offer_choices(commands: &mut Value) {
    for command in commands.as_array_mut().into_iter().flatten() {
        offer_below(command, "");
    }
}

/// `above` is the path to what holds `node`, with a space at its end.
fn offer_below(node: &mut Value, above: &str) {
    let path = format!("{above}{}", node["name"].as_str().unwrap_or_default());
    if OFFERED.contains(&path.as_str()) {
        node["autocomplete"] = true.into();
    }
    let below = format!("{path} ");
    let options = node.get_mut("options").and_then(Value::as_array_mut);
    for option in options.into_iter().flatten() {
        offer_below(option, &below);
    }
}

fn take(ctx: Context<'_>, request: Request) {
    let shard = ctx.serenity_context().shard_id;
    ctx.data()
        .intake
        .take(Arrival::of_command(ctx.interaction, shard, request));
}

/// Draw four pictures from a description
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
async fn imagine(
    ctx: Context<'_>,
    #[description = "What the pictures should show, with parameters such as --ar 16:9 last"]
    #[max_length = 6000]
    prompt: String,
    #[description = "A picture to start from"] picture: Option<serenity::Attachment>,
) -> Result<(), CommandError> {
    let pictures = blend::addresses([picture]);
    take(ctx, Request::Imagine { prompt, pictures });
    Ok(())
}

/// Bring one of your jobs back, with working buttons
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
async fn show(
    ctx: Context<'_>,
    #[description = "The job's id, the last thing in its message"]
    #[max_length = 100]
    job: String,
) -> Result<(), CommandError> {
    take(ctx, Request::Show { job });
    Ok(())
}

/// How to draw, and what the buttons do
#[poise::command(
    slash_command,
    install_context = "Guild|User",
    interaction_context = "Guild|BotDm|PrivateChannel"
)]
#[expect(clippy::unused_async, reason = "the library wants an async function")]
async fn help(ctx: Context<'_>) -> Result<(), CommandError> {
    take(ctx, Request::Help);
    Ok(())
}

/// Buttons and reactions come as plain events.
pub fn on_event(event: &serenity::FullEvent, ctx: &serenity::Context, shared: &Shared) {
    match event {
        serenity::FullEvent::Ready { data_about_bot } => shared.ready(ctx.shard_id, data_about_bot),
        serenity::FullEvent::Resume { .. } => shared.resumed(ctx.shard_id),
        serenity::FullEvent::ShardStageUpdate { event } => shared.stage(event.shard_id, event.new),
        serenity::FullEvent::ReactionAdd { add_reaction } => {
            shared.reacted(add_reaction, ctx.shard_id, true);
        }
        serenity::FullEvent::ReactionRemove { removed_reaction } => {
            shared.reacted(removed_reaction, ctx.shard_id, false);
        }
        serenity::FullEvent::InteractionCreate {
            interaction: serenity::Interaction::Component(click),
        } => {
            shared.intake.take(Arrival::of_click(click, ctx.shard_id));
        }
        serenity::FullEvent::InteractionCreate {
            interaction: serenity::Interaction::Modal(form),
        } => {
            shared.intake.take(Arrival::of_form(form, ctx.shard_id));
        }
        serenity::FullEvent::InteractionCreate {
            interaction: serenity::Interaction::Autocomplete(typing),
        } => {
            shared
                .intake
                .take(Arrival::of_autocomplete(typing, ctx.shard_id));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_commands_are_the_documented_ones() {
        let commands = registration().unwrap();
        let names: Vec<_> = commands
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "imagine",
                "blend",
                "vary-region",
                "shorten",
                "describe",
                "show",
                "history",
                "favourites",
                "settings",
                "prefer",
                "info",
                "turbo",
                "fast",
                "relax",
                "stealth",
                "public",
                "cancel",
                "help",
                "Show job",
                "Blend",
                "Describe",
            ]
        );
        assert_eq!(commands[0]["options"][0]["name"], "prompt");
        assert_eq!(commands[0]["options"][0]["required"], true);
    }

    #[test]
    fn every_command_goes_along_everywhere() {
        for command in registration().unwrap().as_array().unwrap() {
            let name = &command["name"];
            assert_eq!(command["integration_types"], json!([0, 1]), "{name}");
            assert_eq!(command["contexts"], json!([0, 1, 2]), "{name}");
        }
    }
}
