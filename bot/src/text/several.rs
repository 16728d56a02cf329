//! Several jobs from one prompt: what is proposed, and what became of it.

use std::time::Duration;

use super::Language;
use super::table::texts;

texts! {
    /// Above the prompts of several jobs; `until` is a time that Discord writes out.
    several_proposed(jobs, pictures, price, until) {
        en: "**{jobs} jobs** from this prompt, {pictures} pictures in all: {price}. Nothing runs before you press the button; it works until {until}.",
        de: "**{jobs} Aufträge** aus diesem Prompt, zusammen {pictures} Bilder: {price}. Nichts läuft, bevor du auf den Knopf drückst; er wirkt bis {until}.",
        fr: "**{jobs} tâches** à partir de ce prompt, {pictures} images en tout : {price}. Rien ne démarre avant que tu appuies sur le bouton ; il agit jusqu'à {until}.",
    }
    /// Where the bot is no member.
    several_not_as_a_guest {
        en: "Several jobs at once need a place where I can write by myself: a direct message to me, or a server that I am a member of. Here one prompt makes one job.",
        de: "Mehrere Aufträge zugleich brauchen einen Ort, an dem ich selbst schreiben kann: eine Direktnachricht an mich oder einen Server, auf dem ich Mitglied bin. Hier macht ein Prompt einen Auftrag.",
        fr: "Plusieurs tâches à la fois demandent un endroit où je peux écrire moi-même : un message privé avec moi, ou un serveur dont je suis membre. Ici, un prompt fait une tâche.",
    }
    /// How long all of them take together.
    several_ready_in(time) {
        en: "All of them should be there in {time}.",
        de: "Alle zusammen sollten in {time} da sein.",
        fr: "Le tout devrait être là dans {time}.",
    }
    /// Nothing is known yet of how long they take.
    several_time_unknown {
        en: "How long they will take is not known yet.",
        de: "Wie lange es dauern wird, ist noch nicht bekannt.",
        fr: "Le temps nécessaire n'est pas encore connu.",
    }
    /// How many different pictures they begin from.
    several_begun_from(count) {
        en: "Pictures that they start from: {count}",
        de: "Bilder, von denen sie ausgehen: {count}",
        fr: "Images dont elles partent : {count}",
    }
    /// Where the last of several jobs would start later than its tier promises; `time` is a rough length of time.
    several_quoted(time) {
        en: "There is much to do: the last of them would start in about {time}, which is later than your tier promises.",
        de: "Es ist viel zu tun: Der letzte davon würde in etwa {time} beginnen, und das ist später, als deine Stufe verspricht.",
        fr: "Il y a beaucoup à faire : la dernière commencerait dans environ {time}, plus tard que ton niveau ne le promet.",
    }
    /// After the first prompts of a long list.
    several_more(count) {
        en: "… and {count} more",
        de: "… und {count} weitere",
        fr: "… et {count} autres",
    }
    /// Button.
    button_run_several(jobs) {
        en: "Run {jobs} jobs",
        de: "{jobs} Aufträge starten",
        fr: "Lancer {jobs} tâches",
    }
    /// Button.
    button_drop_several {
        en: "Cancel",
        de: "Abbrechen",
        fr: "Annuler",
    }
    /// In place of the proposal, after its author has agreed.
    several_started(jobs) {
        en: "▶️ {jobs} jobs are under way. Each has a message of its own in this channel.",
        de: "▶️ {jobs} Aufträge sind unterwegs. Jeder hat in diesem Kanal seine eigene Nachricht.",
        fr: "▶️ {jobs} tâches sont en cours. Chacune a son propre message dans ce salon.",
    }
    /// In place of the proposal, after its author has declined.
    several_dropped {
        en: "Cancelled: nothing was started or charged.",
        de: "Abgebrochen: Es wurde nichts gestartet und nichts berechnet.",
        fr: "Annulé : rien n'a été lancé ni débité.",
    }
    /// In place of the proposal, pressed too late.
    several_expired {
        en: "The time for this has passed, and nothing was started. Send the prompt again to get a new price.",
        de: "Die Zeit dafür ist abgelaufen, und es wurde nichts gestartet. Schick den Prompt noch einmal, um einen neuen Preis zu bekommen.",
        fr: "Le délai est passé, et rien n'a été lancé. Envoie de nouveau le prompt pour obtenir un nouveau prix.",
    }
    /// A second press.
    several_running_already {
        en: "These jobs are under way already; each has a message of its own in this channel.",
        de: "Diese Aufträge sind schon unterwegs; jeder hat in diesem Kanal seine eigene Nachricht.",
        fr: "Ces tâches sont déjà en cours ; chacune a son propre message dans ce salon.",
    }
    /// A press on somebody else's proposal.
    several_not_yours {
        en: "Only the member who asked for these jobs can start or cancel them.",
        de: "Nur wer diese Aufträge angefragt hat, kann sie starten oder abbrechen.",
        fr: "Seule la personne qui a demandé ces tâches peut les lancer ou les annuler.",
    }
    /// No tier allows several.
    several_not_on_tier(jobs, tier) {
        en: "❌ This prompt makes {jobs} jobs, and on the {tier} tier one prompt is one job. Leave out the braces and `--repeat`. Nothing was started.",
        de: "❌ Dieser Prompt ergibt {jobs} Aufträge, und auf der Stufe {tier} ist ein Prompt ein Auftrag. Lass die geschweiften Klammern und `--repeat` weg. Es wurde nichts gestartet.",
        fr: "❌ Ce prompt donne {jobs} tâches, et au niveau {tier} un prompt est une tâche. Retire les accolades et `--repeat`. Rien n'a été lancé.",
    }
    /// More than the tier allows.
    several_above_tier(jobs, limit, tier) {
        en: "❌ This prompt makes {jobs} jobs; on the {tier} tier it may make {limit} at most. Take alternatives out of the braces, or repeat it less. Nothing was started.",
        de: "❌ Dieser Prompt ergibt {jobs} Aufträge; auf der Stufe {tier} dürfen es höchstens {limit} sein. Nimm Alternativen aus den geschweiften Klammern oder wiederhole ihn weniger oft. Es wurde nichts gestartet.",
        fr: "❌ Ce prompt donne {jobs} tâches ; au niveau {tier} il peut en donner {limit} au plus. Retire des alternatives des accolades, ou répète-le moins. Rien n'a été lancé.",
    }
    /// The queue has room for some of them.
    several_do_not_fit(jobs, room, unfinished, limit, tier) {
        en: "❌ Of these {jobs} jobs {room} would fit now: {unfinished} of {limit} are under way on the {tier} tier. Wait for some to finish, or cancel some with ❌. Nothing was started.",
        de: "❌ Von diesen {jobs} Aufträgen passen jetzt {room} hinein: {unfinished} von {limit} der Stufe {tier} sind unterwegs. Warte, bis einige fertig sind, oder brich welche mit ❌ ab. Es wurde nichts gestartet.",
        fr: "❌ De ces {jobs} tâches, {room} tiendraient maintenant : {unfinished} sur {limit} sont en cours au niveau {tier}. Attends que certaines se terminent, ou annules-en avec ❌. Rien n'a été lancé.",
    }
}

impl Language {
    /// How long several jobs take together, if that is known.
    pub fn several_time(self, time: Option<Duration>) -> String {
        match time {
            Some(time) => self.several_ready_in(self.about(time)),
            None => self.several_time_unknown().to_owned(),
        }
    }
}
