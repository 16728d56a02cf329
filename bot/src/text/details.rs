//! What a job was made from.

use super::table::texts;

texts! {
    /// Above the details.
    details_title(job) {
        en: "🔎 **Job** {job}",
        de: "🔎 **Auftrag** {job}",
        fr: "🔎 **Tâche** {job}",
    }
    /// Which weights.
    details_model(model) {
        en: "Model: {model}",
        de: "Modell: {model}",
        fr: "Modèle : {model}",
    }
    /// As drawn, before anything is enlarged.
    details_size(width, height, steps) {
        en: "Drawn in {width}×{height} pixels and {steps} steps",
        de: "Gezeichnet in {width}×{height} Pixeln und {steps} Schritten",
        fr: "Dessin en {width}×{height} pixels et {steps} étapes",
    }
    /// Below the size that was drawn, where memory was too short for the usual one, `before`.
    details_asked_size(before) {
        en: "Smaller than the usual {before} pixels, because memory was short",
        de: "Kleiner als die üblichen {before} Pixel, weil der Speicher knapp war",
        fr: "Plus petit que les {before} pixels habituels, car la mémoire manquait",
    }
    /// One for each picture, in order.
    details_seeds(seeds) {
        en: "Seeds: {seeds}",
        de: "Seeds: {seeds}",
        fr: "Graines : {seeds}",
    }
    /// `asked` is a time that Discord writes out.
    details_state(state, lane, asked) {
        en: "{state} · {lane} · asked for {asked}",
        de: "{state} · {lane} · angefragt am {asked}",
        fr: "{state} · {lane} · demandée le {asked}",
    }
    /// Whose it is.
    details_owner(member) {
        en: "Started by {member}",
        de: "Gestartet von {member}",
        fr: "Lancée par {member}",
    }
    /// The message has no button of a job.
    no_job_here {
        en: "This message shows no job with buttons. Your own jobs are in `/history`.",
        de: "Diese Nachricht zeigt keinen Auftrag mit Knöpfen. Deine eigenen Aufträge stehen in `/verlauf`.",
        fr: "Ce message ne montre aucune tâche avec des boutons. Tes propres tâches sont dans `/historique`.",
    }
}
