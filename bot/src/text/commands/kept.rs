//! What a member keeps: his favourites, and parameters for his prompts.

use super::{CommandText, row};

/// Its commands and options.
pub(super) const KEPT: &[CommandText] = &[
    row(
        "favourites",
        ("favoriten", "Sieh an, was du mit ⭐ markiert hast"),
        ("favoris", "Voir ce que tu as marqué d'une ⭐"),
    ),
    row(
        "prefer",
        (
            "vorlieben",
            "Bewahre eigene Parameter für deine Prompts auf",
        ),
        (
            "préférences",
            "Garder des paramètres à toi pour tes prompts",
        ),
    ),
    row(
        "prefer option",
        ("option", "Eigene Namen, die für Parameter stehen"),
        ("option", "Des noms à toi qui valent des paramètres"),
    ),
    row(
        "prefer option set",
        (
            "setzen",
            "Lass einen Namen für Parameter stehen, oder entferne ihn",
        ),
        (
            "définir",
            "Faire valoir des paramètres à un nom, ou le retirer",
        ),
    ),
    row(
        "prefer option set name",
        ("name", "Der Name, im Prompt als --name zu schreiben"),
        ("nom", "Le nom, à écrire --nom dans le prompt"),
    ),
    row(
        "prefer option set value",
        (
            "wert",
            "Die Parameter, zum Beispiel --ar 3:2 --no text; nichts entfernt den Namen",
        ),
        (
            "valeur",
            "Les paramètres, par exemple --ar 3:2 --no text ; rien retire le nom",
        ),
    ),
    row(
        "prefer option list",
        ("liste", "Sieh deine Namen und wofür sie stehen"),
        ("liste", "Voir tes noms et ce qu'ils valent"),
    ),
    row(
        "prefer suffix",
        ("anhang", "Setze Parameter hinter jeden deiner Prompts"),
        (
            "suffixe",
            "Mettre des paramètres après chacun de tes prompts",
        ),
    ),
    row(
        "prefer suffix parameters",
        (
            "parameter",
            "Die Parameter, zum Beispiel --ar 3:2 --no text; nichts entfernt sie",
        ),
        (
            "paramètres",
            "Les paramètres, par exemple --ar 3:2 --no text ; rien les retire",
        ),
    ),
    row(
        "prefer auto_dm",
        (
            "direktnachrichten",
            "Schalte um, ob dir jedes Ergebnis geschickt wird",
        ),
        (
            "messages_privés",
            "Activer ou non l'envoi de chaque résultat",
        ),
    ),
    row(
        "prefer remix",
        (
            "remix",
            "Schalte um, ob V und 🔄 nach anderen Worten fragen",
        ),
        (
            "remix",
            "Activer ou non que V et 🔄 demandent d'autres mots",
        ),
    ),
    row(
        "prefer variability",
        ("variabilität", "Schalte um, ob V viel oder wenig verändert"),
        (
            "variabilité",
            "Choisir si V change beaucoup ou peu de choses",
        ),
    ),
];
