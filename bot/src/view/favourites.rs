//! Notes about a star that was set or taken back.

use easel_domain::JobId;
use serde_json::json;

use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::MessagePayload;
use crate::text::Language;

const SECONDARY: u8 = 2;

/// The star is kept, and can be taken back.
pub fn kept(words: &str, job: JobId, language: Language) -> MessagePayload {
    let id = CustomId {
        action: ButtonAction::Unstar,
        job,
        index: 0,
    };
    let button = json!({"type": 2, "style": SECONDARY, "custom_id": id.to_string(),
        "label": language.button_unstar(), "emoji": {"name": "⭐"}});
    MessagePayload {
        components: vec![json!({"type": 1, "components": [button]})],
        ..MessagePayload::text(words)
    }
}

/// The star is gone.
pub fn forgotten(language: Language) -> MessagePayload {
    MessagePayload::text(language.favourite_forgotten())
}
