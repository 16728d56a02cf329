//! Uploaded files: kept by id, shown through signed links that expire, as on Discord's CDN.

use std::fmt::Write as _;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use super::World;
use super::message::Message;
use crate::rest::body::Upload;
use crate::snowflake::Snowflake;

/// One stored file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) id: Snowflake,
    pub(crate) channel: Snowflake,
    pub(crate) filename: String,
    pub(crate) content_type: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    pub(crate) ephemeral: bool,
    #[serde(skip)]
    pub(crate) bytes: Bytes,
}

/// The parts of a link that prove that the playground made it, in hex.
#[derive(Debug, Deserialize)]
pub(crate) struct LinkProof {
    ex: String,
    is: String,
    hm: String,
}

impl World {
    /// Keeps a file and returns its id.
    pub(crate) fn store_file(
        &mut self,
        channel: Snowflake,
        upload: Upload,
        description: Option<String>,
        ephemeral: bool,
    ) -> Snowflake {
        let id = self.draw_id();
        let filename = safe_name(&upload.filename);
        let size = image::ImageReader::new(std::io::Cursor::new(&upload.bytes))
            .with_guessed_format()
            .ok()
            .and_then(|reader| reader.into_dimensions().ok());
        let content_type = upload
            .content_type
            .filter(|kind| kind != "application/octet-stream");
        let attachment = Attachment {
            id,
            channel,
            content_type: content_type.or_else(|| guess_type(&filename, &upload.bytes)),
            filename,
            description,
            width: size.map(|(width, _)| width),
            height: size.map(|(_, height)| height),
            ephemeral,
            bytes: upload.bytes,
        };
        self.attachments.insert(id, attachment);
        id
    }

    pub(crate) fn attachment_json(&self, attachment: &Attachment) -> Value {
        let url = self.attachment_url(attachment);
        let mut json = json!({
            "id": attachment.id, "filename": attachment.filename, "size": attachment.bytes.len(), "url": url,
            "proxy_url": url, "content_type": attachment.content_type,
        });
        if let (Some(width), Some(height)) = (attachment.width, attachment.height) {
            json["width"] = json!(width);
            json["height"] = json!(height);
        }
        if let Some(description) = &attachment.description {
            json["description"] = json!(description);
        }
        if attachment.ephemeral {
            json["ephemeral"] = json!(true);
        }
        json
    }

    /// The files of a message that are shown on their own: those used inside an embed are not listed.
    pub(crate) fn attachments_json(&self, message: &Message) -> Vec<Value> {
        let embeds = Value::Array(message.embeds.clone()).to_string();
        message
            .attachments
            .iter()
            .filter_map(|id| self.attachments.get(id))
            .filter(|attachment| {
                !embeds.contains(&format!("\"attachment://{}\"", attachment.filename))
            })
            .map(|attachment| self.attachment_json(attachment))
            .collect()
    }

    /// Replaces `attachment://name` by the file's link, and refreshes links that the playground made itself.
    pub(crate) fn resolve_links(&self, message: &Message, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(attachment) = self.linked(message, text) {
                    *text = self.attachment_url(attachment);
                }
            }
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| self.resolve_links(message, item)),
            Value::Object(fields) => {
                for key in [
                    "url",
                    "icon_url",
                    "image",
                    "thumbnail",
                    "footer",
                    "author",
                    "media",
                    "file",
                ] {
                    if let Some(field) = fields.get_mut(key) {
                        self.resolve_links(message, field);
                    }
                }
                for key in ["components", "items", "accessory"] {
                    if let Some(field) = fields.get_mut(key) {
                        self.resolve_links(message, field);
                    }
                }
            }
            _ => {}
        }
    }

    fn linked(&self, message: &Message, text: &str) -> Option<&Attachment> {
        if let Some(name) = text.strip_prefix("attachment://") {
            let mut own = message
                .attachments
                .iter()
                .filter_map(|id| self.attachments.get(id));
            return own.find(|attachment| attachment.filename == name);
        }
        // Whatever origin it was made under: that may have changed with a restart, the id has not.
        let (_, path) = text.split_once("/attachments/")?;
        let id = path.split('/').nth(1)?.parse().ok()?;
        self.attachments.get(&id)
    }

    pub(crate) fn attachment_url(&self, attachment: &Attachment) -> String {
        let path = format!(
            "{}/{}/{}",
            attachment.channel, attachment.id, attachment.filename
        );
        let issued = self.now.unix_timestamp();
        let expires =
            issued + i64::try_from(self.rules.link_life.as_secs()).unwrap_or(i64::MAX / 2);
        let (ex, is) = (format!("{expires:x}"), format!("{issued:x}"));
        let hm = self.link_signature(&path, &ex, &is);
        format!(
            "{}/attachments/{path}?ex={ex}&is={is}&hm={hm}&",
            self.origin
        )
    }

    /// The file behind a link, if the link is ours, has not expired and the file still exists.
    pub(crate) fn open_link(&self, path: &str, proof: &LinkProof) -> Option<Attachment> {
        let expires = i64::from_str_radix(&proof.ex, 16).ok()?;
        if expires < self.now.unix_timestamp()
            || self.link_signature(path, &proof.ex, &proof.is) != proof.hm
        {
            return None;
        }
        let id = path.split('/').nth(1)?.parse().ok()?;
        self.attachments.get(&id).cloned()
    }

    fn link_signature(&self, path: &str, ex: &str, is: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.link_secret)
            .expect("an HMAC takes a key of any length");
        mac.update(format!("{path}\n{ex}\n{is}").as_bytes());
        mac.finalize()
            .into_bytes()
            .iter()
            .fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
    }
}

/// File names as Discord rewrites them: letters, digits, dots, dashes and underscores.
fn safe_name(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|c| if c == ' ' { '_' } else { c })
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        .take(120)
        .collect();
    if kept.trim_matches('.').is_empty() {
        "file".to_owned()
    } else {
        kept
    }
}

fn guess_type(name: &str, bytes: &[u8]) -> Option<String> {
    if let Ok(format) = image::guess_format(bytes) {
        return Some(format.to_mime_type().to_owned());
    }
    let kind = match name.rsplit('.').next()? {
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "zip" => "application/zip",
        "mp4" => "video/mp4",
        _ => return None,
    };
    Some(kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_a_path_could_abuse() {
        assert_eq!(safe_name("../a b.png"), "..a_b.png");
        assert_eq!(safe_name("///"), "file");
    }
}
