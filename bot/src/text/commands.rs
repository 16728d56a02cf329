//! Names and descriptions of the commands in other languages than English, which stands at the commands themselves.
//!
//! A command, option or choice without a row here does not pass the tests. Discord shows the localised name and takes
//! it for the command, so texts call a command by the name that it has in their language.

mod kept;

use serde_json::{Map, Value, json};

use super::Language;

/// One name and its description in one language.
#[derive(Debug, Clone, Copy)]
pub struct Named {
    /// 1–32 lower-case letters, digits, `-` and `_`; for menu commands and choices any text.
    pub name: &'static str,
    /// 1–100 characters; empty for menu commands and choices, which have none.
    pub description: &'static str,
}

/// What a path of names is called in German and French.
#[derive(Debug, Clone, Copy)]
pub struct CommandText {
    /// The English names from the command to the option, with spaces between: `imagine prompt`.
    pub path: &'static str,
    /// German.
    pub de: Named,
    /// French.
    pub fr: Named,
}

const fn row(
    path: &'static str,
    de: (&'static str, &'static str),
    fr: (&'static str, &'static str),
) -> CommandText {
    CommandText {
        path,
        de: Named {
            name: de.0,
            description: de.1,
        },
        fr: Named {
            name: fr.0,
            description: fr.1,
        },
    }
}

/// Every command, option and choice; those of what a member keeps stand in a file of their own.
pub fn commands() -> impl Iterator<Item = &'static CommandText> {
    COMMANDS.iter().chain(kept::KEPT)
}

const COMMANDS: &[CommandText] = &[
    row(
        "imagine",
        ("imagine", "Zeichne vier Bilder nach einer Beschreibung"),
        ("imagine", "Dessiner quatre images d'après une description"),
    ),
    row(
        "imagine prompt",
        (
            "prompt",
            "Was die Bilder zeigen sollen, Parameter wie --ar 16:9 am Ende",
        ),
        (
            "prompt",
            "Ce que les images doivent montrer, avec des paramètres comme --ar 16:9 à la fin",
        ),
    ),
    row(
        "imagine picture",
        ("bild", "Ein Bild, von dem ausgegangen wird"),
        ("image", "Une image dont on part"),
    ),
    row(
        "blend",
        ("mischen", "Mische zwei bis fünf Bilder zu neuen"),
        ("mélanger", "Mélanger de deux à cinq images en de nouvelles"),
    ),
    row(
        "blend first",
        ("erstes", "Das erste Bild"),
        ("première", "La première image"),
    ),
    row(
        "blend second",
        ("zweites", "Das zweite Bild"),
        ("deuxième", "La deuxième image"),
    ),
    row(
        "blend third",
        ("drittes", "Ein drittes Bild"),
        ("troisième", "Une troisième image"),
    ),
    row(
        "blend fourth",
        ("viertes", "Ein viertes Bild"),
        ("quatrième", "Une quatrième image"),
    ),
    row(
        "blend fifth",
        ("fünftes", "Ein fünftes Bild"),
        ("cinquième", "Une cinquième image"),
    ),
    row(
        "blend shape",
        ("form", "Die Form der neuen Bilder"),
        ("format", "Le format des nouvelles images"),
    ),
    row("blend shape Square", ("Quadrat", ""), ("Carré", "")),
    row("blend shape Portrait", ("Hochformat", ""), ("Portrait", "")),
    row("blend shape Landscape", ("Querformat", ""), ("Paysage", "")),
    row(
        "vary-region",
        (
            "bereich-variieren",
            "Male einen Teil eines Bildes neu, nach einer Maske",
        ),
        (
            "varier-zone",
            "Repeindre une partie d'une image, d'après un masque",
        ),
    ),
    row(
        "vary-region job",
        (
            "auftrag",
            "Die Nummer des Auftrags, sie steht am Ende seiner Nachricht",
        ),
        (
            "tâche",
            "L'identifiant de la tâche, à la fin de son message",
        ),
    ),
    row(
        "vary-region mask",
        ("maske", "Ein Bild, dessen weißer Teil neu gemalt wird"),
        ("masque", "Une image dont la partie blanche est repeinte"),
    ),
    row(
        "vary-region picture",
        ("bild", "Welches Bild eines Rasters; ohne Angabe das erste"),
        ("image", "Quelle image d'une grille ; la première sinon"),
    ),
    row(
        "shorten",
        ("kürzen", "Finde heraus, welche Wörter eines Prompts zählen"),
        ("raccourcir", "Trouver quels mots d'un prompt comptent"),
    ),
    row(
        "shorten prompt",
        ("prompt", "Der Prompt, mit seinen Parametern am Ende"),
        ("prompt", "Le prompt, avec ses paramètres à la fin"),
    ),
    row(
        "describe",
        ("beschreiben", "Finde Worte für ein Bild"),
        ("décrire", "Trouver des mots pour une image"),
    ),
    row(
        "describe picture",
        ("bild", "Das Bild"),
        ("image", "L'image"),
    ),
    row(
        "show",
        (
            "zeigen",
            "Hole einen deiner Aufträge zurück, mit funktionierenden Knöpfen",
        ),
        (
            "montrer",
            "Ramener une de tes tâches, avec des boutons qui marchent",
        ),
    ),
    row(
        "show job",
        (
            "auftrag",
            "Die Nummer des Auftrags, sie steht am Ende seiner Nachricht",
        ),
        (
            "tâche",
            "L'identifiant de la tâche, à la fin de son message",
        ),
    ),
    row(
        "history",
        ("verlauf", "Sieh deine eigenen Aufträge durch"),
        ("historique", "Parcourir tes propres tâches"),
    ),
    row(
        "history search",
        ("suche", "Wörter, die im Prompt vorkommen"),
        ("recherche", "Des mots que contient le prompt"),
    ),
    row(
        "history kind",
        ("art", "Was gemacht wurde"),
        ("genre", "Ce qui a été fait"),
    ),
    row(
        "history kind Pictures from words",
        ("Bilder aus Worten", ""),
        ("Images d'après des mots", ""),
    ),
    row(
        "history kind Variations",
        ("Variationen", ""),
        ("Variantes", ""),
    ),
    row(
        "history kind Enlarged pictures",
        ("Vergrößerte Bilder", ""),
        ("Images agrandies", ""),
    ),
    row(
        "history kind Edited pictures",
        ("Bearbeitete Bilder", ""),
        ("Images retouchées", ""),
    ),
    row(
        "history kind Remixes and blends",
        ("Neu Gemischtes und Mischungen", ""),
        ("Remix et mélanges", ""),
    ),
    row(
        "history model",
        ("modell", "Der Name des Modells"),
        ("modèle", "Le nom du modèle"),
    ),
    row(
        "history from",
        ("von", "Erster Tag, zum Beispiel 25.11.2026"),
        ("du", "Premier jour, par exemple 25/11/2026"),
    ),
    row(
        "history until",
        ("bis", "Letzter Tag, zum Beispiel 25.11.2026"),
        ("au", "Dernier jour, par exemple 25/11/2026"),
    ),
    row(
        "settings",
        ("einstellungen", "Wähle, wie deine Aufträge laufen"),
        ("réglages", "Choisir comment tes tâches s'exécutent"),
    ),
    row(
        "info",
        ("info", "Deine Stufe, ihre Grenzen, und was du laufen hast"),
        ("info", "Ton niveau, ses limites, et ce que tu as en cours"),
    ),
    row(
        "turbo",
        ("turbo", "Deine Aufträge laufen ab jetzt in der Turbospur"),
        (
            "turbo",
            "Faire passer désormais tes tâches par la file turbo",
        ),
    ),
    row(
        "fast",
        (
            "schnell",
            "Deine Aufträge laufen ab jetzt in der schnellen Spur",
        ),
        (
            "rapide",
            "Faire passer désormais tes tâches par la file rapide",
        ),
    ),
    row(
        "relax",
        (
            "gemütlich",
            "Deine Aufträge laufen ab jetzt, wenn Platz ist",
        ),
        (
            "tranquille",
            "Exécuter désormais tes tâches quand il y a de la place",
        ),
    ),
    row(
        "stealth",
        ("verborgen", "Behalte deine Bilder für dich"),
        ("discret", "Garder tes images pour toi"),
    ),
    row(
        "public",
        ("öffentlich", "Lass alle deine Bilder sehen"),
        ("public", "Laisser tout le monde voir tes images"),
    ),
    row(
        "cancel",
        ("abbrechen", "Brich einen deiner Aufträge ab"),
        ("annuler", "Arrêter une de tes tâches"),
    ),
    row(
        "cancel job",
        (
            "auftrag",
            "Der Auftrag, aus der Liste oder mit seiner Nummer",
        ),
        ("tâche", "La tâche, dans la liste ou par son identifiant"),
    ),
    row("Show job", ("Auftrag zeigen", ""), ("Montrer la tâche", "")),
    row("Blend", ("Mischen", ""), ("Mélanger", "")),
    row("Describe", ("Beschreiben", ""), ("Décrire", "")),
    row(
        "help",
        ("hilfe", "Wie man zeichnet und was die Knöpfe tun"),
        ("aide", "Comment dessiner, et ce que font les boutons"),
    ),
];

impl Language {
    /// What a path of English names is called; `None` where English stands for itself or the path is not known.
    pub fn named(self, path: &str) -> Option<Named> {
        let row = commands().find(|row| row.path == path)?;
        match self {
            Self::English => None,
            Self::German => Some(row.de),
            Self::French => Some(row.fr),
        }
    }
}

/// Adds names and descriptions in every language to commands in Discord's JSON, an array.
pub fn localise(commands: &mut Value) {
    for command in commands.as_array_mut().into_iter().flatten() {
        localise_below(command, "");
    }
}

/// `above` is the path to what holds `node`, with a space at its end.
fn localise_below(node: &mut Value, above: &str) {
    let Some(name) = node["name"].as_str() else {
        return;
    };
    let path = format!("{above}{name}");
    let (mut names, mut descriptions) = (Map::new(), Map::new());
    for language in Language::ALL {
        if let Some(named) = language.named(&path) {
            names.insert(language.code().to_owned(), json!(named.name));
            if !named.description.is_empty() {
                descriptions.insert(language.code().to_owned(), json!(named.description));
            }
        }
    }
    if !names.is_empty() {
        node["name_localizations"] = Value::Object(names);
    }
    if !descriptions.is_empty() {
        node["description_localizations"] = Value::Object(descriptions);
    }
    let below = format!("{path} ");
    for list in ["options", "choices"] {
        for child in node
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            localise_below(child, &below);
        }
    }
}

#[cfg(test)]
mod tests;
