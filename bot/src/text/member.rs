//! A member's settings, limits and jobs under way.

use easel_domain::tier::ServiceClass;
use easel_store::member::Variation;

use super::Language;
use super::table::texts;

texts! {
    /// Above the buttons.
    settings_title(tier) {
        en: "⚙️ **Your settings** hold for all of your jobs, on every server. Your tier is **{tier}**.\n**Lane** of jobs that name none · **V** and how far it moves from its picture · **Remix**: whether V and 🔄 ask for other words first · **✉️**: which pictures come by direct message\nVersion, RAW, stylize and visibility are no settings here: models and what they can do differ, and all pictures are public. `/prefer` keeps parameters that each of your prompts gets.",
        de: "⚙️ **Deine Einstellungen** gelten für alle deine Aufträge, auf jedem Server. Deine Stufe ist **{tier}**.\n**Spur** von Aufträgen, die keine nennen · **V** und wie weit es sich von seinem Bild entfernt · **Remix**: ob V und 🔄 zuerst nach anderen Worten fragen · **✉️**: welche Bilder als Direktnachricht kommen\nVersion, RAW, Stylize und Sichtbarkeit sind hier keine Einstellungen: Modelle und was sie können unterscheiden sich, und alle Bilder sind öffentlich. `/vorlieben` merkt sich Parameter, die jeder deiner Prompts bekommt.",
        fr: "⚙️ **Tes réglages** valent pour toutes tes tâches, sur chaque serveur. Ton niveau est **{tier}**.\n**File** des tâches qui n'en nomment pas · **V** et à quel point il s'éloigne de son image · **Remix** : si V et 🔄 demandent d'abord d'autres mots · **✉️** : quelles images arrivent en message privé\nVersion, RAW, stylize et visibilité ne sont pas des réglages ici : les modèles et ce qu'ils savent faire diffèrent, et toutes les images sont publiques. `/préférences` garde des paramètres que chacun de tes prompts reçoit.",
    }
    /// Button: the lane of the tier.
    button_own_speed(lane) {
        en: "My tier's: {lane}",
        de: "Meiner Stufe: {lane}",
        fr: "De mon niveau : {lane}",
    }
    /// Button.
    button_remix_on {
        en: "Remix on",
        de: "Remix an",
        fr: "Remix activé",
    }
    /// Button.
    button_remix_off {
        en: "Remix off",
        de: "Remix aus",
        fr: "Remix désactivé",
    }
    /// Button.
    button_auto_dm_on {
        en: "✉️ every result",
        de: "✉️ jedes Ergebnis",
        fr: "✉️ chaque résultat",
    }
    /// Button.
    button_auto_dm_off {
        en: "✉️ on request",
        de: "✉️ auf Wunsch",
        fr: "✉️ sur demande",
    }
    /// Button: all settings as they were at first.
    button_reset {
        en: "Reset settings",
        de: "Einstellungen zurücksetzen",
        fr: "Réinitialiser les réglages",
    }
    /// Button: strength of V.
    button_v_subtle {
        en: "V subtle",
        de: "V dezent",
        fr: "V subtil",
    }
    /// Button: strength of V.
    button_v_gentle {
        en: "V medium",
        de: "V mittel",
        fr: "V moyen",
    }
    /// Button: strength of V.
    button_v_strong {
        en: "V strong",
        de: "V stark",
        fr: "V fort",
    }
    /// A lane.
    lane_turbo {
        en: "🚀 Turbo",
        de: "🚀 Turbo",
        fr: "🚀 Turbo",
    }
    /// A lane.
    lane_fast {
        en: "⚡ Fast",
        de: "⚡ Schnell",
        fr: "⚡ Rapide",
    }
    /// A lane.
    lane_standard {
        en: "🚶 Standard",
        de: "🚶 Standard",
        fr: "🚶 Standard",
    }
    /// A lane.
    lane_relax {
        en: "🐢 Relaxed",
        de: "🐢 Gemütlich",
        fr: "🐢 Tranquille",
    }
    /// `/fast` and its like, done.
    speed_kept(lane) {
        en: "Your jobs run in the lane **{lane}** from now on. `/settings` changes it back.",
        de: "Deine Aufträge laufen ab jetzt in der Spur **{lane}**. Mit `/einstellungen` änderst du es zurück.",
        fr: "Tes tâches passent désormais par la file **{lane}**. `/réglages` permet de revenir en arrière.",
    }
    /// `/fast` and its like, refused.
    speed_forbidden(tier, own, asked) {
        en: "❌ The lane **{asked}** is not part of your tier, {tier}; its most urgent one is **{own}**. Nothing has changed.",
        de: "❌ Die Spur **{asked}** gehört nicht zu deiner Stufe {tier}; ihre eiligste ist **{own}**. Es hat sich nichts geändert.",
        fr: "❌ La file **{asked}** ne fait pas partie de ton niveau, {tier} ; la plus rapide y est **{own}**. Rien n'a changé.",
    }
    /// `/stealth`.
    stealth_not_here {
        en: "❌ Easel cannot keep pictures to yourself yet: whatever you make is seen by everybody in its channel. Nothing has changed.",
        de: "❌ Easel kann Bilder noch nicht für dich behalten: Was du machst, sehen alle im Kanal. Es hat sich nichts geändert.",
        fr: "❌ Easel ne sait pas encore garder des images pour toi : ce que tu fais est vu par tous dans son salon. Rien n'a changé.",
    }
    /// `/public`.
    public_already {
        en: "Your pictures are seen by everybody in their channel, as all pictures are here.",
        de: "Deine Bilder sehen alle in ihrem Kanal, so wie hier alle Bilder.",
        fr: "Tes images sont vues par tous dans leur salon, comme toutes les images ici.",
    }
    /// `/info`.
    info_tier(tier, lane) {
        en: "👤 Your tier is **{tier}**; your jobs run in the lane **{lane}**.",
        de: "👤 Deine Stufe ist **{tier}**; deine Aufträge laufen in der Spur **{lane}**.",
        fr: "👤 Ton niveau est **{tier}** ; tes tâches passent par la file **{lane}**.",
    }
    /// `/info`.
    info_under_way(running, running_limit, waiting, waiting_limit) {
        en: "▶️ Running: {running} (at most {running_limit} at once) · ⏳ waiting: {waiting} (room for {waiting_limit})",
        de: "▶️ Unterwegs: {running} (höchstens {running_limit} zugleich) · ⏳ wartend: {waiting} (Platz für {waiting_limit})",
        fr: "▶️ En cours : {running} (au plus {running_limit} à la fois) · ⏳ en attente : {waiting} (place pour {waiting_limit})",
    }
    /// `/info`.
    info_one_job {
        en: "🔢 One prompt makes one job.",
        de: "🔢 Ein Prompt ergibt einen Auftrag.",
        fr: "🔢 Un prompt donne une tâche.",
    }
    /// `/info`.
    info_several_jobs(limit) {
        en: "🔢 One prompt may make {limit} jobs.",
        de: "🔢 Ein Prompt darf {limit} Aufträge ergeben.",
        fr: "🔢 Un prompt peut donner {limit} tâches.",
    }
    /// `/info`.
    info_kept(days) {
        en: "🗄️ Pictures are kept for {days} days.",
        de: "🗄️ Bilder werden {days} Tage aufbewahrt.",
        fr: "🗄️ Les images sont gardées {days} jours.",
    }
    /// `/info`.
    info_kept_for_ever {
        en: "🗄️ Pictures are kept without a time limit.",
        de: "🗄️ Bilder werden ohne zeitliche Grenze aufbewahrt.",
        fr: "🗄️ Les images sont gardées sans limite de temps.",
    }
    /// `/info`.
    info_balance(credits) {
        en: "🪙 Balance: {credits}",
        de: "🪙 Guthaben: {credits}",
        fr: "🪙 Solde : {credits}",
    }
    /// `/info`.
    info_made(ever, lately, days) {
        en: "🧮 Jobs so far: {ever}, of which {lately} in the last {days} days",
        de: "🧮 Aufträge bisher: {ever}, davon {lately} in den letzten {days} Tagen",
        fr: "🧮 Tâches jusqu'ici : {ever}, dont {lately} ces {days} derniers jours",
    }
    /// In place of words that were erased, in a list of jobs.
    erased_words {
        en: "(erased prompt)",
        de: "(gelöschter Prompt)",
        fr: "(prompt effacé)",
    }
    /// `/cancel`, done.
    cancel_asked {
        en: "🛑 The job is being stopped. Its message says when it has ended.",
        de: "🛑 Der Auftrag wird abgebrochen. Seine Nachricht sagt, wann er zu Ende ist.",
        fr: "🛑 La tâche est en train de s'arrêter. Son message dira quand elle est terminée.",
    }
    /// `/cancel` of all, done.
    cancel_asked_all(jobs) {
        en: "🛑 Jobs being stopped: {jobs}. Their messages say when they have ended.",
        de: "🛑 Aufträge, die abgebrochen werden: {jobs}. Ihre Nachrichten sagen, wann sie zu Ende sind.",
        fr: "🛑 Tâches en train de s'arrêter : {jobs}. Leurs messages diront quand elles sont terminées.",
    }
    /// `/cancel` of all, where there is none.
    nothing_to_cancel {
        en: "You have no job that could be stopped.",
        de: "Du hast keinen Auftrag, den man abbrechen könnte.",
        fr: "Tu n'as aucune tâche à arrêter.",
    }
    /// A choice of `/cancel`: at most 100 characters.
    choice_all_jobs(jobs) {
        en: "All of your jobs ({jobs})",
        de: "Alle deine Aufträge ({jobs})",
        fr: "Toutes tes tâches ({jobs})",
    }
}

impl Language {
    /// What a lane is called.
    pub fn lane(self, class: ServiceClass) -> &'static str {
        match class {
            ServiceClass::Turbo => self.lane_turbo(),
            ServiceClass::Fast => self.lane_fast(),
            ServiceClass::Standard => self.lane_standard(),
            ServiceClass::Relax => self.lane_relax(),
        }
    }

    /// What a strength of variations is called.
    pub fn variation(self, variation: Variation) -> &'static str {
        match variation {
            Variation::Subtle => self.button_v_subtle(),
            Variation::Gentle => self.button_v_gentle(),
            Variation::Strong => self.button_v_strong(),
        }
    }
}
