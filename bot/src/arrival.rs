//! An interaction as plain data, apart from the gateway library.

mod standing;

use std::time::Instant;

use easel_domain::prompt::AspectRatio;
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, GuildKey, InteractionId, JobId};
use poise::serenity_prelude as serenity;
use secrecy::SecretString;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::intake::history::HistoryQuery;
use crate::text::Language;
use standing::read_form_id;
pub use standing::{Standing, form_id};

/// The first millisecond that Discord counts, 2015-01-01T00:00:00Z, in Unix milliseconds.
const DISCORD_EPOCH_MS: i64 = 1_420_070_400_000;

/// What somebody wants.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// `/imagine`.
    Imagine {
        /// The prompt as typed.
        prompt: String,
        /// Pictures that came with it.
        pictures: Vec<Url>,
    },
    /// `/blend`.
    Blend {
        /// The pictures.
        pictures: Vec<Url>,
        /// The shape of what comes of them, where the member chose one.
        shape: Option<AspectRatio>,
    },
    /// `/shorten`.
    Shorten {
        /// The prompt as typed.
        prompt: String,
    },
    /// `/vary-region`.
    VaryRegion {
        /// The job id as typed.
        job: String,
        /// The picture, counted from 0.
        picture: u32,
        /// What is white in it is painted anew.
        mask: Option<Url>,
    },
    /// `/describe`.
    Describe {
        /// The picture; nothing where its address is none.
        picture: Option<Url>,
    },
    /// "Describe" in the menu of a message.
    DescribeMessage {
        /// The job of its buttons.
        job: Option<JobId>,
        /// Pictures that were uploaded with it.
        uploads: Vec<Url>,
        /// Pictures that it shows by their address.
        embedded: Vec<Url>,
    },
    /// "Blend" in the menu of a message.
    BlendMessage {
        /// Pictures that were uploaded with it.
        uploads: Vec<Url>,
        /// Pictures that it shows by their address.
        embedded: Vec<Url>,
    },
    /// `/show`.
    Show {
        /// The job id as typed.
        job: String,
    },
    /// `/history`.
    History {
        /// Its options.
        query: HistoryQuery,
    },
    /// `/favourites`.
    Favourites,
    /// "Show job" in the menu of a message.
    Details {
        /// The job of the message's buttons.
        job: Option<JobId>,
    },
    /// `/settings`.
    Settings,
    /// `/prefer`.
    Prefer(Preference),
    /// `/info`.
    Info,
    /// `/turbo`, `/fast` and `/relax`.
    Speed(ServiceClass),
    /// `/stealth` and `/public`.
    Visibility {
        /// Whether it was `/public`.
        is_public: bool,
    },
    /// `/cancel`.
    Cancel {
        /// The job id as typed or chosen.
        job: String,
    },
    /// An option that is being typed.
    Typing {
        /// The command.
        command: String,
        /// What stands in the option so far.
        typed: String,
    },
    /// `/help`.
    Help,
    /// A button.
    Click {
        /// What it carries.
        custom_id: String,
        /// Whether nobody but the member sees the message that it is pressed under.
        whispered: bool,
    },
    /// A form that was filled in.
    Filled {
        /// What it carries.
        custom_id: String,
        /// Names and values of its fields.
        fields: Vec<(String, String)>,
    },
}

/// What somebody keeps for his prompts, or how his jobs run.
#[derive(Clone, PartialEq, Eq)]
pub enum Preference {
    /// A name of his own.
    Option {
        /// As typed.
        name: String,
        /// The parameters that it stands for; empty to take it away.
        value: String,
    },
    /// All of it is to be shown.
    List,
    /// Parameters for every prompt.
    Suffix {
        /// The parameters; empty to take them away.
        value: String,
    },
    /// Whether every result is sent to him, the other way round.
    AutoDm,
    /// Whether V and its like ask for words, the other way round.
    Remix,
    /// Whether V changes a lot or a little, the other way round.
    Variability,
}

impl Request {
    /// A word for metrics and rows.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Imagine { .. } => "imagine",
            Self::Blend { .. } | Self::BlendMessage { .. } => "blend",
            Self::Shorten { .. } => "shorten",
            Self::VaryRegion { .. } => "vary_region",
            Self::Describe { .. } | Self::DescribeMessage { .. } => "describe",
            Self::Show { .. } => "show",
            Self::History { .. } => "history",
            Self::Favourites => "favourites",
            Self::Details { .. } => "details",
            Self::Settings => "settings",
            Self::Prefer(_) => "prefer",
            Self::Info => "info",
            Self::Speed(_) => "speed",
            Self::Visibility { .. } => "visibility",
            Self::Cancel { .. } => "cancel",
            Self::Typing { .. } => "typing",
            Self::Help => "help",
            Self::Click { .. } => "click",
            Self::Filled { .. } => "form",
        }
    }
}

/// An interaction that arrived.
#[derive(Clone)]
pub struct Arrival {
    /// The idempotency key of everything that it causes.
    pub interaction: InteractionId,
    /// Needed to edit the answer.
    pub application: DiscordId,
    /// Credential of the answer.
    pub token: SecretString,
    /// When it was received.
    pub received: Instant,
    /// The gateway shard that it came through.
    pub shard: u32,
    /// Who.
    pub member: DiscordId,
    /// Where; `None` in direct messages.
    pub guild: Option<GuildKey>,
    /// Where.
    pub channel: DiscordId,
    /// What the bot may do there.
    pub standing: Standing,
    /// Bytes that a file of an answer may have there.
    pub file_limit: u64,
    /// Whether he may manage the messages of others there.
    pub moderates: bool,
    /// His language, in which everything about this interaction is said.
    pub language: Language,
    /// The same as Discord named it.
    pub locale: String,
    /// What he wants.
    pub request: Request,
}

/// Prompts, tokens and names are never logged.
impl std::fmt::Debug for Arrival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrival")
            .field("interaction", &self.interaction)
            .field("kind", &self.request.kind())
            .finish_non_exhaustive()
    }
}

/// What every kind of interaction tells in the same words; the library's types for them have no trait in common.
macro_rules! arrival {
    ($interaction:ident, $shard:ident, $standing:expr, $request:expr) => {{
        let permissions = $interaction
            .member
            .as_ref()
            .and_then(|member| member.permissions);
        let standing: Standing = $standing;
        Arrival {
            interaction: InteractionId::from_u64($interaction.id.get()),
            application: DiscordId::from_u64($interaction.application_id.get()),
            token: SecretString::from($interaction.token.clone()),
            received: Instant::now(),
            shard: $shard.0,
            member: DiscordId::from_u64($interaction.user.id.get()),
            guild: $interaction
                .guild_id
                .map(|guild| GuildKey::from_u64(guild.get())),
            channel: DiscordId::from_u64($interaction.channel_id.get()),
            standing,
            file_limit: u64::from($interaction.attachment_size_limit),
            // Who moderates a server has no say over what the bot does there as somebody's guest.
            moderates: !standing.is_guest()
                && permissions.is_some_and(serenity::Permissions::manage_messages),
            language: Language::of_locale(&$interaction.locale),
            locale: $interaction.locale.clone(),
            request: $request,
        }
    }};
}

/// What commands and buttons tell of the bot's standing.
macro_rules! standing {
    ($interaction:ident) => {{
        let member = $interaction.member.as_ref();
        let permissions = member.and_then(|member| member.permissions);
        let owners = &$interaction.authorizing_integration_owners;
        Standing::of(owners, $interaction.context, permissions)
    }};
}

impl Arrival {
    /// The guild whose limits and moderators count: one that the bot is a member of.
    pub fn host(&self) -> Option<GuildKey> {
        self.guild.filter(|_| !self.standing.is_guest())
    }

    /// The guild whose limit counts the request. What a form says of where it was opened is its sender's word alone, so it
    /// counts wherever it is sent.
    pub fn paced(&self) -> Option<GuildKey> {
        let is_form = matches!(self.request, Request::Filled { .. });
        self.guild.filter(|_| is_form || !self.standing.is_guest())
    }

    /// The guild whose messages the member may manage, where he asks.
    pub fn moderated(&self) -> Option<GuildKey> {
        self.guild.filter(|_| self.moderates)
    }

    /// When Discord made the interaction: its token lives from then on.
    pub fn created_at(&self) -> OffsetDateTime {
        let millis = (self.interaction.0 >> 22) + DISCORD_EPOCH_MS;
        OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(millis)
    }

    /// From a slash command.
    pub fn of_command(
        interaction: &serenity::CommandInteraction,
        shard: serenity::ShardId,
        request: Request,
    ) -> Self {
        arrival!(interaction, shard, standing!(interaction), request)
    }

    /// From an option that is being typed.
    pub fn of_autocomplete(
        interaction: &serenity::CommandInteraction,
        shard: serenity::ShardId,
    ) -> Self {
        let option = interaction.data.autocomplete();
        let request = Request::Typing {
            command: interaction.data.name.clone(),
            typed: option.map_or_else(String::new, |option| option.value.to_owned()),
        };
        arrival!(interaction, shard, standing!(interaction), request)
    }

    /// From a button.
    pub fn of_click(
        interaction: &serenity::ComponentInteraction,
        shard: serenity::ShardId,
    ) -> Self {
        let request = Request::Click {
            custom_id: interaction.data.custom_id.clone(),
            whispered: interaction
                .message
                .flags
                .is_some_and(|flags| flags.contains(serenity::MessageFlags::EPHEMERAL)),
        };
        arrival!(interaction, shard, standing!(interaction), request)
    }

    /// From a form.
    pub fn of_form(interaction: &serenity::ModalInteraction, shard: serenity::ShardId) -> Self {
        let (custom_id, standing) = read_form_id(&interaction.data.custom_id);
        let request = Request::Filled {
            custom_id: custom_id.to_owned(),
            fields: fields(&interaction.data),
        };
        arrival!(interaction, shard, standing, request)
    }
}

/// Names and values of the text fields of a form.
fn fields(data: &serenity::ModalInteractionData) -> Vec<(String, String)> {
    let inputs = data.components.iter().flat_map(|row| &row.components);
    inputs
        .filter_map(|input| match input {
            serenity::ActionRowComponent::InputText(text) => Some((
                text.custom_id.clone(),
                text.value.clone().unwrap_or_default(),
            )),
            _ => None,
        })
        .collect()
}
