//! The refusals of Discord's HTTP API: a status, a numeric code, a sentence, and for forms a tree of field errors.

use serde_json::{Value, json};

/// One refusal, as a client reads it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// Discord's JSON error code; 0 where there is none.
    pub code: u32,
    /// Discord's sentence.
    pub message: String,
    /// Field errors of a form, nested like the form itself.
    pub errors: Option<Value>,
}

impl ApiError {
    /// The JSON body of the refusal.
    pub fn body(&self) -> Value {
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            body["errors"] = errors.clone();
        }
        body
    }

    const fn new(status: u16, code: u32, message: String) -> Self {
        Self {
            status,
            code,
            message,
            errors: None,
        }
    }

    /// A form refused for these fields (50035).
    pub fn form(errors: Value) -> Self {
        Self {
            errors: Some(errors),
            ..Self::new(400, 50035, "Invalid Form Body".to_owned())
        }
    }

    /// A request that is refused before its body is looked at, with code 0.
    pub fn plain(status: u16, message: &str) -> Self {
        Self::new(status, 0, message.to_owned())
    }
}

macro_rules! refusals {
    ($($name:ident = $status:literal, $code:literal, $message:literal;)*) => {
        impl ApiError {
            $(
                #[doc = concat!("`", $message, "` (", $code, ").")]
                pub fn $name() -> Self {
                    Self::new($status, $code, $message.to_owned())
                }
            )*

            /// The refusal with this code, if it is one that an application for pictures can meet.
            pub fn by_code(code: u32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name()),)*
                    _ => None,
                }
            }
        }
    };
}

refusals! {
    unknown_application = 404, 10002, "Unknown Application";
    unknown_channel = 404, 10003, "Unknown Channel";
    unknown_guild = 404, 10004, "Unknown Guild";
    unknown_member = 404, 10007, "Unknown Member";
    unknown_message = 404, 10008, "Unknown Message";
    unknown_user = 404, 10013, "Unknown User";
    unknown_emoji = 400, 10014, "Unknown Emoji";
    unknown_webhook = 404, 10015, "Unknown Webhook";
    slow_mode = 429, 20016, "This action cannot be performed due to slowmode rate limit";
    channel_write_limit = 429, 20028, "The channel you are writing has hit the write rate limit";
    unknown_interaction = 404, 10062, "Unknown interaction";
    unknown_command = 404, 10063, "Unknown application command";
    too_many_reactions = 400, 30010, "Maximum number of reactions reached (20)";
    too_many_old_edits = 429, 30046, "Maximum number of edits to messages older than 1 hour reached. Try again later.";
    too_many_command_creates = 429, 30034, "Max number of daily application command creates has been reached (200)";
    too_large = 413, 40005, "Request entity too large";
    already_acknowledged = 400, 40060, "Interaction has already been acknowledged.";
    too_many_follow_ups = 400, 40094, "Maximum number of follow up messages reached";
    bad_user_agent = 403, 40333, "internal network error";
    missing_access = 403, 50001, "Missing Access";
    cannot_edit_others_message = 403, 50005, "Cannot edit a message authored by another user";
    empty_message = 400, 50006, "Cannot send an empty message";
    cannot_message_user = 403, 50007, "Cannot send messages to this user";
    missing_permissions = 403, 50013, "Missing Permissions";
    invalid_webhook_token = 401, 50027, "Invalid Webhook Token";
    archived_thread = 400, 50083, "Thread is archived";
    invalid_json = 400, 50109, "The request body contains invalid JSON.";
    overloaded = 503, 130_000, "API resource is currently overloaded. Try again a little later.";
    blocked_by_automod = 400, 200_000, "Message was blocked by automatic moderation";
    no_mutual_guild = 403, 50278, "Cannot send messages to this user due to having no mutual guilds";
}

impl ApiError {
    /// No or a wrong bot token.
    pub fn unauthorized() -> Self {
        Self::plain(401, "401: Unauthorized")
    }

    /// No such route.
    pub fn no_route() -> Self {
        Self::plain(404, "404: Not Found")
    }

    /// The route exists, but not for this method.
    pub fn wrong_method() -> Self {
        Self::plain(405, "405: Method Not Allowed")
    }

    /// A body of a kind that Discord does not read.
    pub fn wrong_content_type() -> Self {
        Self::new(
            400,
            50035,
            "Expected \"Content-Type\" header to be one of {'application/json', 'multipart/form-data', \
             'application/x-www-form-urlencoded'}."
                .to_owned(),
        )
    }
}
