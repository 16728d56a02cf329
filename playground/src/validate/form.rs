//! Collects the field errors of one request body, in the nested shape that Discord answers with (50035).

use serde_json::{Map, Value, json};

use crate::error::ApiError;

/// The errors found so far and the path of the field being looked at.
#[derive(Debug, Default)]
pub(crate) struct Form {
    errors: Map<String, Value>,
    path: Vec<String>,
}

impl Form {
    /// Looks at the field `key` of the current object (or the item of that index).
    pub(crate) fn at<T>(
        &mut self,
        key: impl std::fmt::Display,
        look: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.path.push(key.to_string());
        let found = look(self);
        self.path.pop();
        found
    }

    /// Records an error for the current field.
    pub(crate) fn refuse(&mut self, code: &str, message: impl Into<String>) {
        let mut node = &mut self.errors;
        for key in &self.path {
            let next = node.entry(key.clone()).or_insert_with(|| json!({}));
            let Value::Object(next) = next else { return };
            node = next;
        }
        let list = node.entry("_errors").or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(json!({"code": code, "message": message.into()}));
        }
    }

    /// The errors as a refusal, if there are any.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::form(Value::Object(self.errors)))
        }
    }

    pub(crate) fn required(&mut self) {
        self.refuse("BASE_TYPE_REQUIRED", "This field is required");
    }

    pub(crate) fn choice(&mut self, allowed: &str) {
        self.refuse(
            "BASE_TYPE_CHOICES",
            format!("Value must be one of {{{allowed}}}."),
        );
    }

    /// Checks a count against its bounds.
    pub(crate) fn count(&mut self, count: usize, min: usize, max: usize) {
        if count < min || count > max {
            self.refuse(
                "BASE_TYPE_BAD_LENGTH",
                format!("Must be between {min} and {max} in length."),
            );
        }
    }

    /// Checks a text that may be absent or null and returns its length in characters.
    pub(crate) fn optional_text(&mut self, object: &Value, key: &str, max: usize) -> usize {
        self.at(key, |form| match &object[key] {
            Value::Null => 0,
            Value::String(text) => form.bounded(text, 0, max),
            _ => {
                form.refuse("STRING_TYPE_CONVERT", "Only strings are allowed.");
                0
            }
        })
    }

    /// Checks a text that must be there and returns its length in characters.
    pub(crate) fn text(&mut self, object: &Value, key: &str, min: usize, max: usize) -> usize {
        self.at(key, |form| match &object[key] {
            Value::String(text) => form.bounded(text, min, max),
            Value::Null => {
                form.required();
                0
            }
            _ => {
                form.refuse("STRING_TYPE_CONVERT", "Only strings are allowed.");
                0
            }
        })
    }

    /// The items of a list that may be absent or null; anything else is an error.
    pub(crate) fn list<'v>(&mut self, object: &'v Value, key: &str) -> &'v [Value] {
        match &object[key] {
            Value::Null => &[],
            Value::Array(items) => items,
            _ => {
                self.at(key, |form| {
                    form.refuse(
                        "LIST_TYPE_CONVERT",
                        "Only iterables may be used in a ListType",
                    );
                });
                &[]
            }
        }
    }

    /// Checks an http(s) link, or `attachment://` where files may be meant.
    pub(crate) fn link(&mut self, object: &Value, key: &str, attachment: bool) {
        self.at(key, |form| match &object[key] {
            Value::Null => {}
            Value::String(text) => {
                let schemes: &[&str] = if attachment {
                    &["http://", "https://", "attachment://"]
                } else {
                    &["http://", "https://"]
                };
                if !schemes.iter().any(|scheme| text.starts_with(scheme)) {
                    form.refuse(
                        "URL_TYPE_INVALID_SCHEME",
                        format!("Scheme must be one of ({}).", schemes.join(", ")),
                    );
                }
                form.bounded(text, 1, 2048);
            }
            _ => form.refuse("STRING_TYPE_CONVERT", "Only strings are allowed."),
        });
    }

    fn bounded(&mut self, text: &str, min: usize, max: usize) -> usize {
        let length = text.chars().count();
        if length > max && min == 0 {
            self.refuse(
                "BASE_TYPE_MAX_LENGTH",
                format!("Must be {max} or fewer in length."),
            );
        } else if length < min || length > max {
            self.refuse(
                "BASE_TYPE_BAD_LENGTH",
                format!("Must be between {min} and {max} in length."),
            );
        }
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_nested_like_the_form() {
        let mut form = Form::default();
        form.at("embeds", |form| {
            form.at(0, |form| {
                form.text(&json!({"title": "x".repeat(300)}), "title", 0, 256)
            })
        });
        let refusal = form.finish().expect_err("the title is too long");
        assert_eq!(refusal.code, 50035);
        let errors = refusal.errors.expect("form errors");
        assert_eq!(
            errors["embeds"]["0"]["title"]["_errors"][0]["code"],
            "BASE_TYPE_MAX_LENGTH"
        );
    }
}
