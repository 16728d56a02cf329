//! The ways to a message when the one in use closes, each against Discord's own refusal.

use std::time::Duration;

use easel_domain::JobId;
use easel_playground::{Person, SeenMessage, Snowflake};

use crate::setting::{PATIENCE, World};

const SEND_MESSAGES: u64 = 1 << 11;

/// A world where only the bot's own credential is left, and a job whose message stands there.
struct Told {
    world: World,
    ada: Person,
    job: JobId,
    message: SeenMessage,
}

async fn told_in(place: impl FnOnce(&World) -> Option<Snowflake>) -> Told {
    let world = World::start_with(&[("delivery.token_life", "1ms")]).await;
    let ada = world.discord.user("ada");
    let ada = match place(&world) {
        Some(channel) => ada.at(channel),
        None => ada,
    };
    let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.shown(job).await;
    let message = imagine.message().unwrap();
    Told {
        world,
        ada,
        job,
        message,
    }
}

impl Told {
    /// The result, seen by this person where he is.
    async fn ends_for(&self, person: &Person) -> SeenMessage {
        self.world.platform.complete(self.job).await;
        person
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .expect("the result is seen")
    }

    async fn ends_in_direct_messages(self) {
        let grid = self.ends_for(&self.ada.clone().in_dm()).await;
        assert!(
            grid.content().contains("a boat"),
            "the result itself: {}",
            grid.content()
        );
        self.world.platform.shown(self.job).await;
        let seen = self.ada.clone().in_dm().messages();
        assert_eq!(seen.len(), 1, "once");
        self.world.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_thread_sends_the_result_to_direct_messages() {
    let thread = |world: &World| Some(world.discord.add_thread("general", "boats", false));
    let told = told_in(thread).await;
    told.world.discord.archive(told.ada.channel_id(), true);
    told.ends_in_direct_messages().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_channel_sends_the_result_to_direct_messages() {
    let thread = |world: &World| Some(world.discord.add_thread("general", "boats", false));
    let told = told_in(thread).await;
    told.world.discord.delete_channel(told.ada.channel_id());
    told.ends_in_direct_messages().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_may_not_send_where_its_message_was_deleted_takes_direct_messages() {
    let told = told_in(|_| None).await;
    told.world.discord.delete_message(told.message.id());
    told.world.discord.deny_bot("general", SEND_MESSAGES);
    told.ends_in_direct_messages().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_answer_whose_token_is_dead_is_followed_by_a_direct_message() {
    let told = told_in(|_| None).await;
    let hidden = "UPDATE deliveries SET ephemeral = true RETURNING 1::bigint";
    told.world.platform.one::<i64>(hidden).await;
    told.ends_in_direct_messages().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_old_to_be_edited_is_followed_by_one_that_calls_its_owner() {
    let told = told_in(|_| None).await;
    told.world.discord.change_rules(|rules| {
        (rules.old_message, rules.old_message_edits) = (Duration::ZERO, 0);
    });
    let grid = told.ends_for(&told.ada).await;
    assert_ne!(grid.id(), told.message.id());
    let call = format!("<@{}>", told.ada.id());
    assert!(grid.content().contains(&call), "{}", grid.content());
    told.world.platform.shown(told.job).await;
    assert_eq!(told.world.public_messages().len(), 2);
    told.world.close().await;
}
