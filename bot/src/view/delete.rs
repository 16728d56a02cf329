//! The question before a result is deleted.

use easel_domain::JobId;
use serde_json::json;

use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::MessagePayload;
use crate::text::Language;

const DANGER: u8 = 4;

/// Asks whether a result is to be deleted.
pub fn sure(job: JobId, language: Language) -> MessagePayload {
    let id = CustomId {
        action: ButtonAction::Delete,
        job,
        index: 1,
    };
    let button = json!({"type": 2, "style": DANGER, "custom_id": id.to_string(),
        "label": language.button_delete()});
    MessagePayload {
        components: vec![json!({"type": 1, "components": [button]})],
        ..MessagePayload::text(language.delete_sure())
    }
}
