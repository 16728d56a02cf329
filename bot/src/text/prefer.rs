//! What a member keeps for his prompts.

use super::table::texts;

texts! {
    /// Above the list.
    options_title {
        en: "⚙️ **What you keep for your prompts**: each name of your own stands for the parameters beside it.",
        de: "⚙️ **Was du für deine Prompts aufbewahrst**: Jeder eigene Name steht für die Parameter daneben.",
        fr: "⚙️ **Ce que tu gardes pour tes prompts** : chaque nom à toi vaut les paramètres à côté.",
    }
    /// An empty list.
    options_none {
        en: "No names yet. `/prefer option set` keeps one.",
        de: "Noch keine Namen. `/vorlieben option setzen` legt einen an.",
        fr: "Aucun nom pour l'instant. `/préférences option définir` en garde un.",
    }
    /// A name is kept.
    option_kept(name, value) {
        en: "⚙️ **--{name}** stands for {value} in your prompts from now on.",
        de: "⚙️ **--{name}** steht in deinen Prompts ab jetzt für {value}.",
        fr: "⚙️ **--{name}** vaut désormais {value} dans tes prompts.",
    }
    /// A name is taken away.
    option_removed(name) {
        en: "⚙️ **--{name}** is taken away.",
        de: "⚙️ **--{name}** ist entfernt.",
        fr: "⚙️ **--{name}** est retiré.",
    }
    /// A name that is not kept was to be taken away.
    option_not_there(name) {
        en: "❌ You keep no **--{name}**, so there is nothing to take away. Give it parameters such as --ar 3:2 to keep it.",
        de: "❌ Du hast kein **--{name}**, also gibt es nichts zu entfernen. Gib Parameter wie --ar 3:2 an, um es anzulegen.",
        fr: "❌ Tu n'as pas de **--{name}** : il n'y a rien à retirer. Donne des paramètres comme --ar 3:2 pour le garder.",
    }
    /// No more names.
    options_full(most) {
        en: "❌ You keep {most} names, which is as many as there is room for. Take one away with `/prefer option set` without parameters.",
        de: "❌ Du hast {most} Namen, mehr Platz ist nicht. Entferne einen mit `/vorlieben option setzen` ohne Parameter.",
        fr: "❌ Tu gardes {most} noms, c'est tout ce qu'il y a de place. Retires-en un avec `/préférences option définir` sans paramètres.",
    }
    /// A name that cannot be one.
    option_name_form(most) {
        en: "❌ A name has small letters, digits, `-` and `_`, begins with a letter and has at most {most} characters. Nothing was kept.",
        de: "❌ Ein Name besteht aus Kleinbuchstaben ohne Umlaute, Ziffern, `-` und `_`, beginnt mit einem Buchstaben und hat höchstens {most} Zeichen. Es wurde nichts aufbewahrt.",
        fr: "❌ Un nom est fait de minuscules sans accents, de chiffres, de `-` et de `_`, commence par une lettre et compte au plus {most} caractères. Rien n'a été gardé.",
    }
    /// The name of a parameter.
    option_name_taken {
        en: "❌ There is a parameter of this name already. Choose another one; nothing was kept.",
        de: "❌ So heißt schon ein Parameter. Wähle einen anderen Namen; es wurde nichts aufbewahrt.",
        fr: "❌ Un paramètre porte déjà ce nom. Choisis-en un autre ; rien n'a été gardé.",
    }
    /// The suffix is kept.
    suffix_kept(value) {
        en: "⚙️ {value} stands behind every prompt of yours from now on. What you type yourself wins.",
        de: "⚙️ {value} steht ab jetzt hinter jedem deiner Prompts. Was du selbst schreibst, hat Vorrang.",
        fr: "⚙️ {value} suit désormais chacun de tes prompts. Ce que tu tapes toi-même l'emporte.",
    }
    /// The suffix is taken away.
    suffix_removed {
        en: "⚙️ Nothing is put behind your prompts any more.",
        de: "⚙️ Hinter deine Prompts wird nichts mehr gesetzt.",
        fr: "⚙️ Plus rien n'est ajouté à tes prompts.",
    }
    /// In the list.
    suffix_is(value) {
        en: "Behind every prompt: {value}",
        de: "Hinter jedem Prompt: {value}",
        fr: "Après chaque prompt : {value}",
    }
    /// In the list.
    suffix_none {
        en: "Nothing stands behind your prompts; `/prefer suffix` changes that.",
        de: "Hinter deinen Prompts steht nichts; `/vorlieben anhang` ändert das.",
        fr: "Rien ne suit tes prompts ; `/préférences suffixe` permet de le changer.",
    }
    /// Under a mistake that the suffix makes.
    suffix_hint {
        en: "Your suffix is part of this prompt; `/prefer suffix` changes it.",
        de: "Dein Anhang gehört zu diesem Prompt; `/vorlieben anhang` ändert ihn.",
        fr: "Ton suffixe fait partie de ce prompt ; `/préférences suffixe` le change.",
    }
    /// What is switched on.
    auto_dm_is_on {
        en: "✉️ Every result is sent to you by direct message.",
        de: "✉️ Jedes Ergebnis wird dir als Direktnachricht geschickt.",
        fr: "✉️ Chaque résultat t'est envoyé en message privé.",
    }
    /// What is switched off.
    auto_dm_is_off {
        en: "✉️ Results are sent to you only when you ask for them.",
        de: "✉️ Ergebnisse werden dir nur auf Wunsch geschickt.",
        fr: "✉️ Les résultats ne te sont envoyés que si tu le demandes.",
    }
    /// What is switched on.
    remix_is_on {
        en: "✏️ V and 🔄 ask for other words first.",
        de: "✏️ V und 🔄 fragen zuerst nach anderen Worten.",
        fr: "✏️ V et 🔄 demandent d'abord d'autres mots.",
    }
    /// What is switched off.
    remix_is_off {
        en: "✏️ V and 🔄 begin at once.",
        de: "✏️ V und 🔄 beginnen sofort.",
        fr: "✏️ V et 🔄 commencent tout de suite.",
    }
    /// What V does from now on.
    variability_is_high {
        en: "🪄 V changes a lot. `/settings` also has something in between.",
        de: "🪄 V verändert viel. `/einstellungen` kennt auch etwas dazwischen.",
        fr: "🪄 V change beaucoup de choses. `/réglages` propose aussi un entre-deux.",
    }
    /// What V does from now on.
    variability_is_low {
        en: "🪄 V changes a little. `/settings` also has something in between.",
        de: "🪄 V verändert wenig. `/einstellungen` kennt auch etwas dazwischen.",
        fr: "🪄 V change peu de choses. `/réglages` propose aussi un entre-deux.",
    }
}
