//! The choice of a part of a picture, as a grid of toggles: Discord has no canvas. The cells that are chosen are in the
//! ids of the toggles, so nothing is kept in memory.

use serde_json::{Value, json};

use super::Intake;
use super::made::{COLUMNS, ROWS};
use crate::arrival::Arrival;
use crate::custom_id::{ButtonAction, CustomId};
use crate::rest::{Callback, MessagePayload};
use crate::text::Language;

const PRIMARY: u8 = 1;
const SECONDARY: u8 = 2;
const SUCCESS: u8 = 3;
/// The index of the button that opens the choice: no cell is chosen, and the message is a new one.
pub(crate) const OPENS: u32 = 1 << 31;

impl Intake {
    /// Shows the choice in a message of its own, or changes it there.
    pub(super) async fn choose_region(&self, arrival: &Arrival, button: CustomId) {
        let opens = button.index == OPENS;
        let chosen = if opens {
            0
        } else {
            button.index & every_cell()
        };
        let payload = choice(
            CustomId {
                index: chosen,
                ..button
            },
            arrival.language,
        );
        let answer = if opens {
            Callback::Message(payload)
        } else {
            Callback::Update(payload)
        };
        // Whether it arrived is counted with the answer; there is nothing else to do about it.
        let _ = self.answer(arrival, &answer).await;
    }
}

fn every_cell() -> u32 {
    (1 << (COLUMNS * ROWS)) - 1
}

/// The grid of toggles with these cells chosen.
fn choice(button: CustomId, language: Language) -> MessagePayload {
    let toggle = |cell: u32| -> Value {
        let is_chosen = button.index >> cell & 1 == 1;
        let id = CustomId {
            action: ButtonAction::Region,
            index: button.index ^ (1 << cell),
            ..button
        };
        let (style, label) = if is_chosen {
            (PRIMARY, "🖌️")
        } else {
            (SECONDARY, "·")
        };
        json!({"type": 2, "style": style, "custom_id": id.to_string(), "label": label})
    };
    let row = |row: u32| -> Value {
        let cells: Vec<Value> = (0..COLUMNS)
            .map(|column| toggle(row * COLUMNS + column))
            .collect();
        json!({"type": 1, "components": cells})
    };
    let draw = CustomId {
        action: ButtonAction::RegionDraw,
        ..button
    };
    let draw = json!({"type": 2, "style": SUCCESS, "custom_id": draw.to_string(),
        "label": language.button_paint(), "disabled": button.index == 0});
    let mut components: Vec<Value> = (0..ROWS).map(row).collect();
    components.push(json!({"type": 1, "components": [draw]}));
    MessagePayload {
        components,
        ..MessagePayload::whisper(language.choose_part())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::JobId;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    #[test]
    fn every_toggle_changes_its_own_cell_and_ids_differ() {
        let button = CustomId {
            action: ButtonAction::Region,
            job: JobId(Uuid::nil()),
            index: 0b101,
        };
        let payload = choice(button, Language::English);
        let buttons: Vec<&Value> = payload
            .components
            .iter()
            .flat_map(|row| row["components"].as_array().unwrap())
            .collect();
        let ids: BTreeSet<&str> = buttons
            .iter()
            .map(|button| button["custom_id"].as_str().unwrap())
            .collect();
        assert_eq!(
            (buttons.len(), ids.len(), payload.components.len()),
            (21, 21, 5)
        );
        for (cell, toggle) in buttons[..20].iter().enumerate() {
            let id: CustomId = toggle["custom_id"].as_str().unwrap().parse().unwrap();
            assert_eq!(id.index ^ button.index, 1 << cell);
        }
    }
}
