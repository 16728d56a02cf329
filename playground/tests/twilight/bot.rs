//! A small bot on twilight: another gateway client, another REST client with a limiter of its own, other types.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use easel_playground::PlaygroundHandle;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use twilight_gateway::{
    CloseFrame, Config, ConfigBuilder, Event, EventTypeFlags, Intents, MessageSender, Shard,
    ShardId, StreamExt as _,
};
use twilight_http::Client;
use twilight_http::client::InteractionClient;
use twilight_http::request::channel::reaction::RequestReactionType;
use twilight_model::application::command::Command;
use twilight_model::application::interaction::application_command::CommandData;
use twilight_model::application::interaction::message_component::MessageComponentInteractionData;
use twilight_model::application::interaction::modal::{
    ModalInteractionComponent, ModalInteractionData,
};
use twilight_model::application::interaction::{Interaction, InteractionData, InteractionType};
use twilight_model::channel::Message;
use twilight_model::channel::message::{Component, EmojiReactionType, MessageFlags};
use twilight_model::gateway::GatewayReaction;
use twilight_model::http::attachment::Attachment;
use twilight_model::http::interaction::{
    InteractionResponse, InteractionResponseData, InteractionResponseType as Answer,
};
use twilight_model::id::Id;
use twilight_model::id::marker::{ApplicationMarker, UserMarker};

use crate::files;

/// A 2×2 picture.
pub fn picture() -> Vec<u8> {
    let pixels = image::RgbImage::from_pixel(2, 2, image::Rgb([30, 30, 200]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("encode a tiny picture");
    bytes.into_inner()
}

/// What the bot remembers and can do.
pub struct Handler {
    pub http: Client,
    application: Id<ApplicationMarker>,
    own: Id<UserMarker>,
    /// What `/late` waits for.
    pub go_on: Notify,
}

pub struct TestBot {
    handler: Arc<Handler>,
    gateway: MessageSender,
    stopping: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl TestBot {
    pub async fn start(world: &PlaygroundHandle) -> Result<Self> {
        let host = world.origin().trim_start_matches("http://").to_owned();
        let http = Client::builder()
            .token(world.token())
            .proxy(host, true)
            .build();
        let place = http.gateway().authed().await?.model().await?;
        let application = http.current_user_application().await?.model().await?.id;
        let own = http.current_user().await?.model().await?.id;
        let intents =
            Intents::GUILDS | Intents::GUILD_MESSAGE_REACTIONS | Intents::DIRECT_MESSAGE_REACTIONS;
        let config: Config = ConfigBuilder::new(world.token(), intents)
            .proxy_url(place.url)
            .build();
        let mut shard = Shard::with_config(ShardId::ONE, config);
        let gateway = shard.sender();
        let handler = Arc::new(Handler {
            http,
            application,
            own,
            go_on: Notify::new(),
        });
        let mut tasks = JoinSet::new();
        let stopping = Arc::new(AtomicBool::new(false));
        let (served, stops) = (Arc::clone(&handler), Arc::clone(&stopping));
        tasks.spawn(async move {
            while let Some(event) = shard.next_event(EventTypeFlags::all()).await {
                match event {
                    // The library would connect again.
                    Ok(Event::GatewayClose(_)) if stops.load(Ordering::SeqCst) => break,
                    Ok(event) => served.handle(event).await,
                    Err(error) => eprintln!("the gateway sent what twilight cannot read: {error}"),
                }
            }
        });
        Ok(Self {
            handler,
            gateway,
            stopping,
            tasks,
        })
    }

    pub fn http(&self) -> &Client {
        &self.handler.http
    }

    /// Lets `/late` go on.
    pub fn go_on(&self) {
        self.handler.go_on.notify_one();
    }

    /// Closes the session for good.
    pub async fn stop(mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Where the shard has ended by itself nothing listens.
        let _ = self.gateway.close(CloseFrame::NORMAL);
        while self.tasks.join_next().await.is_some() {}
    }
}

fn commands() -> Vec<Command> {
    let prompt = json!({"type": 3, "name": "prompt", "description": "what to draw", "required": true, "autocomplete": true});
    let slash = |name: &str, options: Value| {
        json!({"type": 1, "name": name, "description": "a command", "options": options, "version": "1",
            "default_member_permissions": null})
    };
    let commands = json!([
        slash("imagine", json!([prompt])),
        slash("ping", json!([])),
        slash("many", json!([])),
        slash("thread", json!([])),
        slash("late", json!([])),
        slash("keep", json!([{"type": 11, "name": "file", "description": "a file", "required": true}])),
        {"type": 3, "name": "Look", "description": "", "options": [], "version": "1", "default_member_permissions": null},
    ]);
    serde_json::from_value(commands).expect("commands as twilight knows them")
}

fn components(rows: Value) -> Vec<Component> {
    serde_json::from_value(rows).expect("components as twilight knows them")
}

pub fn text(content: &str) -> InteractionResponseData {
    InteractionResponseData {
        content: Some(content.to_owned()),
        ..InteractionResponseData::default()
    }
}

impl Handler {
    pub fn interactions(&self) -> InteractionClient<'_> {
        self.http.interaction(self.application)
    }

    async fn handle(&self, event: Event) {
        let done = match event {
            Event::Ready(_) => self.register().await,
            Event::InteractionCreate(created) => self.interact(&created).await,
            Event::ReactionAdd(added) => self.reacted(&added).await,
            _ => Ok(()),
        };
        if let Err(error) = done {
            eprintln!("the test bot could not answer: {error:#}");
        }
    }

    async fn register(&self) -> Result<()> {
        let commands = commands();
        let kept = self.interactions().set_global_commands(&commands).await?;
        anyhow::ensure!(kept.models().await?.len() == commands.len());
        Ok(())
    }

    pub async fn answer(
        &self,
        to: &Interaction,
        kind: Answer,
        data: Option<InteractionResponseData>,
    ) -> Result<()> {
        let response = InteractionResponse { kind, data };
        self.interactions()
            .create_response(to.id, &to.token, &response)
            .await?;
        Ok(())
    }

    async fn interact(&self, to: &Interaction) -> Result<()> {
        match to.data.as_ref().context("an interaction with data")? {
            InteractionData::ApplicationCommand(data) => {
                if to.kind == InteractionType::ApplicationCommandAutocomplete {
                    return self.suggest(to).await;
                }
                self.command(to, data).await
            }
            InteractionData::MessageComponent(data) => self.pressed(to, data).await,
            InteractionData::ModalSubmit(data) => self.submitted(to, data).await,
            _ => Ok(()),
        }
    }

    async fn suggest(&self, to: &Interaction) -> Result<()> {
        let choices =
            json!([{"name": "a red boat", "value": "a red boat", "name_localizations": null}]);
        let data = InteractionResponseData {
            choices: Some(serde_json::from_value(choices)?),
            ..InteractionResponseData::default()
        };
        self.answer(to, Answer::ApplicationCommandAutocompleteResult, Some(data))
            .await
    }

    async fn command(&self, to: &Interaction, data: &CommandData) -> Result<()> {
        match data.name.as_str() {
            "imagine" => self.imagine(to).await,
            "many" => self.many(to).await,
            "thread" => self.thread(to).await,
            "keep" => files::keep(self, to, data).await,
            "late" => files::late(self, to).await,
            "Look" => files::look(self, to, data).await,
            _ => {
                self.answer(to, Answer::ChannelMessageWithSource, Some(text("pong")))
                    .await
            }
        }
    }

    /// Deferred, then edited: two files, two rows.
    async fn imagine(&self, to: &Interaction) -> Result<()> {
        self.answer(to, Answer::DeferredChannelMessageWithSource, None)
            .await?;
        let mut grid = Attachment::from_bytes("grid.png".to_owned(), picture(), 0);
        grid.description("a boat".to_owned());
        let files = [
            grid,
            Attachment::from_bytes("one.png".to_owned(), picture(), 1),
        ];
        let rows = components(json!([
            {"type": 1, "components": [
                {"type": 2, "style": 1, "label": "U1", "custom_id": "u1"},
                {"type": 2, "style": 2, "label": "Remix", "custom_id": "remix"}]},
            {"type": 1, "components": [{"type": 3, "custom_id": "style", "options": [
                {"label": "Oil", "value": "oil"}, {"label": "Pixels", "value": "pixels"}]}]}
        ]));
        let shown = self
            .interactions()
            .update_response(&to.token)
            .content(Some("done"))
            .components(Some(&rows))
            .attachments(&files)
            .await?
            .model()
            .await?;
        anyhow::ensure!(shown.attachments.len() == 2, "the reply lists the files");
        // One is dropped by not being named; the reply to a look is the same message.
        let first = [shown.attachments[0].id];
        let kept = self
            .interactions()
            .update_response(&to.token)
            .keep_attachment_ids(&first)
            .await?
            .model()
            .await?;
        let looked = self.interactions().response(&to.token).await?;
        let ids = |message: &Message| -> Vec<_> {
            message.attachments.iter().map(|file| file.id).collect()
        };
        anyhow::ensure!(ids(&looked.model().await?) == ids(&kept) && ids(&kept) == first);
        Ok(())
    }

    /// More messages than the channel takes at once.
    async fn many(&self, to: &Interaction) -> Result<()> {
        self.answer(to, Answer::ChannelMessageWithSource, Some(text("begun")))
            .await?;
        let channel = to.channel.as_ref().context("a channel")?.id;
        for n in 0..7 {
            let content = format!("number {n}");
            self.http.create_message(channel).content(&content).await?;
        }
        Ok(())
    }

    async fn thread(&self, to: &Interaction) -> Result<()> {
        self.answer(to, Answer::ChannelMessageWithSource, Some(text("opened")))
            .await?;
        let first = self.interactions().response(&to.token).await?;
        let first = first.model().await?;
        let thread = self
            .http
            .create_thread_from_message(first.channel_id, first.id, "about a boat")
            .await?
            .model()
            .await?;
        self.http
            .create_message(thread.id)
            .content("in the thread")
            .await?;
        Ok(())
    }

    async fn pressed(
        &self,
        to: &Interaction,
        data: &MessageComponentInteractionData,
    ) -> Result<()> {
        match data.custom_id.as_str() {
            "remix" => {
                let label = json!([{"type": 18, "label": "Prompt", "component":
                    {"type": 4, "custom_id": "prompt", "style": 2, "value": "a red boat", "label": null}}]);
                let data = InteractionResponseData {
                    custom_id: Some("remix".to_owned()),
                    title: Some("Remix".to_owned()),
                    components: Some(components(label)),
                    ..InteractionResponseData::default()
                };
                self.answer(to, Answer::Modal, Some(data)).await
            }
            "style" => {
                let chosen = text(&format!("style {}", data.values.join(",")));
                self.answer(to, Answer::UpdateMessage, Some(chosen)).await
            }
            _ => {
                self.answer(to, Answer::DeferredUpdateMessage, None).await?;
                self.interactions()
                    .create_followup(&to.token)
                    .content("only for you")
                    .flags(MessageFlags::EPHEMERAL)
                    .await?;
                Ok(())
            }
        }
    }

    async fn submitted(&self, to: &Interaction, data: &ModalInteractionData) -> Result<()> {
        let ModalInteractionComponent::Label(label) = &data.components[0] else {
            anyhow::bail!("the modal has a label");
        };
        let ModalInteractionComponent::TextInput(input) = &*label.component else {
            anyhow::bail!("the label has a text input");
        };
        let said = text(&format!("remixing: {}", input.value));
        self.answer(to, Answer::ChannelMessageWithSource, Some(said))
            .await
    }

    /// Joins the reaction and writes a direct message.
    async fn reacted(&self, reaction: &GatewayReaction) -> Result<()> {
        if reaction.user_id == self.own {
            return Ok(());
        }
        let EmojiReactionType::Unicode { name } = &reaction.emoji else {
            return Ok(());
        };
        let emoji = RequestReactionType::Unicode { name };
        self.http
            .create_reaction(reaction.channel_id, reaction.message_id, &emoji)
            .await?;
        let direct = self
            .http
            .create_private_channel(reaction.user_id)
            .await?
            .model()
            .await?;
        let thanks = format!("thanks for {name}");
        self.http.create_message(direct.id).content(&thanks).await?;
        Ok(())
    }
}
