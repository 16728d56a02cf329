//! The limits of embeds.

use serde_json::Value;

use super::form::Form;

/// Characters over all texts of all embeds of a message.
const TOTAL_CHARACTERS: usize = 6000;

/// Checks the `embeds` of a message body.
pub(crate) fn check(form: &mut Form, body: &Value) {
    let embeds = form.list(body, "embeds");
    let mut total = 0;
    form.at("embeds", |form| {
        if embeds.len() > 10 {
            form.refuse("BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.");
        }
        for (index, embed) in embeds.iter().enumerate() {
            total += form.at(index, |form| one(form, embed));
        }
        if total > TOTAL_CHARACTERS {
            form.refuse(
                "MAX_EMBED_SIZE_EXCEEDED",
                "Embed size exceeds maximum size of 6000",
            );
        }
    });
}

fn one(form: &mut Form, embed: &Value) -> usize {
    if !embed.is_object() {
        form.refuse(
            "MODEL_TYPE_CONVERT",
            "Only dictionaries may be used in a ModelType",
        );
        return 0;
    }
    let mut total =
        form.optional_text(embed, "title", 256) + form.optional_text(embed, "description", 4096);
    form.link(embed, "url", false);
    form.at("color", |form| match &embed["color"] {
        Value::Null => {}
        Value::Number(number) if number.as_u64().is_some_and(|color| color <= 0xFF_FFFF) => {}
        _ => form.refuse(
            "NUMBER_TYPE_MAX",
            "int value should be less than or equal to 16777215.",
        ),
    });
    for key in ["image", "thumbnail"] {
        if !embed[key].is_null() {
            form.at(key, |form| form.link(&embed[key], "url", true));
        }
    }
    if !embed["footer"].is_null() {
        total += form.at("footer", |form| {
            form.link(&embed["footer"], "icon_url", true);
            form.text(&embed["footer"], "text", 1, 2048)
        });
    }
    if !embed["author"].is_null() {
        total += form.at("author", |form| {
            form.link(&embed["author"], "icon_url", true);
            form.link(&embed["author"], "url", false);
            form.text(&embed["author"], "name", 1, 256)
        });
    }
    let fields = form.list(embed, "fields");
    total += form.at("fields", |form| {
        if fields.len() > 25 {
            form.refuse("BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
        }
        let mut sum = 0;
        for (index, field) in fields.iter().enumerate() {
            sum += form.at(index, |form| {
                form.text(field, "name", 1, 256) + form.text(field, "value", 1, 1024)
            });
        }
        sum
    });
    if is_empty(embed) {
        form.at("description", Form::required);
    }
    total
}

fn is_empty(embed: &Value) -> bool {
    [
        "title",
        "description",
        "url",
        "image",
        "thumbnail",
        "footer",
        "author",
        "fields",
        "timestamp",
    ]
    .iter()
    .all(|key| {
        embed[*key].is_null()
            || embed[*key] == ""
            || embed[*key].as_array().is_some_and(Vec::is_empty)
    })
}
