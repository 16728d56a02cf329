//! Lists of one's own jobs.

use easel_domain::job::JobState;

use super::Language;
use super::table::texts;

texts! {
    /// Above a list.
    history_title {
        en: "📜 **Your jobs**, newest first. Press a number to see one, run it again or remix it.",
        de: "📜 **Deine Aufträge**, neueste zuerst. Drücke eine Nummer, um einen anzusehen, noch einmal zu starten oder neu zu mischen.",
        fr: "📜 **Tes tâches**, les plus récentes d'abord. Appuie sur un numéro pour en voir une, la relancer ou la remixer.",
    }
    /// An empty list.
    history_empty {
        en: "📜 Nothing was found. `/history` without options shows all of your jobs.",
        de: "📜 Es wurde nichts gefunden. `/verlauf` ohne Angaben zeigt alle deine Aufträge.",
        fr: "📜 Rien n'a été trouvé. `/historique` sans options montre toutes tes tâches.",
    }
    /// The search of a button is erased.
    search_forgotten {
        en: "This list is older than a day and was forgotten. Use `/history` for a new one.",
        de: "Diese Liste ist älter als ein Tag und wurde vergessen. Mit `/verlauf` bekommst du eine neue.",
        fr: "Cette liste a plus d'un jour et a été oubliée. `/historique` en donne une nouvelle.",
    }
    /// A day that cannot be read.
    bad_day {
        en: "❌ A day is written such as 2026-11-25. Nothing was looked up.",
        de: "❌ Ein Tag wird zum Beispiel als 25.11.2026 oder 2026-11-25 geschrieben. Es wurde nichts gesucht.",
        fr: "❌ Un jour s'écrit par exemple 25/11/2026 ou 2026-11-25. Rien n'a été cherché.",
    }
    /// The weights of a job are not those of now.
    weights_changed {
        en: "These pictures were drawn by weights that are no longer in use, so they cannot be drawn again exactly. 🔄 or a remix draws them with those of now.",
        de: "Diese Bilder wurden mit Gewichten gezeichnet, die nicht mehr im Einsatz sind, und lassen sich deshalb nicht genau so wiederholen. 🔄 oder neu mischen zeichnet sie mit den heutigen.",
        fr: "Ces images ont été dessinées par des poids qui ne sont plus utilisés ; elles ne peuvent donc pas être refaites à l'identique. 🔄 ou un remix les dessine avec ceux d'aujourd'hui.",
    }
    /// Button.
    button_newer {
        en: "◀ Newer",
        de: "◀ Neuere",
        fr: "◀ Plus récentes",
    }
    /// Button.
    button_older {
        en: "Older ▶",
        de: "Ältere ▶",
        fr: "Plus anciennes ▶",
    }
    /// Button.
    button_exact {
        en: "Re-run exactly",
        de: "Genau so noch einmal",
        fr: "Refaire à l'identique",
    }
    /// Button.
    button_show {
        en: "Show here",
        de: "Hier zeigen",
        fr: "Montrer ici",
    }
    /// Button.
    button_back {
        en: "◀ Back to the list",
        de: "◀ Zurück zur Liste",
        fr: "◀ Retour à la liste",
    }
    /// Button: the job that this one came from.
    button_parent {
        en: "🧬 Where it comes from",
        de: "🧬 Woraus es entstand",
        fr: "🧬 D'où elle vient",
    }
    /// How many jobs started from this one.
    descendants(count) {
        en: "Jobs that came of it: {count}",
        de: "Daraus entstandene Aufträge: {count}",
        fr: "Tâches qui en sont issues : {count}",
    }
    /// A link.
    its_message {
        en: "its message",
        de: "seine Nachricht",
        fr: "son message",
    }
    /// What was made.
    from_words {
        en: "from words",
        de: "aus Worten",
        fr: "d'après des mots",
    }
    /// State of a job.
    state_waiting {
        en: "⏳ waiting",
        de: "⏳ wartet",
        fr: "⏳ en attente",
    }
    /// State of a job.
    state_running {
        en: "▶️ under way",
        de: "▶️ unterwegs",
        fr: "▶️ en cours",
    }
    /// State of a job.
    state_held {
        en: "🔎 being looked at",
        de: "🔎 wird geprüft",
        fr: "🔎 en cours d'examen",
    }
    /// State of a job.
    state_finished {
        en: "✅ finished",
        de: "✅ fertig",
        fr: "✅ terminée",
    }
    /// State of a job.
    state_failed {
        en: "❌ failed",
        de: "❌ fehlgeschlagen",
        fr: "❌ échouée",
    }
    /// State of a job.
    state_cancelled {
        en: "🚫 cancelled",
        de: "🚫 abgebrochen",
        fr: "🚫 annulée",
    }
    /// State of a job.
    state_rejected {
        en: "⛔ rejected",
        de: "⛔ abgelehnt",
        fr: "⛔ refusée",
    }
    /// State of a job.
    state_dropped {
        en: "🍂 dropped under load",
        de: "🍂 wegen Überlast fallen gelassen",
        fr: "🍂 abandonnée par surcharge",
    }
}

impl Language {
    /// Where a job is, in a word.
    pub fn state(self, state: JobState) -> &'static str {
        match state {
            JobState::Queued => self.state_waiting(),
            JobState::Leased | JobState::Finishing => self.state_running(),
            JobState::Held => self.state_held(),
            JobState::Completed => self.state_finished(),
            JobState::Failed => self.state_failed(),
            JobState::Cancelled => self.state_cancelled(),
            JobState::Rejected => self.state_rejected(),
            JobState::Shed => self.state_dropped(),
        }
    }
}
