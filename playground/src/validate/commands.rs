//! The limits of application commands.

use std::collections::HashSet;

use serde_json::Value;

use super::form::Form;

/// Characters over all names, descriptions and choice values of one command.
const TOTAL_CHARACTERS: usize = 8000;

/// Checks one command as sent by the application; `partial` for a PATCH, where the name may be absent.
pub(crate) fn check(form: &mut Form, command: &Value, partial: bool) {
    let kind = command["type"].as_u64().unwrap_or(1);
    if !(1..=3).contains(&kind) {
        form.at("type", |form| form.choice("1, 2, 3"));
        return;
    }
    if !(partial && command["name"].is_null()) {
        name(form, command, kind == 1);
    }
    if kind == 1 {
        if !(partial && command["description"].is_null()) {
            form.text(command, "description", 1, 100);
        }
        let total = options(form, command, 0) + characters(command, &["name", "description"]);
        if total > TOTAL_CHARACTERS {
            form.refuse(
                "APPLICATION_COMMAND_TOO_LARGE",
                "Combined name, description, and value properties for each command and its subcommands and groups \
                 cannot exceed 8000 characters.",
            );
        }
    } else {
        if command["description"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
        {
            form.at("description", |form| {
                form.refuse(
                    "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_PROVIDED",
                    "Context menu commands cannot have a description",
                );
            });
        }
        if command["options"]
            .as_array()
            .is_some_and(|options| !options.is_empty())
        {
            form.at("options", |form| {
                form.refuse(
                    "APPLICATION_COMMAND_OPTIONS_INVALID",
                    "Context menu commands cannot have options",
                );
            });
        }
    }
    small_numbers(form, command, "integration_types", 1);
    small_numbers(form, command, "contexts", 2);
}

fn small_numbers(form: &mut Form, command: &Value, key: &str, max: u64) {
    let numbers = form.list(command, key);
    form.at(key, |form| {
        for (index, number) in numbers.iter().enumerate() {
            if number.as_u64().is_none_or(|number| number > max) {
                form.at(index, |form| {
                    form.choice(
                        &(0..=max)
                            .map(|n| n.to_string())
                            .collect::<Vec<_>>()
                            .join(", "),
                    );
                });
            }
        }
    });
}

fn characters(object: &Value, keys: &[&str]) -> usize {
    keys.iter()
        .filter_map(|key| object[*key].as_str())
        .map(|text| text.chars().count())
        .sum()
}

fn name(form: &mut Form, object: &Value, lowercase: bool) {
    form.text(object, "name", 1, 32);
    let Some(name) = object["name"].as_str() else {
        return;
    };
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '\'') || is_combining(c);
    if lowercase && (!name.chars().all(allowed) || name.to_lowercase() != name) {
        form.at("name", |form| {
            form.refuse(
                "APPLICATION_COMMAND_INVALID_NAME",
                "Command name is invalid: it may only contain lowercase letters, digits, hyphens and underscores.",
            );
        });
    }
}

/// Marks of the two scripts that Discord's pattern names besides letters and digits (Devanagari and Thai).
fn is_combining(c: char) -> bool {
    matches!(c, '\u{0900}'..='\u{097F}' | '\u{0E00}'..='\u{0E7F}')
}

/// Checks the options of a command or of one of its sub-commands and returns their characters.
fn options(form: &mut Form, parent: &Value, depth: usize) -> usize {
    let options = form.list(parent, "options");
    let mut total = 0;
    form.at("options", |form| {
        if options.len() > 25 {
            form.refuse("BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
        }
        let (mut names, mut optional_seen, mut nested, mut plain) = (HashSet::new(), false, false, false);
        for (index, option) in options.iter().enumerate() {
            form.at(index, |form| {
                total += one_option(form, option, depth);
                if !names.insert(option["name"].as_str()) {
                    form.refuse("APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Option name already exists");
                }
                let is_nested = matches!(option["type"].as_u64(), Some(1 | 2));
                nested |= is_nested;
                plain |= !is_nested;
                let required = option["required"].as_bool().unwrap_or(false);
                if required && optional_seen {
                    form.refuse(
                        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                        "Required options must be placed before non-required options",
                    );
                }
                optional_seen |= !required;
            });
        }
        if nested && plain {
            form.refuse("APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command and sub-command group option types are mutually exclusive to all other types");
        }
    });
    total
}

fn one_option(form: &mut Form, option: &Value, depth: usize) -> usize {
    name(form, option, true);
    form.text(option, "description", 1, 100);
    let mut total = characters(option, &["name", "description"]);
    match option["type"].as_u64() {
        Some(kind @ (1 | 2)) => {
            if (kind == 1 && depth > 1) || (kind == 2 && depth > 0) {
                form.at("type", |form| form.choice("3, 4, 5, 6, 7, 8, 9, 10, 11"));
            } else {
                total += options(form, option, depth + 1);
            }
        }
        Some(kind @ 3..=11) => total += value_rules(form, option, kind),
        _ => form.at("type", |form| {
            form.choice("1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11");
        }),
    }
    total
}

fn value_rules(form: &mut Form, option: &Value, kind: u64) -> usize {
    let choices = form.list(option, "choices");
    if !choices.is_empty() && option["autocomplete"] == true {
        form.at("autocomplete", |form| {
            form.refuse(
                "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_CHOICES_EXCLUSIVE",
                "Autocomplete and choices are mutually exclusive",
            );
        });
    }
    for key in ["min_length", "max_length"] {
        if option[key].as_u64().is_some_and(|length| length > 6000) {
            form.at(key, |form| {
                form.refuse(
                    "NUMBER_TYPE_MAX",
                    "int value should be less than or equal to 6000.",
                );
            });
        }
    }
    let mut total = 0;
    form.at("choices", |form| {
        if choices.len() > 25 {
            form.refuse("BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
        }
        for (index, choice) in choices.iter().enumerate() {
            form.at(index, |form| {
                total += form.text(choice, "name", 1, 100);
                let fits = match kind {
                    3 => {
                        total += form.text(choice, "value", 0, 100);
                        true
                    }
                    4 => choice["value"].is_i64() || choice["value"].is_u64(),
                    10 => choice["value"].is_number(),
                    _ => false,
                };
                if !fits {
                    form.at("value", |form| {
                        form.refuse(
                            "CHOICE_TYPE_INVALID",
                            "The value does not fit the option's type",
                        );
                    });
                }
            });
        }
    });
    total
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(command: &Value) -> Option<Value> {
        let mut form = Form::default();
        check(&mut form, command, false);
        form.finish().err().and_then(|refusal| refusal.errors)
    }

    #[test]
    fn a_plain_slash_command_passes() {
        let command = json!({"name": "imagine", "description": "draws", "options": [
            {"type": 3, "name": "prompt", "description": "what", "required": true, "max_length": 6000}]});
        assert_eq!(refusal(&command), None);
    }

    #[test]
    fn upper_case_names_are_refused() {
        let errors = refusal(&json!({"name": "Imagine", "description": "draws"})).expect("refused");
        assert_eq!(
            errors["name"]["_errors"][0]["code"],
            "APPLICATION_COMMAND_INVALID_NAME"
        );
    }

    #[test]
    fn required_options_come_first() {
        let option = |name: &str, required: bool| json!({"type": 3, "name": name, "description": "d", "required": required});
        let command = json!({"name": "x", "description": "d", "options": [option("a", false), option("b", true)]});
        let errors = refusal(&command).expect("refused");
        assert_eq!(
            errors["options"]["1"]["_errors"][0]["code"],
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"
        );
    }

    #[test]
    fn a_menu_command_has_no_description() {
        assert!(
            refusal(&json!({"type": 3, "name": "Describe image", "description": "no"})).is_some()
        );
        assert_eq!(refusal(&json!({"type": 3, "name": "Describe image"})), None);
    }
}
