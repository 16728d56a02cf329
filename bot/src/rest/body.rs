//! A message as we send it.

use std::hash::{Hash, Hasher};

use bytes::Bytes;
use easel_domain::DiscordId;
use serde_json::{Value, json};

/// A file that goes with a message.
#[derive(Clone, PartialEq, Eq)]
pub struct FilePart {
    /// File name, as in `attachment://name`.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Text for those who do not see it, at most 1024 characters.
    pub alt: String,
    /// The file.
    pub bytes: Bytes,
}

/// Pictures do not belong in logs.
impl std::fmt::Debug for FilePart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FilePart({}, {} bytes)", self.name, self.bytes.len())
    }
}

/// The full state of a message: an edit replaces everything, so it may be repeated.
#[derive(Clone, PartialEq, Default)]
pub struct MessagePayload {
    /// Text, at most 2000 characters.
    pub content: String,
    /// Embeds, as Discord's JSON.
    pub embeds: Vec<Value>,
    /// Rows of buttons, as Discord's JSON.
    pub components: Vec<Value>,
    /// Files; those of earlier edits go away.
    pub files: Vec<FilePart>,
    /// Who is notified. Nobody else ever is, whatever the text says.
    pub mentions: Vec<DiscordId>,
    /// Whether only the member sees it; counts when it is created.
    pub ephemeral: bool,
}

/// Messages quote prompts: only sizes are shown.
impl std::fmt::Debug for MessagePayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessagePayload")
            .field("content_bytes", &self.content.len())
            .field("embeds", &self.embeds.len())
            .field("rows", &self.components.len())
            .field("files", &self.files)
            .field("ephemeral", &self.ephemeral)
            .finish_non_exhaustive()
    }
}

const EPHEMERAL: u64 = 1 << 6;

impl MessagePayload {
    /// A text and nothing else.
    pub fn text(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            ..Self::default()
        }
    }

    /// A text that only the member sees.
    pub fn whisper(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            ephemeral: true,
            ..Self::default()
        }
    }

    /// The body of a new message.
    pub fn create_json(&self) -> Value {
        let mut body = self.common();
        if self.ephemeral {
            body["flags"] = EPHEMERAL.into();
        }
        if !self.files.is_empty() {
            body["attachments"] = self.attachments();
        }
        body
    }

    /// The body of an edit: all attachments of before that are not in it go away.
    pub fn edit_json(&self) -> Value {
        let mut body = self.common();
        body["attachments"] = self.attachments();
        body
    }

    /// A number that tells whether two messages look the same, for as long as the process lives.
    pub fn print(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        self.edit_json().to_string().hash(&mut hasher);
        for file in &self.files {
            file.bytes.hash(&mut hasher);
        }
        hasher.finish()
    }

    fn common(&self) -> Value {
        let users: Vec<String> = self.mentions.iter().map(ToString::to_string).collect();
        let mut mentions = json!({"parse": []});
        if !users.is_empty() {
            mentions["users"] = users.into();
        }
        json!({
            "content": self.content,
            "embeds": self.embeds,
            "components": self.components,
            "allowed_mentions": mentions,
        })
    }

    fn attachments(&self) -> Value {
        let list = self.files.iter().enumerate();
        list.map(|(n, file)| json!({"id": n.to_string(), "filename": file.name, "description": file.alt}))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_mentioned_by_what_a_prompt_says() {
        let body = MessagePayload::text("@everyone").edit_json();
        assert_eq!(body["allowed_mentions"], json!({"parse": []}));
        assert_eq!(body["attachments"], json!([]));
    }

    #[test]
    fn only_the_named_member_is_notified() {
        let payload = MessagePayload {
            mentions: vec![DiscordId(7)],
            ..MessagePayload::text("<@7> done")
        };
        assert_eq!(
            payload.create_json()["allowed_mentions"],
            json!({"parse": [], "users": ["7"]})
        );
    }
}
