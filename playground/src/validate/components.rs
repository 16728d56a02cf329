//! The limits of components in messages: action rows, and the newer layout components behind `IS_COMPONENTS_V2`.

use std::collections::HashSet;

use serde_json::Value;

use super::form::Form;

/// Layout and content components in one message, nested ones included.
const TOTAL_COMPONENTS: usize = 40;
/// Characters over all text displays of one message.
const TOTAL_TEXT: usize = 4000;

/// What was seen so far in the message.
#[derive(Default)]
struct Seen {
    custom_ids: HashSet<String>,
    components: usize,
    text: usize,
}

/// Checks the `components` of a message body. `v2` tells whether the message carries the flag for layout components.
pub(crate) fn check(form: &mut Form, body: &Value, v2: bool) {
    let components = form.list(body, "components");
    let mut seen = Seen::default();
    form.at("components", |form| {
        if !v2 && components.len() > 5 {
            form.refuse("BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.");
        }
        for (index, component) in components.iter().enumerate() {
            form.at(index, |form| top(form, component, v2, &mut seen));
        }
        if seen.components > TOTAL_COMPONENTS {
            form.refuse(
                "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
                "The total number of components cannot exceed 40",
            );
        }
        if seen.text > TOTAL_TEXT {
            form.refuse(
                "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
                "The total text cannot exceed 4000 characters",
            );
        }
    });
}

fn kind(component: &Value) -> u64 {
    component["type"].as_u64().unwrap_or(0)
}

fn top(form: &mut Form, component: &Value, v2: bool, seen: &mut Seen) {
    match kind(component) {
        1 => row(form, component, seen),
        9 | 10 | 12 | 13 | 14 | 17 if v2 => layout(form, component, seen),
        _ => form.at("type", |form| {
            form.choice(if v2 { "1, 9, 10, 12, 13, 14, 17" } else { "1" });
        }),
    }
}

fn row(form: &mut Form, row: &Value, seen: &mut Seen) {
    seen.components += 1;
    let children = form.list(row, "components");
    form.at("components", |form| {
        form.count(children.len(), 1, 5);
        let selects = children
            .iter()
            .filter(|child| matches!(kind(child), 3 | 5..=8))
            .count();
        if selects > 0 && children.len() > 1 {
            form.refuse(
                "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
                "The specified component exceeds the maximum width",
            );
        }
        for (index, child) in children.iter().enumerate() {
            form.at(index, |form| interactive(form, child, seen));
        }
    });
}

fn interactive(form: &mut Form, component: &Value, seen: &mut Seen) {
    seen.components += 1;
    match kind(component) {
        2 => button(form, component, seen),
        3 => {
            custom_id(form, component, seen);
            select_options(form, component);
            form.optional_text(component, "placeholder", 150);
        }
        5..=8 => {
            custom_id(form, component, seen);
            form.optional_text(component, "placeholder", 150);
        }
        _ => form.at("type", |form| form.choice("2, 3, 5, 6, 7, 8")),
    }
}

fn button(form: &mut Form, button: &Value, seen: &mut Seen) {
    form.optional_text(button, "label", 80);
    match button["style"].as_u64() {
        Some(1..=4) => {
            custom_id(form, button, seen);
            if button["label"].as_str().is_none_or(str::is_empty) && button["emoji"].is_null() {
                form.refuse(
                    "BUTTON_COMPONENT_INVALID_LABEL",
                    "A button must have a label or an emoji.",
                );
            }
        }
        Some(5) => {
            form.text(button, "url", 1, 512);
            form.link(button, "url", false);
            if !button["custom_id"].is_null() {
                form.refuse(
                    "BUTTON_COMPONENT_INVALID_CUSTOM_ID",
                    "A link button cannot have a custom id.",
                );
            }
        }
        Some(6) => {
            if button["sku_id"].is_null() {
                form.at("sku_id", Form::required);
            }
        }
        _ => form.at("style", |form| form.choice("1, 2, 3, 4, 5, 6")),
    }
}

fn custom_id(form: &mut Form, component: &Value, seen: &mut Seen) {
    form.text(component, "custom_id", 1, 100);
    if let Some(id) = component["custom_id"].as_str()
        && !seen.custom_ids.insert(id.to_owned())
    {
        form.at("custom_id", |form| {
            form.refuse(
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            );
        });
    }
}

/// Checks the options of a string select, in messages and in modals.
pub(super) fn select_options(form: &mut Form, select: &Value) {
    let options = form.list(select, "options");
    let mut values = HashSet::new();
    form.at("options", |form| {
        form.count(options.len(), 1, 25);
        for (index, option) in options.iter().enumerate() {
            form.at(index, |form| {
                form.text(option, "label", 1, 100);
                form.text(option, "value", 1, 100);
                form.optional_text(option, "description", 100);
                if !values.insert(option["value"].as_str()) {
                    form.at("value", |form| {
                        form.refuse(
                            "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                            "The specified value is already used",
                        );
                    });
                }
            });
        }
    });
}

fn layout(form: &mut Form, component: &Value, seen: &mut Seen) {
    seen.components += 1;
    match kind(component) {
        9 => section(form, component, seen),
        10 => seen.text += form.text(component, "content", 1, 4000),
        12 => {
            let items = form.list(component, "items");
            form.at("items", |form| {
                form.count(items.len(), 1, 10);
                for (index, item) in items.iter().enumerate() {
                    form.at(index, |form| media(form, item, "media"));
                }
            });
        }
        13 => media(form, component, "file"),
        14 => {}
        17 => {
            let children = form.list(component, "components");
            form.at("components", |form| {
                for (index, child) in children.iter().enumerate() {
                    form.at(index, |form| match kind(child) {
                        1 => row(form, child, seen),
                        9 | 10 | 12 | 13 | 14 => layout(form, child, seen),
                        _ => form.at("type", |form| form.choice("1, 9, 10, 12, 13, 14")),
                    });
                }
            });
        }
        _ => form.at("type", |form| form.choice("9, 10, 12, 13, 14, 17")),
    }
}

fn section(form: &mut Form, section: &Value, seen: &mut Seen) {
    let texts = form.list(section, "components");
    form.at("components", |form| {
        form.count(texts.len(), 1, 3);
        for (index, text) in texts.iter().enumerate() {
            form.at(index, |form| {
                if kind(text) == 10 {
                    layout(form, text, seen);
                } else {
                    form.at("type", |form| form.choice("10"));
                }
            });
        }
    });
    form.at("accessory", |form| {
        let accessory = &section["accessory"];
        match kind(accessory) {
            2 => interactive(form, accessory, seen),
            11 => media(form, accessory, "media"),
            _ => form.required(),
        }
    });
}

fn media(form: &mut Form, component: &Value, key: &str) {
    form.at(key, |form| {
        if component[key]["url"].is_null() {
            form.at("url", Form::required);
        }
        form.link(&component[key], "url", true);
    });
}
