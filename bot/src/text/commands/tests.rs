use std::collections::BTreeSet;

use super::*;
use crate::commands::registration;

/// Commands, options and choices of the registration: path, and the node.
fn nodes() -> Vec<(String, Value)> {
    fn walk(node: &Value, above: &str, found: &mut Vec<(String, Value)>) {
        let path = format!("{above}{}", node["name"].as_str().unwrap());
        for list in ["options", "choices"] {
            for child in node[list].as_array().into_iter().flatten() {
                walk(child, &format!("{path} "), found);
            }
        }
        found.push((path, node.clone()));
    }
    let mut found = Vec::new();
    for command in registration().unwrap().as_array().unwrap() {
        walk(command, "", &mut found);
    }
    found
}

#[test]
fn every_command_option_and_choice_has_its_texts_and_no_text_is_left_over() {
    let registered: BTreeSet<_> = nodes().into_iter().map(|(path, _)| path).collect();
    let written: BTreeSet<_> = commands().map(|row| row.path.to_owned()).collect();
    assert_eq!(registered, written);
    assert_eq!(written.len(), commands().count(), "a path has two rows");
}

/// <https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-naming>.
#[test]
fn every_localised_name_is_one_that_discord_takes() {
    for (path, node) in nodes() {
        let described = node.get("description").is_some();
        for language in [Language::German, Language::French] {
            let named = language.named(&path).unwrap();
            let length = named.name.chars().count();
            let limit = if described { 32 } else { 100 };
            assert!((1..=limit).contains(&length), "{path}: {}", named.name);
            assert!(
                !described
                    || named
                        .name
                        .chars()
                        .all(|c| matches!(c, '-' | '_')
                            || c.is_alphanumeric() && !c.is_uppercase()),
                "{path}: {}",
                named.name
            );
            let length = named.description.chars().count();
            let fits = if described { 1..=100 } else { 0..=0 };
            assert!(fits.contains(&length), "{path}: {}", named.description);
        }
    }
}

#[test]
fn names_are_unique_among_their_neighbours_in_every_language() {
    for language in Language::ALL {
        let mut seen = BTreeSet::new();
        for (path, _) in nodes() {
            let (above, own) = path.rsplit_once(' ').unwrap_or(("", &path));
            let name = language.named(&path).map_or(own, |named| named.name);
            assert!(
                seen.insert((above.to_owned(), name.to_owned())),
                "{path}: {name}"
            );
        }
    }
}

#[test]
fn the_registration_carries_the_localised_names() {
    let nodes = nodes();
    let show = &nodes.iter().find(|(path, _)| path == "show").unwrap().1;
    assert_eq!(
        show["name_localizations"],
        json!({"de": "zeigen", "fr": "montrer"})
    );
    assert_eq!(show["options"][0]["name_localizations"]["de"], "auftrag");
    assert!(show["options"][0]["description_localizations"]["fr"].is_string());
}
