//! A running playground, and what a test does with it.

mod chaos;
mod interaction;
mod message;
mod person;
mod places;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

pub use interaction::StartedInteraction;
pub use message::{Button, SeenAttachment, SeenMessage};
pub use person::Person;

use crate::config::PlaygroundConfig;
use crate::rest::RequestRecord;
use crate::server::{Shared, accept};
use crate::snowflake::Snowflake;
use crate::storage::Storage;
use crate::world::{DispatchFault, RouteFault, Rules, World};

/// Starts playgrounds.
#[derive(Debug)]
pub struct Playground;

impl Playground {
    /// Listens, and serves until the handle is dropped or shut down.
    pub async fn start(config: PlaygroundConfig) -> std::io::Result<PlaygroundHandle> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let origin = config.origin.unwrap_or_else(|| origin_of(address));
        let mut world = World::new(
            &config.seed,
            config.token,
            origin,
            config.rules,
            config.entropy,
        );
        let storage = match &config.state_dir {
            Some(directory) => {
                let (storage, snapshot) = Storage::open(directory).await?;
                if snapshot.is_some_and(|snapshot| !world.restore(snapshot)) {
                    let reason = format!("{}: written by another version", directory.display());
                    return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, reason));
                }
                Some(storage)
            }
            None => None,
        };
        let shared = Arc::new(Shared::new(world, config.clock, config.web_dir));
        let tasks = TaskTracker::new();
        let router = crate::http::router(Arc::clone(&shared));
        tasks.spawn(accept(listener, router, Arc::clone(&shared), tasks.clone()));
        tasks.spawn(Arc::clone(&shared).run_clocks());
        if let Some(storage) = storage {
            tasks.spawn(storage.run(Arc::clone(&shared)));
        }
        Ok(PlaygroundHandle {
            shared,
            address,
            tasks,
        })
    }
}

/// Where this machine reaches a listener; one that listens everywhere is reached at home.
fn origin_of(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}")
}

/// A running playground. Dropping it stops it.
pub struct PlaygroundHandle {
    shared: Arc<Shared>,
    address: SocketAddr,
    tasks: TaskTracker,
}

impl PlaygroundHandle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://host:port`: the origin to give to a bot in place of Discord's.
    pub fn origin(&self) -> String {
        self.shared.read(|world| world.origin.clone())
    }

    /// The bot's token.
    pub fn token(&self) -> String {
        self.shared.read(|world| world.token.clone())
    }

    /// The application's id, which is also the bot user's.
    pub fn application_id(&self) -> Snowflake {
        self.shared.read(|world| world.bot.id)
    }

    /// The first guild's id.
    pub fn guild_id(&self) -> Snowflake {
        self.shared
            .read(|world| world.guilds.keys().next().copied().unwrap_or_default())
    }

    /// The id of the channel of that name.
    ///
    /// # Panics
    /// If there is none: a mistake in the test.
    pub fn channel_id(&self, name: &str) -> Snowflake {
        let found = self.shared.read(|world| {
            world
                .channels
                .values()
                .find(|c| c.name == name)
                .map(|c| c.id)
        });
        found.unwrap_or_else(|| panic!("the playground has no channel #{name}"))
    }

    /// The person of that name, in the first channel.
    ///
    /// # Panics
    /// If there is none: a mistake in the test.
    pub fn user(&self, name: &str) -> Person {
        let found = self
            .shared
            .read(|world| world.find_user(name).map(|user| user.id));
        let id = found.unwrap_or_else(|| panic!("the playground has no user {name}"));
        let first = self.shared.read(|world| {
            let mut texts: Vec<_> = world
                .channels
                .values()
                .filter(|c| c.guild().is_some())
                .collect();
            texts.sort_by_key(|channel| channel.id);
            texts.first().map(|channel| channel.id)
        });
        Person::new(Arc::clone(&self.shared), id, first.unwrap_or_default())
    }

    /// Waits until a bot is connected; false if none came in time.
    pub async fn wait_for_bot(&self, patience: Duration) -> bool {
        self.shared
            .wait_for(patience, |world| world.bot_is_online().then_some(()))
            .await
            .is_some()
    }

    /// How many sessions the bot has now, whichever processes hold them.
    pub fn sessions(&self) -> usize {
        self.shared.read(|world| world.live_connections().len())
    }

    /// Waits until the bot has so many sessions; false if it never had.
    pub async fn wait_for_sessions(&self, count: usize, patience: Duration) -> bool {
        let fits = |world: &World| (world.live_connections().len() == count).then_some(());
        self.shared.wait_for(patience, fits).await.is_some()
    }

    /// How many sessions were refused because another of the same start key had begun a moment before.
    pub fn early_identifies(&self) -> u32 {
        self.shared.read(|world| world.early_identifies)
    }

    /// Waits until no bot is connected; false if one still is.
    pub async fn wait_for_silence(&self, patience: Duration) -> bool {
        self.shared
            .wait_for(patience, |world| (!world.bot_is_online()).then_some(()))
            .await
            .is_some()
    }

    /// Waits until `count` gateway events of that name have been sent.
    pub async fn wait_for_dispatches(&self, name: &str, count: usize, patience: Duration) -> bool {
        let sent = |world: &World| {
            world
                .dispatched
                .iter()
                .filter(|event| event["t"] == name)
                .count()
        };
        self.shared
            .wait_for(patience, |world| (sent(world) >= count).then_some(()))
            .await
            .is_some()
    }

    /// Waits until a command of that name is registered, and returns it.
    pub async fn wait_for_command(&self, name: &str, patience: Duration) -> Option<Value> {
        let find = |world: &World| {
            world
                .commands
                .iter()
                .find(|command| command["name"] == name)
                .cloned()
        };
        self.shared.wait_for(patience, find).await
    }

    /// Waits for a message anywhere, ephemeral ones included, that fits.
    pub async fn wait_for_message(
        &self,
        mut fits: impl FnMut(&SeenMessage) -> bool,
        patience: Duration,
    ) -> Option<SeenMessage> {
        let find = |world: &World| {
            let mut all = world
                .messages
                .values()
                .map(|message| SeenMessage::of(world, message, message.author));
            all.find(|message| fits(message))
        };
        self.shared.wait_for(patience, find).await
    }

    /// Waits until the log holds a request that fits, and returns it.
    pub async fn wait_for_request(
        &self,
        mut fits: impl FnMut(&RequestRecord) -> bool,
        patience: Duration,
    ) -> Option<RequestRecord> {
        let find = |world: &World| world.requests.iter().find(|request| fits(request)).cloned();
        self.shared.wait_for(patience, find).await
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared
            .read(|world| world.requests.iter().cloned().collect())
    }

    /// How long each interaction waited for the request that answered it first.
    pub fn answer_times(&self) -> Vec<Duration> {
        self.shared.read(|world| {
            let answered = world.interactions.values().filter_map(|interaction| {
                let waited = interaction.answered_at? - interaction.id.created_at();
                Some(waited.unsigned_abs())
            });
            answered.collect()
        })
    }

    /// How often each kind of request was answered with each status: (template, status) and the count.
    pub fn tallies(&self) -> std::collections::BTreeMap<(String, u16), u64> {
        self.shared.read(|world| world.tallies.clone())
    }

    /// Whether the message has a component whose custom id begins so.
    pub fn has_component(&self, message: Snowflake, custom_id: &str) -> bool {
        fn any(components: &[Value], custom_id: &str) -> bool {
            components.iter().any(|component| {
                let own = component["custom_id"].as_str();
                own.is_some_and(|own| own.starts_with(custom_id))
                    || component["components"]
                        .as_array()
                        .is_some_and(|children| any(children, custom_id))
            })
        }
        self.shared.read(|world| {
            let message = world.messages.get(&message);
            message.is_some_and(|message| any(&message.components, custom_id))
        })
    }

    /// Lets the bot write a message, as if it had done so some time ago.
    pub fn write_as_bot(&self, channel: Snowflake, content: &str) -> Snowflake {
        self.shared
            .with(|world| world.write_as_bot(channel, content))
    }

    /// Every gateway event sent so far, as `{"t": NAME, "d": {…}}`.
    pub fn dispatches(&self) -> Vec<Value> {
        self.shared
            .read(|world| world.dispatched.iter().cloned().collect())
    }

    /// A stored file by its id.
    pub fn file(&self, attachment: Snowflake) -> Option<bytes::Bytes> {
        self.shared.read(|world| {
            world
                .attachments
                .get(&attachment)
                .map(|file| file.bytes.clone())
        })
    }

    /// Makes requests fail.
    pub fn fail(&self, fault: RouteFault) {
        self.shared.with(|world| world.faults.routes.push(fault));
    }

    /// Makes the next `times` gateway events of that name go wrong.
    pub fn disturb(&self, event: &str, fault: DispatchFault, times: u32) {
        self.shared.with(|world| {
            world
                .faults
                .dispatches
                .push((event.to_owned(), fault, times));
        });
    }

    /// Stops acknowledging heartbeats, or starts again.
    pub fn silence_heartbeats(&self, silent: bool) {
        self.shared
            .with(|world| world.faults.silent_heartbeats = silent);
    }

    /// Adds to every event a field that nobody knows, or stops doing so.
    pub fn send_novel_fields(&self, on: bool) {
        self.shared.with(|world| world.faults.novel_fields = on);
    }

    /// Takes back all faults of requests and events.
    pub fn heal(&self) {
        self.shared.with(World::heal);
    }

    /// Tells the bot to reconnect and resume (op 7).
    pub fn ask_to_reconnect(&self) {
        self.shared.with(World::ask_to_reconnect);
    }

    /// Declares the bot's sessions invalid (op 9).
    pub fn invalidate_sessions(&self, resumable: bool) {
        self.shared
            .with(|world| world.invalidate_sessions(resumable));
    }

    /// Closes the bot's connections with a code.
    pub fn close_connections(&self, code: u16) {
        self.shared.with(|world| world.close_connections(code));
    }

    /// Cuts the bot's connections without a word.
    pub fn sever_connections(&self) {
        self.shared.with(World::sever_connections);
    }

    /// Changes times, sizes and limits while it runs.
    pub fn change_rules(&self, change: impl FnOnce(&mut Rules)) {
        self.shared.with(|world| change(&mut world.rules));
    }

    /// Deletes a message behind everyone's back.
    pub fn delete_message(&self, message: Snowflake) {
        self.shared.with(|world| world.remove_message(message));
    }

    /// Deletes a channel with all that is in it.
    pub fn delete_channel(&self, channel: Snowflake) {
        self.shared.with(|world| world.remove_channel(channel));
    }

    /// Stops accepting, cuts every connection and waits for their tasks.
    pub async fn shutdown(self) {
        self.shared.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for PlaygroundHandle {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
