//! What a new world contains.

use std::collections::BTreeMap;

use easel_domain::Entropy;
use time::OffsetDateTime;

use super::people::{Channel, ChannelKind, Guild, Member, User};
use super::{Faults, Limiter, Rules, World};
use crate::snowflake::{Snowflake, SnowflakeSource};

/// A person to create.
#[derive(Clone, Debug)]
pub struct UserSeed {
    /// The lower-case name, by which helpers find the user.
    pub name: String,
    /// The name shown.
    pub display_name: String,
    /// The colour of the letter avatar, as in CSS.
    pub avatar_color: String,
    /// Whether the user has the Moderator role.
    pub is_moderator: bool,
    /// The client's language.
    pub locale: String,
}

/// A server to create, with everyone as a member; the first moderator owns it.
#[derive(Clone, Debug)]
pub struct GuildSeed {
    /// Its name.
    pub name: String,
    /// One or two letters for its icon.
    pub icon_text: String,
    /// Channels as (name, topic, whether they are age-restricted).
    pub channels: Vec<(String, String, bool)>,
    /// The time encoded in its id, which decides its shard.
    pub created_at: OffsetDateTime,
    /// Discord's premium tier, 0 to 3.
    pub premium_tier: u8,
    /// Whether the bot is a member; where it is not, people use it because they have installed it for themselves.
    pub has_bot: bool,
}

/// Everything that a new world contains.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The application's name, which is the bot's.
    pub bot_name: String,
    /// The people.
    pub users: Vec<UserSeed>,
    /// The servers.
    pub guilds: Vec<GuildSeed>,
    /// Conversations between people, without the bot, by their names.
    pub private: Vec<Vec<String>>,
}

impl Default for Seed {
    fn default() -> Self {
        let user = |name: &str, display: &str, color: &str, is_moderator| UserSeed {
            name: name.to_owned(),
            display_name: display.to_owned(),
            avatar_color: color.to_owned(),
            is_moderator,
            locale: "en-US".to_owned(),
        };
        let channel = |name: &str, topic: &str, nsfw| (name.to_owned(), topic.to_owned(), nsfw);
        Self {
            bot_name: "easel".to_owned(),
            users: vec![
                user("ada", "Ada", "#5865f2", false),
                user("grace", "Grace", "#3ba55d", false),
                user("linus", "Linus", "#faa61a", true),
                user("alan", "Alan", "#ed4245", false),
            ],
            guilds: vec![GuildSeed {
                name: "Easel Studio".to_owned(),
                icon_text: "ES".to_owned(),
                channels: vec![
                    channel("general", "Draw with /imagine", false),
                    channel("gallery", "The ones worth keeping", false),
                    channel("nsfw", "Age-restricted", true),
                ],
                created_at: OffsetDateTime::UNIX_EPOCH + time::Duration::days(19_000),
                premium_tier: 0,
                has_bot: true,
            }],
            private: Vec::new(),
        }
    }
}

impl Seed {
    /// The same with places where the bot is no member: a server with more room for files, and a conversation between Ada
    /// and Grace.
    #[must_use]
    pub fn with_places_elsewhere(mut self) -> Self {
        self.guilds.push(GuildSeed {
            name: "Elsewhere".to_owned(),
            icon_text: "EW".to_owned(),
            channels: vec![(
                "lobby".to_owned(),
                "The bot is no member here: it comes along with whoever has installed it"
                    .to_owned(),
                false,
            )],
            created_at: OffsetDateTime::UNIX_EPOCH + time::Duration::days(19_500),
            premium_tier: 2,
            has_bot: false,
        });
        self.private
            .push(vec!["ada".to_owned(), "grace".to_owned()]);
        self
    }
}

/// The moment from which the ids of a seed count, so that the same seed has the same ids after a restart.
const SEED_TIME: time::Duration = time::Duration::days(18_262);

impl World {
    /// A world with the people and places of `seed`.
    pub(crate) fn new(
        seed: &Seed,
        token: String,
        origin: String,
        rules: Rules,
        entropy: Box<dyn Entropy>,
    ) -> Self {
        let mut ids = SnowflakeSource::default();
        let start = OffsetDateTime::UNIX_EPOCH + SEED_TIME;
        let bot = User {
            id: ids.draw(start),
            name: seed.bot_name.clone(),
            display_name: seed.bot_name.clone(),
            avatar_color: "#7c5cff".to_owned(),
            is_bot: true,
            locale: "en-US".to_owned(),
            accepts_dms: true,
        };
        let mut link_secret = vec![0; 32];
        entropy.fill(&mut link_secret);
        let mut world = Self {
            now: start,
            rules,
            origin,
            token,
            users: [(bot.id, bot.clone())].into(),
            bot,
            guilds: [].into(),
            channels: [].into(),
            messages: [].into(),
            attachments: [].into(),
            commands: Vec::new(),
            command_creates: [].into(),
            interactions: [].into(),
            interaction_tokens: [].into(),
            sessions: [].into(),
            connections: [].into(),
            next_connection: 1,
            identifies_left: 1000,
            identified: [].into(),
            early_identifies: 0,
            limiter: Limiter::default(),
            faults: Faults::default(),
            held: Vec::new(),
            old_edits: [].into(),
            not_installed: [].into(),
            limited: BTreeMap::new(),
            dispatched: [].into(),
            effects: Vec::new(),
            tallies: BTreeMap::new(),
            is_watched: false,
            requests: [].into(),
            link_secret,
            ids,
            entropy,
        };
        for user in &seed.users {
            world.add_user(user);
        }
        for guild in &seed.guilds {
            world.add_guild(guild, &seed.users);
        }
        for names in &seed.private {
            world.add_private(names);
        }
        world
    }

    fn add_user(&mut self, seed: &UserSeed) {
        let user = User {
            id: self.draw_id(),
            name: seed.name.clone(),
            display_name: seed.display_name.clone(),
            avatar_color: seed.avatar_color.clone(),
            is_bot: false,
            locale: seed.locale.clone(),
            accepts_dms: true,
        };
        self.users.insert(user.id, user);
    }

    fn add_guild(&mut self, seed: &GuildSeed, users: &[UserSeed]) {
        let moderators: Vec<Snowflake> = users
            .iter()
            .filter(|user| user.is_moderator)
            .filter_map(|user| self.find_user(&user.name))
            .map(|user| user.id)
            .collect();
        let mut id = Snowflake::first_at(seed.created_at);
        while self.guilds.contains_key(&id) {
            id.0 += 1;
        }
        let role = self.draw_id();
        let owner = moderators.first().copied().unwrap_or(self.bot.id);
        let mut guild = Guild::new(id, role, &seed.name, &seed.icon_text, owner);
        guild.premium_tier = seed.premium_tier;
        let bot = self.bot.id;
        let members = self.users.keys().filter(|id| seed.has_bot || **id != bot);
        for user in members {
            let roles = if moderators.contains(user) {
                vec![role]
            } else {
                Vec::new()
            };
            guild.members.push(Member { user: *user, roles });
        }
        for (position, (name, topic, nsfw)) in seed.channels.iter().enumerate() {
            let mut channel = Channel::new(self.draw_id(), ChannelKind::Text { guild: id }, name);
            channel.topic = Some(topic.clone());
            channel.nsfw = *nsfw;
            channel.position = position as u32;
            self.channels.insert(channel.id, channel);
        }
        self.guilds.insert(id, guild);
    }

    fn add_private(&mut self, names: &[String]) {
        let members = names.iter().filter_map(|name| self.find_user(name));
        let members: Vec<Snowflake> = members.map(|user| user.id).collect();
        let id = self.draw_id();
        let kind = ChannelKind::Private { members };
        self.channels
            .insert(id, Channel::new(id, kind, &names.join("-")));
    }
}
