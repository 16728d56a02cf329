//! What stands in the message of a job, and on its buttons.

use super::table::texts;

texts! {
    /// In place of words that were erased.
    erased {
        en: "(erased)",
        de: "(gelöscht)",
        fr: "(effacé)",
    }
    /// Behind the words of a reroll.
    once_more {
        en: "once more",
        de: "noch einmal",
        fr: "encore une fois",
    }
    /// Behind the words of variations.
    variations {
        en: "variations",
        de: "Variationen",
        fr: "variations",
    }
    /// Behind the words of variations of one picture of a grid.
    variations_of(number) {
        en: "variations of picture {number}",
        de: "Variationen von Bild {number}",
        fr: "variations de l'image {number}",
    }
    /// Behind the words of an enlarged picture.
    in_large {
        en: "in large",
        de: "in groß",
        fr: "en grand",
    }
    /// Behind the words of an enlarged picture of a grid.
    picture_in_large(number) {
        en: "picture {number} in large",
        de: "Bild {number} in groß",
        fr: "image {number} en grand",
    }
    /// Behind the words of variations that may differ a lot.
    strong_variations {
        en: "strong variations",
        de: "starke Variationen",
        fr: "variations fortes",
    }
    /// Behind the words of a picture of which a part is painted anew.
    part_anew {
        en: "with a part painted anew",
        de: "zum Teil neu gemalt",
        fr: "avec une partie repeinte",
    }
    /// Behind the words of an enlarged picture with new details.
    new_details {
        en: "in large, with new details",
        de: "in groß, mit neuen Einzelheiten",
        fr: "en grand, avec de nouveaux détails",
    }
    /// Behind the words of a picture with more around it.
    zoomed_out {
        en: "zoomed out",
        de: "herausgezoomt",
        fr: "zoom arrière",
    }
    /// Behind the words of a picture that goes on at one side.
    continued {
        en: "continued",
        de: "fortgesetzt",
        fr: "prolongée",
    }
    /// Behind the words of a picture that was made square.
    made_square {
        en: "made square",
        de: "quadratisch gemacht",
        fr: "rendue carrée",
    }
    /// Behind other words for an old picture.
    remixed {
        en: "remixed",
        de: "neu gemischt",
        fr: "remixée",
    }
    /// A mixture of pictures.
    blended {
        en: "blended",
        de: "gemischt",
        fr: "mélangées",
    }
    /// A finished picture that could not be brought into its message.
    picture_missing {
        en: "📦 The picture is stored, but could not be brought into this message. Press **Fetch** to see it.",
        de: "📦 Das Bild ist gespeichert, konnte aber nicht in diese Nachricht gebracht werden. Drücke **Holen**, um es zu sehen.",
        fr: "📦 L'image est enregistrée, mais n'a pas pu être ajoutée à ce message. Appuie sur **Récupérer** pour la voir.",
    }
    /// Beside a picture whose stored file is larger than what may be attached.
    picture_lighter {
        en: "🗜️ Shown as a lighter JPEG, because the picture is larger than what may be attached here. The stored one is whole, and the buttons go on from that.",
        de: "🗜️ Als leichteres JPEG gezeigt, weil das Bild größer ist, als hier angehängt werden darf. Das gespeicherte ist unverändert, und die Knöpfe gehen von ihm aus.",
        fr: "🗜️ Montrée en JPEG plus léger, car l'image est plus grande que ce qui peut être joint ici. Celle qui est enregistrée est intacte, et les boutons partent d'elle.",
    }
    /// Under an unfinished message that only a token reaches; `until` is a time that Discord writes out.
    updated_until(until) {
        en: "This message follows along until {until}. After that press **Fetch**, or look in `/history`.",
        de: "Diese Nachricht geht bis {until} mit. Danach drücke **Holen**, oder sieh in `/verlauf` nach.",
        fr: "Ce message suit jusqu'à {until}. Ensuite appuie sur **Récupérer**, ou regarde dans `/historique`.",
    }
    /// Button.
    button_fetch {
        en: "Fetch",
        de: "Holen",
        fr: "Récupérer",
    }
    /// A node has begun.
    generation_started {
        en: "🎨 Generation started",
        de: "🎨 Das Zeichnen hat begonnen",
        fr: "🎨 Le dessin a commencé",
    }
    /// A node draws.
    progress(bar, percent) {
        en: "🎨 {bar} {percent} %",
        de: "🎨 {bar} {percent} %",
        fr: "🎨 {bar} {percent} %",
    }
    /// It waits.
    queued {
        en: "⏳ Queued",
        de: "⏳ In der Warteschlange",
        fr: "⏳ En file d'attente",
    }
    /// It waits, and this many are before it, plus one.
    queued_at(position) {
        en: "⏳ Queued: position {position}",
        de: "⏳ In der Warteschlange: Platz {position}",
        fr: "⏳ En file d'attente : position {position}",
    }
    /// When it will start; `time` is a rough length of time.
    starts_in(time) {
        en: "starts in about {time}",
        de: "beginnt in etwa {time}",
        fr: "commence dans environ {time}",
    }
    /// While it waits, where it was to start later than its tier promises; `time` is a rough length of time.
    quoted(time) {
        en: "There is much to do: when this was asked for, it was to start in about {time}, which is later than your tier promises.",
        de: "Es ist viel zu tun: Als dies verlangt wurde, sollte es in etwa {time} beginnen, und das ist später, als deine Stufe verspricht.",
        fr: "Il y a beaucoup à faire : au moment de la demande, ceci devait commencer dans environ {time}, plus tard que ton niveau ne le promet.",
    }
    /// Later tries count.
    try_number(number) {
        en: "try {number}",
        de: "Versuch {number}",
        fr: "essai {number}",
    }
    /// Drawn, not yet stored.
    storing {
        en: "📦 Drawn; the pictures are being stored",
        de: "📦 Gezeichnet; die Bilder werden gespeichert",
        fr: "📦 Dessiné ; les images sont en cours d'enregistrement",
    }
    /// A moderator decides.
    held {
        en: "🔎 A moderator looks at the pictures before they are shown",
        de: "🔎 Ein Mitglied der Moderation sieht sich die Bilder an, bevor sie gezeigt werden",
        fr: "🔎 Un modérateur regarde les images avant qu'elles soient montrées",
    }
    /// A cancel was asked for.
    cancelling {
        en: "🛑 Cancelling…",
        de: "🛑 Wird abgebrochen …",
        fr: "🛑 Annulation…",
    }
    /// Ended by a cancel.
    cancelled {
        en: "🛑 Cancelled. Nothing was charged.",
        de: "🛑 Abgebrochen. Es wurde nichts berechnet.",
        fr: "🛑 Annulé. Rien n'a été débité.",
    }
    /// No picture passed the check.
    pictures_blocked {
        en: "🚫 The image check withheld every picture. Nothing was charged.",
        de: "🚫 Die Bildprüfung hat alle Bilder zurückgehalten. Es wurde nichts berechnet.",
        fr: "🚫 Le contrôle des images les a toutes retenues. Rien n'a été débité.",
    }
    /// Moderation said no.
    rejected {
        en: "🚫 Rejected by moderation. Nothing was charged.",
        de: "🚫 Von der Moderation abgelehnt. Es wurde nichts berechnet.",
        fr: "🚫 Refusé par la modération. Rien n'a été débité.",
    }
    /// Shed under load.
    dropped {
        en: "🌊 Dropped, because too much was waiting before it. Nothing was charged; you can try again.",
        de: "🌊 Fallen gelassen, weil zu viel davor wartete. Es wurde nichts berechnet; du kannst es noch einmal versuchen.",
        fr: "🌊 Abandonné, car trop de tâches attendaient avant. Rien n'a été débité ; tu peux réessayer.",
    }
    /// Every try went wrong.
    attempts_exhausted {
        en: "❌ Failed: every try went wrong. Nothing was charged.",
        de: "❌ Fehlgeschlagen: Jeder Versuch ging schief. Es wurde nichts berechnet.",
        fr: "❌ Échec : tous les essais ont échoué. Rien n'a été débité.",
    }
    /// The model cannot do it.
    unrenderable {
        en: "❌ Failed: the model cannot draw this. Nothing was charged.",
        de: "❌ Fehlgeschlagen: Das Modell kann das nicht zeichnen. Es wurde nichts berechnet.",
        fr: "❌ Échec : le modèle ne peut pas dessiner cela. Rien n'a été débité.",
    }
    /// Nobody serves the model any more.
    model_gone {
        en: "❌ Failed: the model is not served any more. Nothing was charged.",
        de: "❌ Fehlgeschlagen: Das Modell wird nicht mehr angeboten. Es wurde nichts berechnet.",
        fr: "❌ Échec : le modèle n'est plus servi. Rien n'a été débité.",
    }
    /// Machine after machine broke off while it had the job.
    nodes_died {
        en: "❌ Failed: two machines broke off while drawing it. Nothing was charged.",
        de: "❌ Fehlgeschlagen: Zwei Rechner sind dabei ausgefallen. Es wurde nichts berechnet.",
        fr: "❌ Échec : deux machines se sont arrêtées en le dessinant. Rien n'a été débité.",
    }
    /// No reason is known.
    failed {
        en: "❌ Failed. Nothing was charged.",
        de: "❌ Fehlgeschlagen. Es wurde nichts berechnet.",
        fr: "❌ Échec. Rien n'a été débité.",
    }
    /// Every try went wrong for want of memory.
    out_of_memory {
        en: "❌ Failed: no machine has enough free memory for pictures of this size. Nothing was charged.",
        de: "❌ Fehlgeschlagen: Kein Rechner hat genug freien Speicher für Bilder dieser Größe. Es wurde nichts berechnet.",
        fr: "❌ Échec : aucune machine n'a assez de mémoire libre pour des images de cette taille. Rien n'a été débité.",
    }
    /// Memory was short, and the member had not asked for a size.
    drawn_smaller(now, before) {
        en: "📐 Drawn at {now} instead of {before}, because memory was short.",
        de: "📐 Mit {now} statt {before} gezeichnet, weil der Speicher knapp war.",
        fr: "📐 Dessin en {now} au lieu de {before}, car la mémoire manquait.",
    }
    /// What the image check kept back.
    withheld(blocked, all) {
        en: "⚠️ The image check withheld {blocked} of {all} pictures; they cost nothing.",
        de: "⚠️ Die Bildprüfung hat {blocked} von {all} Bildern zurückgehalten; sie kosten nichts.",
        fr: "⚠️ Le contrôle des images en a retenu {blocked} sur {all} ; elles ne coûtent rien.",
    }
    /// Parameters that are understood and do nothing so far.
    without_effect(names) {
        en: "understood, but without effect so far: {names}",
        de: "verstanden, aber bisher ohne Wirkung: {names}",
        fr: "compris, mais sans effet pour l'instant : {names}",
    }
    /// Denoising steps.
    steps(number) {
        en: "{number} steps",
        de: "{number} Schritte",
        fr: "{number} étapes",
    }
    /// The seed of the first picture.
    seed(number) {
        en: "seed {number}",
        de: "Seed {number}",
        fr: "seed {number}",
    }
    /// The id as the last thing in a message.
    job_id(job) {
        en: "job `{job}`",
        de: "Auftrag `{job}`",
        fr: "tâche `{job}`",
    }
    /// Costs nothing.
    free {
        en: "free",
        de: "kostenlos",
        fr: "gratuit",
    }
    /// An amount.
    one_credit {
        en: "1 credit",
        de: "1 Credit",
        fr: "1 crédit",
    }
    /// An amount.
    several_credits(number) {
        en: "{number} credits",
        de: "{number} Credits",
        fr: "{number} crédits",
    }
    /// A length of time.
    a_second {
        en: "a second",
        de: "einer Sekunde",
        fr: "une seconde",
    }
    /// A length of time.
    seconds(number) {
        en: "{number} s",
        de: "{number} s",
        fr: "{number} s",
    }
    /// A length of time.
    minutes(number) {
        en: "{number} min",
        de: "{number} min",
        fr: "{number} min",
    }
    /// A length of time.
    hours(number) {
        en: "{number} h",
        de: "{number} h",
        fr: "{number} h",
    }
    /// Alt text of a preview.
    preview_of(words) {
        en: "Blurred preview of {words}",
        de: "Unscharfe Vorschau von {words}",
        fr: "Aperçu flou de {words}",
    }
    /// Alt text of a picture.
    picture_of(words) {
        en: "Picture of {words}",
        de: "Bild von {words}",
        fr: "Image de {words}",
    }
    /// Alt text where the words were erased.
    an_erased_prompt {
        en: "an erased prompt",
        de: "einem gelöschten Prompt",
        fr: "un prompt effacé",
    }
    /// Button.
    button_try_again {
        en: "Try again",
        de: "Noch einmal",
        fr: "Réessayer",
    }
    /// Button.
    button_run_anyway {
        en: "Run anyway",
        de: "Trotzdem starten",
        fr: "Lancer quand même",
    }
    /// Button.
    button_cancel {
        en: "Cancel",
        de: "Abbrechen",
        fr: "Annuler",
    }
    /// Button.
    button_open {
        en: "Open",
        de: "Öffnen",
        fr: "Ouvrir",
    }
}
