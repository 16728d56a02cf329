//! An interaction as the one who started it experiences it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::message::SeenMessage;
use crate::server::Shared;
use crate::snowflake::Snowflake;
use crate::world::Interaction;

/// How much longer than the first-answer clock to wait, so that the clock decides.
const GRACE: Duration = Duration::from_secs(1);

/// Something a person started.
#[derive(Clone)]
pub struct StartedInteraction {
    shared: Arc<Shared>,
    id: Snowflake,
    user: Snowflake,
}

impl StartedInteraction {
    pub(super) fn new(shared: Arc<Shared>, id: Snowflake, user: Snowflake) -> Self {
        Self { shared, id, user }
    }

    /// Waits until the first answer has come or the clock has run out.
    pub(super) async fn answered(shared: Arc<Shared>, id: Snowflake, user: Snowflake) -> Self {
        let patience = shared.read(|world| world.rules.first_answer) + GRACE;
        let settled =
            |interaction: &Interaction| interaction.answer.is_some() || interaction.failed;
        // Running out of patience leaves the interaction unanswered, which the caller can see.
        let _ = shared
            .wait_for(patience, |world| {
                world
                    .interactions
                    .get(&id)
                    .filter(|i| settled(i))
                    .map(|_| ())
            })
            .await;
        Self { shared, id, user }
    }

    /// The interaction's id.
    pub fn id(&self) -> Snowflake {
        self.id
    }

    /// The interaction's token.
    pub fn token(&self) -> String {
        self.look(|interaction| interaction.token.clone())
            .unwrap_or_default()
    }

    /// The type of the first answer (4 message, 5 thinking, 6 nothing yet, 7 update, 8 choices, 9 modal), if one came.
    pub fn answer(&self) -> Option<u8> {
        self.look(|interaction| interaction.answer).flatten()
    }

    /// Whether the person was told that the application did not respond.
    pub fn failed(&self) -> bool {
        self.look(|interaction| interaction.failed).unwrap_or(true)
    }

    /// The modal that it opened.
    pub fn modal(&self) -> Option<Value> {
        self.look(|interaction| interaction.modal.clone()).flatten()
    }

    /// The choices that it offered.
    pub fn choices(&self) -> Vec<Value> {
        self.look(|interaction| interaction.choices.clone())
            .flatten()
            .unwrap_or_default()
    }

    /// The message that answers it, as it is now.
    pub fn message(&self) -> Option<SeenMessage> {
        self.shared.read(|world| {
            let original = world.interactions.get(&self.id)?.original?;
            world
                .messages
                .get(&original)
                .map(|message| SeenMessage::of(world, message, self.user))
        })
    }

    /// Waits until the message that answers it fits.
    pub async fn wait_for_message(
        &self,
        mut fits: impl FnMut(&SeenMessage) -> bool,
        patience: Duration,
    ) -> Option<SeenMessage> {
        let find = |world: &crate::world::World| {
            let original = world.interactions.get(&self.id)?.original?;
            let message = SeenMessage::of(world, world.messages.get(&original)?, self.user);
            fits(&message).then_some(message)
        };
        self.shared.wait_for(patience, find).await
    }

    fn look<T>(&self, look: impl FnOnce(&Interaction) -> T) -> Option<T> {
        self.shared
            .read(|world| world.interactions.get(&self.id).map(look))
    }
}
