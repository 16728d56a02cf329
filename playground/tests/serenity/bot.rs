//! A small bot on plain serenity.

use std::sync::Arc;

use anyhow::Context as _;
use easel_playground::PlaygroundHandle;
use serenity::all::{
    ActionRowComponent, AutocompleteChoice, Client, Command, CommandInteraction, CommandOptionType,
    CommandType, ComponentInteraction, Context, CreateActionRow, CreateAttachment,
    CreateAutocompleteResponse, CreateButton, CreateCommand, CreateCommandOption, CreateInputText,
    CreateInteractionResponse, CreateInteractionResponseFollowup, CreateInteractionResponseMessage,
    CreateMessage, CreateModal, EditInteractionResponse, EventHandler, GatewayIntents, Http,
    HttpBuilder, InputTextStyle, Interaction, ModalInteraction, Reaction, Ready, ShardManager,
};
use tokio::task::JoinSet;

/// A 2×2 picture.
pub fn picture() -> Vec<u8> {
    let pixels = image::RgbImage::from_pixel(2, 2, image::Rgb([200, 30, 30]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("encode a tiny picture");
    bytes.into_inner()
}

pub struct TestBot {
    http: Arc<Http>,
    shards: Arc<ShardManager>,
    tasks: JoinSet<serenity::Result<()>>,
}

impl TestBot {
    pub async fn start(world: &PlaygroundHandle) -> anyhow::Result<Self> {
        let http = HttpBuilder::new(world.token())
            .proxy(world.origin())
            .ratelimiter_disabled(true)
            .application_id(world.application_id().0.into())
            .build();
        let intents = GatewayIntents::non_privileged();
        let mut client = serenity::client::ClientBuilder::new_with_http(http, intents)
            .event_handler(Handler)
            .await?;
        let (http, shards) = (Arc::clone(&client.http), Arc::clone(&client.shard_manager));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { Client::start(&mut client).await });
        Ok(Self {
            http,
            shards,
            tasks,
        })
    }

    pub fn http(&self) -> &Http {
        &self.http
    }

    pub async fn stop(mut self) {
        self.shards.shutdown_all().await;
        self.tasks.shutdown().await;
    }
}

/// Whether a call failed with Discord's error `code`.
pub fn is_discord_error(result: &serenity::Result<()>, code: isize) -> bool {
    matches!(result, Err(serenity::Error::Http(serenity::http::HttpError::UnsuccessfulRequest(refusal)))
        if refusal.error.code == code)
}

struct Handler;

#[serenity::async_trait]
impl EventHandler for Handler {
    async fn ready(&self, ctx: Context, _: Ready) {
        let prompt = CreateCommandOption::new(CommandOptionType::String, "prompt", "what to draw")
            .required(true)
            .set_autocomplete(true);
        let commands = vec![
            CreateCommand::new("imagine")
                .description("draws")
                .add_option(prompt),
            CreateCommand::new("ping").description("answers"),
            CreateCommand::new("whisper").description("answers quietly"),
            CreateCommand::new("sleep").description("answers late"),
            CreateCommand::new("Describe").kind(CommandType::Message),
        ];
        let put: serenity::Result<Vec<Command>> = ctx.http.create_global_commands(&commands).await;
        put.expect("register the commands");
    }

    async fn interaction_create(&self, ctx: Context, interaction: Interaction) {
        let answered = match interaction {
            Interaction::Command(command) => command_used(&ctx, &command).await,
            Interaction::Component(click) => clicked(&ctx, &click).await,
            Interaction::Modal(modal) => submitted(&ctx, &modal).await,
            Interaction::Autocomplete(typing) => {
                let text = typing
                    .data
                    .autocomplete()
                    .map(|option| format!("{}…", option.value))
                    .unwrap_or_default();
                let choices = CreateAutocompleteResponse::new()
                    .set_choices(vec![AutocompleteChoice::new(text, "x")]);
                typing
                    .create_response(&ctx, CreateInteractionResponse::Autocomplete(choices))
                    .await
                    .map_err(Into::into)
            }
            _ => Ok(()),
        };
        if let Err(error) = answered {
            eprintln!("the test bot could not answer: {error:#}");
        }
    }

    async fn reaction_add(&self, ctx: Context, reaction: Reaction) {
        let Some(user) = reaction
            .user_id
            .filter(|user| *user != ctx.http.application_id().expect("set").get())
        else {
            return;
        };
        let emoji = reaction.emoji.clone();
        ctx.http
            .create_reaction(reaction.channel_id, reaction.message_id, &emoji)
            .await
            .expect("react");
        let dm = user
            .create_dm_channel(&ctx)
            .await
            .expect("open a direct channel");
        let thanks = CreateMessage::new().content(format!("thanks for {emoji}"));
        dm.send_message(&ctx, thanks)
            .await
            .expect("write a direct message");
    }
}

fn message(content: &str) -> CreateInteractionResponseMessage {
    CreateInteractionResponseMessage::new().content(content)
}

async fn command_used(ctx: &Context, command: &CommandInteraction) -> anyhow::Result<()> {
    let answer = match command.data.name.as_str() {
        "imagine" => return imagine(ctx, command).await,
        "ping" => message("pong"),
        "whisper" => message("psst").ephemeral(true),
        "sleep" => {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            message("too late")
        }
        _ => {
            let target = command
                .data
                .resolved
                .messages
                .values()
                .next()
                .context("a message was chosen")?;
            message(&format!("it says: {}", target.content))
        }
    };
    command
        .create_response(ctx, CreateInteractionResponse::Message(answer))
        .await?;
    Ok(())
}

async fn imagine(ctx: &Context, command: &CommandInteraction) -> anyhow::Result<()> {
    let prompt = command.data.options[0]
        .value
        .as_str()
        .context("the prompt")?;
    command.defer(ctx).await?;
    let buttons = CreateActionRow::Buttons(vec![
        CreateButton::new("u1").label("U1"),
        CreateButton::new("remix").label("Remix"),
        CreateButton::new("again").emoji('🔄'),
    ]);
    let edit = EditInteractionResponse::new()
        .content(format!("{prompt} - done"))
        .components(vec![buttons])
        .new_attachment(CreateAttachment::bytes(picture(), "a.png").description("a boat"))
        .new_attachment(CreateAttachment::bytes(picture(), "b.png"));
    let shown = command.edit_response(ctx, edit).await?;
    anyhow::ensure!(shown.attachments.len() == 2, "the reply lists the files");
    Ok(())
}

async fn clicked(ctx: &Context, click: &ComponentInteraction) -> anyhow::Result<()> {
    if click.data.custom_id == "remix" {
        let input =
            CreateInputText::new(InputTextStyle::Paragraph, "Prompt", "prompt").value("a red boat");
        let modal =
            CreateModal::new("remix", "Remix").components(vec![CreateActionRow::InputText(input)]);
        click
            .create_response(ctx, CreateInteractionResponse::Modal(modal))
            .await?;
        return Ok(());
    }
    click.defer(ctx).await?;
    click
        .create_followup(
            ctx,
            CreateInteractionResponseFollowup::new().content("upscaled"),
        )
        .await?;
    Ok(())
}

async fn submitted(ctx: &Context, modal: &ModalInteraction) -> anyhow::Result<()> {
    let ActionRowComponent::InputText(input) = &modal.data.components[0].components[0] else {
        anyhow::bail!("the modal has a text input");
    };
    let text = input.value.as_deref().unwrap_or_default();
    modal
        .create_response(
            ctx,
            CreateInteractionResponse::Message(message(&format!("remixing: {text}"))),
        )
        .await?;
    Ok(())
}
