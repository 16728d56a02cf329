//! What `/help` says.

use super::table::texts;

/// An example of braces, which the table of texts cannot hold.
const SEVERAL: &str = "{red, blue}";

texts! {
    /// The whole of it: at most 2000 characters.
    help_with(several) {
        en: "**Easel draws what you describe.** `/imagine` a red sailboat on the sea at sunset `--ar 16:9`: four pictures in one message, which counts up as they appear.\n\
**Under four pictures** · **U1–U4** make one larger, **V1–V4** draw variations of one, 🔄 draws four new ones. \
**Under one** · larger still, varied a little, a lot or in a region, zoomed out, continued to a side, ✏️ with other words.\n\
Whoever presses a button owns (and pays for) what comes of it.\n\
**Under all** · ⭐ keeps, ✉️ sends to you, ❌ stops or deletes: by button, or as a reaction.\n\
**Prompts** · words first, parameters last: `--ar 3:2` shape · `--seed 7` the same start again · `--no clouds` leave out · `--quality .5` fewer steps · `--chaos 50` four less alike · `--tile` no seams · `--repeat 3`.\n\
`{several}` makes a job of each, after asking you; `sea::2 fog` weighs parts; a picture's address before the words, or an upload, is what it starts from.\n\
**More commands** · `/blend` mixes pictures, `/describe` finds words for one, `/shorten` shows which words count.\n\
**Yours** · `/history` all your jobs, `/favourites`, `/show` one of them again, `/cancel`, `/info` tier and jobs under way, \
`/settings` lane, variations and remix, `/prefer` parameters under names of your own or for all prompts.",
        de: "**Easel zeichnet, was du beschreibst.** `/imagine` ein rotes Segelboot auf dem Meer bei Sonnenuntergang `--ar 16:9`: vier Bilder in einer Nachricht, die hochzählt, während sie entstehen.\n\
**Unter vier Bildern** · **U1–U4** vergrößern eines, **V1–V4** zeichnen Variationen davon, 🔄 zeichnet vier neue. \
**Unter einem** · noch größer, ein wenig, stark oder in einem Bereich variiert, herausgezoomt, zu einer Seite fortgesetzt, ✏️ mit anderen Worten.\n\
Wer einen Knopf drückt, dem gehört (und der bezahlt), was daraus wird.\n\
**Unter allen** · ⭐ merken, ✉️ dir schicken, ❌ abbrechen oder löschen: als Knopf oder als Reaktion.\n\
**Prompts** · erst Worte, am Ende Parameter: `--ar 3:2` Form · `--seed 7` derselbe Anfang noch einmal · `--no clouds` weglassen · `--quality .5` weniger Schritte · `--chaos 50` vier weniger ähnliche · `--tile` nahtlos · `--repeat 3`.\n\
`{several}` macht aus jedem einen Auftrag und fragt dich vorher; `sea::2 fog` gewichtet Teile; die Adresse eines Bildes vor den Worten, oder ein hochgeladenes, ist der Anfang.\n\
**Mehr Befehle** · `/mischen` mischt Bilder, `/beschreiben` findet Worte für eines, `/kürzen` zeigt, welche Wörter zählen.\n\
**Deins** · `/verlauf` alle deine Aufträge, `/favoriten`, `/zeigen` holt einen davon zurück, `/abbrechen`, `/info` Stufe und laufende Aufträge, \
`/einstellungen` Spur, Variationen und Remix, `/vorlieben` Parameter unter eigenen Namen oder für alle Prompts.",
        fr: "**Easel dessine ce que tu décris.** `/imagine` un voilier rouge sur la mer au coucher du soleil `--ar 16:9` : quatre images dans un message, qui avance pendant qu'elles apparaissent.\n\
**Sous quatre images** · **U1–U4** en agrandissent une, **V1–V4** en dessinent des variations, 🔄 en dessine quatre nouvelles. \
**Sous une seule** · encore plus grande, variée un peu, beaucoup ou par zone, dézoomée, prolongée d'un côté, ✏️ avec d'autres mots.\n\
Qui appuie sur un bouton possède (et paie) ce qui en sort.\n\
**Sous toutes** · ⭐ garder, ✉️ te les envoyer, ❌ arrêter ou supprimer : par bouton, ou en réaction.\n\
**Prompts** · les mots d'abord, les paramètres à la fin : `--ar 3:2` format · `--seed 7` le même départ · `--no clouds` laisser de côté · `--quality .5` moins d'étapes · `--chaos 50` quatre moins semblables · `--tile` sans raccord · `--repeat 3`.\n\
`{several}` fait une tâche de chacun, après t'avoir demandé ; `sea::2 fog` pèse des parties ; l'adresse d'une image avant les mots, ou un fichier, sert de départ.\n\
**Autres commandes** · `/mélanger` mélange des images, `/décrire` trouve des mots pour une image, `/raccourcir` montre les mots qui comptent.\n\
**À toi** · `/historique` toutes tes tâches, `/favoris`, `/montrer` en ramène une, `/annuler`, `/info` niveau et tâches en cours, \
`/réglages` file, variations et remix, `/préférences` des paramètres sous des noms à toi ou pour tous tes prompts.",
    }
}

impl super::Language {
    /// The whole of it.
    pub fn help(self) -> String {
        self.help_with(SEVERAL)
    }
}
