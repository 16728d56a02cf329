//! Every request of the bot against Discord's own description of its API, where `EASEL_DISCORD_OPENAPI` names it.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use easel_playground::RequestRecord;
use jsonschema::Validator;
use serde_json::{Value, json};

/// Checks the bodies and paths of all requests.
pub fn check(requests: &[RequestRecord]) {
    let Some(spec) = spec() else { return };
    for request in requests {
        let Some((path, operation)) = operation(spec, request) else {
            panic!(
                "{} {} is not in Discord's API",
                request.method, request.template
            );
        };
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            assert!(
                request.body.is_null(),
                "{} {path} takes no body",
                request.method
            );
            continue;
        }
        let mut body = request.body.clone();
        attachment_ids_as_text(&mut body);
        let found = problems(&format!("{} {path}", request.method), spec, schema, &body);
        assert!(found.is_empty(), "{} {path}: {found:?}", request.method);
    }
}

#[expect(clippy::print_stdout, reason = "a skipped check is said, not silent")]
fn spec() -> Option<&'static Value> {
    static SPEC: OnceLock<Option<Value>> = OnceLock::new();
    SPEC.get_or_init(|| {
        let Some(path) = std::env::var_os("EASEL_DISCORD_OPENAPI").filter(|path| !path.is_empty()) else {
            println!("skipped: requests are not checked against Discord's API, EASEL_DISCORD_OPENAPI is not set");
            return None;
        };
        let text = std::fs::read_to_string(&path).expect("EASEL_DISCORD_OPENAPI names a readable file");
        Some(serde_json::from_str(&text).expect("EASEL_DISCORD_OPENAPI names a JSON file"))
    })
    .as_ref()
}

/// The operation whose path fits best: literal parts count more than parameters.
fn operation<'s>(spec: &'s Value, request: &RequestRecord) -> Option<(&'s str, &'s Value)> {
    let method = request.method.to_lowercase();
    let path = request.path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.trim_matches('/').split('/').collect();
        let same = wanted.len() == parts.len()
            && wanted
                .iter()
                .zip(&parts)
                .all(|(w, p)| w.starts_with('{') || w == p);
        same.then(|| wanted.iter().filter(|w| !w.starts_with('{')).count())
    };
    spec["paths"]
        .as_object()?
        .iter()
        .filter_map(|(template, operations)| {
            Some((fits(template)?, template.as_str(), operations.get(&method)?))
        })
        .max_by_key(|(literal, _, _)| *literal)
        .map(|(_, template, operation)| (template, operation))
}

/// The description wants text where the documentation allows numbers, too.
fn attachment_ids_as_text(body: &mut Value) {
    let lists = [
        body.pointer("/attachments").cloned(),
        body.pointer("/data/attachments").cloned(),
    ];
    for (pointer, list) in ["/attachments", "/data/attachments"].into_iter().zip(lists) {
        let Some(Value::Array(mut items)) = list else {
            continue;
        };
        for item in &mut items {
            if let Some(number) = item["id"].as_u64() {
                item["id"] = number.to_string().into();
            }
        }
        if let Some(place) = body.pointer_mut(pointer) {
            *place = Value::Array(items);
        }
    }
}

fn problems(name: &str, spec: &Value, schema: &Value, body: &Value) -> Vec<String> {
    static VALIDATORS: Mutex<Option<HashMap<String, Validator>>> = Mutex::new(None);
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = validators
        .get_or_insert_with(HashMap::new)
        .entry(name.to_owned())
        .or_insert_with(|| {
            let mut whole = json!({"components": spec["components"]});
            if let (Some(whole), Some(schema)) = (whole.as_object_mut(), schema.as_object()) {
                whole.extend(schema.clone());
            }
            jsonschema::draft202012::new(&whole).expect("the description is a valid schema")
        });
    validator
        .iter_errors(body)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect()
}
