//! The calls that the bot makes, one method each.

use easel_domain::{DiscordId, GuildKey, InteractionId};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::body::MessagePayload;
use super::bucket::Urgency;
use super::call::{Body, Call, Major, Patience};
use super::client::Rest;
use super::error::{RestError, code};
use super::permit::Permit;
use super::reply::read;
use super::types::{
    ApiChannel, ApiGuild, ApiMessage, ApiPlace, Callback, CallbackResponse, GatewayInfo,
};

impl Rest {
    /// Where to connect and how many sessions are left.
    pub async fn gateway(&self) -> Result<GatewayInfo, RestError> {
        let call = self.bot_call(
            "gateway",
            Method::GET,
            "/gateway/bot".into(),
            Major::Bot,
            Body::Nothing,
        );
        self.decode(call).await
    }

    /// The application's global commands, unread: Discord's replies hold more than its own clients can decode.
    pub async fn commands(&self, application: DiscordId) -> Result<Vec<Value>, RestError> {
        let path = format!("/applications/{application}/commands");
        let call = self.bot_call("commands", Method::GET, path, Major::Bot, Body::Nothing);
        self.decode(call).await
    }

    /// Replaces all global commands.
    pub async fn put_commands(
        &self,
        application: DiscordId,
        commands: Value,
    ) -> Result<(), RestError> {
        let path = format!("/applications/{application}/commands");
        let call = self.bot_call(
            "put_commands",
            Method::PUT,
            path,
            Major::Bot,
            Body::Json(commands),
        );
        self.send(call).await.map(drop)
    }

    /// The first answer to an interaction. Returns the message that it made, where there is one.
    pub async fn answer(
        &self,
        interaction: InteractionId,
        token: &SecretString,
        answer: &Callback,
    ) -> Result<Option<ApiMessage>, RestError> {
        let token = token.expose_secret();
        let call = Call {
            route: "answer",
            method: Method::POST,
            path: format!("/interactions/{interaction}/{token}/callback?with_response=true"),
            permit: None,
            major: Major::Token(token.to_owned()),
            as_bot: false,
            urgency: Urgency::Must,
            body: Body::Json(answer.to_json()),
            patience: Patience {
                total: self.settings().answer_timeout,
                tries: 3,
            },
        };
        let response = match self.send_counted(call).await {
            // A try whose reply was lost has answered.
            Err((error, tries)) if error.code() == Some(code::ALREADY_ANSWERED) && tries > 1 => {
                return Ok(None);
            }
            Err((error, _)) => return Err(error),
            Ok((response, _)) => response,
        };
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        // The answer counts whatever the body says; without the message's id the next edit tells it.
        let body: Option<CallbackResponse> = read("answer", response).await.ok();
        Ok(body
            .and_then(|body| body.resource)
            .and_then(|resource| resource.message))
    }

    /// Replaces the answer to an interaction, in a turn that was taken before if there is a `permit`.
    pub async fn edit_original(
        &self,
        application: DiscordId,
        token: &SecretString,
        payload: &MessagePayload,
        permit: Option<Permit>,
    ) -> Result<ApiMessage, RestError> {
        let body = Body::Message {
            json: payload.edit_json(),
            files: payload.files.clone(),
        };
        let call = self.token_call(
            "edit_original",
            Method::PATCH,
            application,
            token,
            "/messages/@original",
            body,
        );
        self.decode(Call { permit, ..call }).await
    }

    /// Deletes the answer to an interaction.
    pub async fn delete_original(
        &self,
        application: DiscordId,
        token: &SecretString,
    ) -> Result<(), RestError> {
        let call = self.token_call(
            "delete_original",
            Method::DELETE,
            application,
            token,
            "/messages/@original",
            Body::Nothing,
        );
        self.send(call).await.map(drop)
    }

    /// Another message under an interaction.
    pub async fn follow_up(
        &self,
        application: DiscordId,
        token: &SecretString,
        payload: &MessagePayload,
    ) -> Result<ApiMessage, RestError> {
        let body = Body::Message {
            json: payload.create_json(),
            files: payload.files.clone(),
        };
        let mut call = self.token_call("follow_up", Method::POST, application, token, "", body);
        // A lost reply must not say the same thing twice.
        call.patience.tries = 1;
        self.decode(call).await
    }

    /// A new message in a channel. Posts with the same `nonce` within a few minutes make one message.
    pub async fn create_message(
        &self,
        channel: DiscordId,
        payload: &MessagePayload,
        nonce: &str,
        permit: Option<Permit>,
    ) -> Result<ApiMessage, RestError> {
        let mut json = payload.create_json();
        json["nonce"] = nonce.into();
        json["enforce_nonce"] = true.into();
        let body = Body::Message {
            json,
            files: payload.files.clone(),
        };
        let path = format!("/channels/{channel}/messages");
        let major = Major::Channel(channel.to_string());
        let call = self.bot_call("create_message", Method::POST, path, major, body);
        self.decode(Call { permit, ..call }).await
    }

    /// Replaces a message of the bot.
    pub async fn edit_message(
        &self,
        channel: DiscordId,
        message: DiscordId,
        payload: &MessagePayload,
        permit: Option<Permit>,
    ) -> Result<ApiMessage, RestError> {
        let body = Body::Message {
            json: payload.edit_json(),
            files: payload.files.clone(),
        };
        let path = format!("/channels/{channel}/messages/{message}");
        let major = Major::Channel(channel.to_string());
        let call = self.bot_call("edit_message", Method::PATCH, path, major, body);
        self.decode(Call { permit, ..call }).await
    }

    /// The newest messages of a channel, newest first.
    pub async fn newest_messages(
        &self,
        channel: DiscordId,
        limit: u8,
    ) -> Result<Vec<ApiMessage>, RestError> {
        let path = format!("/channels/{channel}/messages?limit={limit}");
        let major = Major::Channel(channel.to_string());
        self.decode(self.bot_call("newest_messages", Method::GET, path, major, Body::Nothing))
            .await
    }

    /// One message, to see what a reaction means: that leaves room for what must be shown.
    pub async fn message(
        &self,
        channel: DiscordId,
        message: DiscordId,
    ) -> Result<ApiMessage, RestError> {
        let path = format!("/channels/{channel}/messages/{message}");
        let major = Major::Channel(channel.to_string());
        let call = self.bot_call("message", Method::GET, path, major, Body::Nothing);
        self.decode(call.when_there_is_room()).await
    }

    /// Deletes a message.
    pub async fn delete_message(
        &self,
        channel: DiscordId,
        message: DiscordId,
    ) -> Result<(), RestError> {
        let path = format!("/channels/{channel}/messages/{message}");
        let major = Major::Channel(channel.to_string());
        let call = self.bot_call("delete_message", Method::DELETE, path, major, Body::Nothing);
        self.send(call).await.map(drop)
    }

    /// Reacts to a message with a plain emoji, leaving room for what must be shown.
    pub async fn react(
        &self,
        channel: DiscordId,
        message: DiscordId,
        emoji: &str,
    ) -> Result<(), RestError> {
        let escaped: String = url::form_urlencoded::byte_serialize(emoji.as_bytes()).collect();
        let path = format!("/channels/{channel}/messages/{message}/reactions/{escaped}/@me");
        let major = Major::Channel(channel.to_string());
        let call = self.bot_call("react", Method::PUT, path, major, Body::Nothing);
        self.send(call.when_there_is_room()).await.map(drop)
    }

    /// A guild's owner and roles.
    pub async fn guild(&self, guild: GuildKey) -> Result<ApiGuild, RestError> {
        let path = format!("/guilds/{guild}");
        self.decode(self.bot_call("guild", Method::GET, path, Major::Bot, Body::Nothing))
            .await
    }

    /// A channel or thread with what is allowed in it.
    pub async fn channel(&self, channel: DiscordId) -> Result<ApiPlace, RestError> {
        let path = format!("/channels/{channel}");
        let major = Major::Channel(channel.to_string());
        self.decode(self.bot_call("channel", Method::GET, path, major, Body::Nothing))
            .await
    }

    /// The channel of direct messages with a member.
    pub async fn direct_channel(&self, member: DiscordId) -> Result<DiscordId, RestError> {
        let body = Body::Json(serde_json::json!({"recipient_id": member.to_string()}));
        let call = self.bot_call(
            "direct_channel",
            Method::POST,
            "/users/@me/channels".into(),
            Major::Bot,
            body,
        );
        self.decode::<ApiChannel>(call)
            .await
            .map(|channel| channel.id)
    }

    fn patience(&self) -> Patience {
        Patience {
            total: self.settings().call_timeout,
            tries: 4,
        }
    }

    fn bot_call(
        &self,
        route: &'static str,
        method: Method,
        path: String,
        major: Major,
        body: Body,
    ) -> Call {
        Call {
            route,
            method,
            path,
            permit: None,
            major,
            as_bot: true,
            urgency: Urgency::Must,
            body,
            patience: self.patience(),
        }
    }

    fn token_call(
        &self,
        route: &'static str,
        method: Method,
        application: DiscordId,
        token: &SecretString,
        rest: &str,
        body: Body,
    ) -> Call {
        let token = token.expose_secret();
        Call {
            route,
            method,
            path: format!("/webhooks/{application}/{token}{rest}"),
            permit: None,
            major: Major::Token(token.to_owned()),
            as_bot: false,
            urgency: Urgency::Must,
            body,
            patience: self.patience(),
        }
    }

    async fn decode<T: DeserializeOwned>(&self, call: Call) -> Result<T, RestError> {
        let route = call.route;
        let response = self.send(call).await?;
        read(route, response).await
    }
}
