//! The limits of modals.

use serde_json::Value;

use super::components::select_options;
use super::form::Form;
use crate::error::ApiError;

/// Checks the data of a modal callback.
pub(crate) fn check(data: &Value) -> Result<(), ApiError> {
    let mut form = Form::default();
    form.at("data", |form| {
        form.text(data, "custom_id", 1, 100);
        form.text(data, "title", 1, 45);
        let components = form.list(data, "components");
        form.at("components", |form| {
            form.count(components.len(), 1, 5);
            for (index, component) in components.iter().enumerate() {
                form.at(index, |form| top(form, component));
            }
        });
    });
    form.finish()
}

fn top(form: &mut Form, component: &Value) {
    match component["type"].as_u64() {
        Some(1) => {
            let children = form.list(component, "components");
            form.at("components", |form| {
                form.count(children.len(), 1, 1);
                for (index, child) in children.iter().enumerate() {
                    form.at(index, |form| {
                        form.text(child, "label", 1, 45);
                        input(form, child, &[4]);
                    });
                }
            });
        }
        Some(10) => {
            form.text(component, "content", 1, 4000);
        }
        Some(18) => {
            form.text(component, "label", 1, 45);
            form.optional_text(component, "description", 100);
            form.at("component", |form| {
                input(
                    form,
                    &component["component"],
                    &[3, 4, 5, 6, 7, 8, 19, 21, 22, 23],
                );
            });
        }
        _ => form.at("type", |form| form.choice("1, 10, 18")),
    }
}

fn input(form: &mut Form, component: &Value, allowed: &[u64]) {
    let kind = component["type"].as_u64().unwrap_or(0);
    if !allowed.contains(&kind) {
        let names: Vec<String> = allowed.iter().map(u64::to_string).collect();
        form.at("type", |form| form.choice(&names.join(", ")));
        return;
    }
    form.text(component, "custom_id", 1, 100);
    match kind {
        3 => select_options(form, component),
        4 => {
            form.optional_text(component, "value", 4000);
            form.optional_text(component, "placeholder", 100);
            if !matches!(component["style"].as_u64(), Some(1 | 2)) {
                form.at("style", |form| form.choice("1, 2"));
            }
        }
        _ => {}
    }
}
