//! What `/help` says.

use super::table::texts;

texts! {
    /// The whole of it: at most 2000 characters.
    help {
        en: "**Easel draws what you describe.**\n\
`/imagine` a red sailboat on the sea at sunset `--ar 16:9` — four pictures in one message, which counts up as they appear.\n\
**U1–U4** make one picture larger, **V1–V4** draw variations of one, 🔄 draws four new ones, ❌ stops a job that still runs. \
Whoever presses a button owns (and pays for) what comes of it.\n\
`/show` brings one of your jobs back by its id, with working buttons; `/shorten` finds the words of a prompt that count, `/describe` words for a picture.\n\
⭐ keeps pictures in `/favourites`, ✉️ sends them to you, ❌ deletes them: by button, or as a reaction to their message.\n\
`/prefer` keeps parameters for your prompts: names of your own, and a suffix for all of them.\n\
**Parameters** stand last: `--ar 3:2` shape · `--seed 7` the same start again · `--no clouds` leave something out · \
`--quality .5` fewer steps.",
        de: "**Easel zeichnet, was du beschreibst.**\n\
`/imagine` ein rotes Segelboot auf dem Meer bei Sonnenuntergang `--ar 16:9` — vier Bilder in einer Nachricht, die hochzählt, während sie entstehen.\n\
**U1–U4** vergrößern ein Bild, **V1–V4** zeichnen Variationen davon, 🔄 zeichnet vier neue, ❌ bricht einen laufenden Auftrag ab. \
Wer einen Knopf drückt, dem gehört (und der bezahlt), was daraus wird.\n\
`/zeigen` holt einen deiner Aufträge anhand seiner Nummer zurück, mit funktionierenden Knöpfen; `/kürzen` findet die Wörter eines Prompts, die zählen, `/beschreiben` Worte für ein Bild.\n\
⭐ merkt Bilder in `/favoriten`, ✉️ schickt sie dir, ❌ löscht sie: als Knopf oder als Reaktion auf ihre Nachricht.\n\
`/vorlieben` bewahrt Parameter für deine Prompts auf: eigene Namen und einen Anhang für alle.\n\
**Parameter** stehen am Ende: `--ar 3:2` Form · `--seed 7` derselbe Anfang noch einmal · `--no clouds` etwas weglassen · \
`--quality .5` weniger Schritte.",
        fr: "**Easel dessine ce que tu décris.**\n\
`/imagine` un voilier rouge sur la mer au coucher du soleil `--ar 16:9` — quatre images dans un message, qui avance pendant qu'elles apparaissent.\n\
**U1–U4** agrandissent une image, **V1–V4** en dessinent des variations, 🔄 en dessine quatre nouvelles, ❌ arrête une tâche en cours. \
Qui appuie sur un bouton possède (et paie) ce qui en sort.\n\
`/montrer` ramène une de tes tâches grâce à son identifiant, avec des boutons qui marchent ; `/raccourcir` trouve les mots d'un prompt qui comptent, `/décrire` des mots pour une image.\n\
⭐ garde des images dans `/favoris`, ✉️ te les envoie, ❌ les supprime : par bouton, ou en réaction à leur message.\n\
`/préférences` garde des paramètres pour tes prompts : des noms à toi, et un suffixe pour tous.\n\
**Les paramètres** se placent à la fin : `--ar 3:2` format · `--seed 7` le même départ · `--no clouds` laisser quelque chose de côté · \
`--quality .5` moins d'étapes.",
    }
}
