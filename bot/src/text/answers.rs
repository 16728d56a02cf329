//! What a member is told in answer to a command or a click: why not, and what to do instead.

use super::table::texts;

texts! {
    /// Too many requests at once for this process.
    busy {
        en: "Too much is going on here at this moment. Nothing was started; please try again in a few seconds.",
        de: "Hier ist gerade zu viel los. Es wurde nichts gestartet; bitte versuche es in ein paar Sekunden noch einmal.",
        fr: "Il y a trop d'activité en ce moment. Rien n'a été lancé ; réessaie dans quelques secondes.",
    }
    /// Too many requests of one member; `wait` is a rough length of time.
    too_fast(tier, wait) {
        en: "🐢 You are going faster than the {tier} tier allows. Nothing was started by this; please try again in {wait}.",
        de: "🐢 Das geht schneller, als es die Stufe {tier} erlaubt. Hiermit wurde nichts gestartet; bitte versuche es in {wait} noch einmal.",
        fr: "🐢 Tu vas plus vite que le niveau {tier} ne le permet. Rien n'a été lancé par cette demande ; réessaie dans {wait}.",
    }
    /// Too many requests of all members of a guild together.
    guild_too_fast(wait) {
        en: "🐢 More is being asked for on this server than it may at once. Nothing was started by this; please try again in {wait}.",
        de: "🐢 Auf diesem Server wird gerade mehr verlangt, als auf einmal erlaubt ist. Hiermit wurde nichts gestartet; bitte versuche es in {wait} noch einmal.",
        fr: "🐢 Il y a plus de demandes sur ce serveur qu'il n'est permis à la fois. Rien n'a été lancé par cette demande ; réessaie dans {wait}.",
    }
    /// No model is known yet.
    no_model {
        en: "No GPU node has announced a model yet, so nothing can be drawn. Please try again in a minute; nothing was started.",
        de: "Noch hat kein GPU-Knoten ein Modell angemeldet, deshalb kann nichts gezeichnet werden. Bitte versuche es in einer Minute noch einmal; es wurde nichts gestartet.",
        fr: "Aucun nœud GPU n'a encore annoncé de modèle, donc rien ne peut être dessiné. Réessaie dans une minute ; rien n'a été lancé.",
    }
    /// The database or another part does not answer.
    not_accepted {
        en: "Something behind the bot does not answer at the moment. Nothing was started or charged; please try again in a minute.",
        de: "Etwas hinter dem Bot antwortet gerade nicht. Es wurde nichts gestartet und nichts berechnet; bitte versuche es in einer Minute noch einmal.",
        fr: "Un service derrière le bot ne répond pas pour le moment. Rien n'a été lancé ni débité ; réessaie dans une minute.",
    }
    /// A bot died between its answer and the commit.
    interrupted {
        en: "The bot was restarted before it could take this on. Nothing was started or charged; please try again.",
        de: "Der Bot wurde neu gestartet, bevor er dies annehmen konnte. Es wurde nichts gestartet und nichts berechnet; bitte versuche es noch einmal.",
        fr: "Le bot a redémarré avant de pouvoir prendre cette demande en charge. Rien n'a été lancé ni débité ; réessaie.",
    }
    /// A button that no job of ours belongs to.
    unknown_button {
        en: "This button belongs to an older version of the bot and does nothing any more.",
        de: "Dieser Knopf gehört zu einer älteren Version des Bots und bewirkt nichts mehr.",
        fr: "Ce bouton appartient à une ancienne version du bot et ne fait plus rien.",
    }
    /// The job of a button or of `/show` is not there; `id` holds letters, digits and hyphens only.
    no_such_job(id) {
        en: "There is no job `{id}`. A job's id is the last thing in its message, such as `0197a3c2-1b7e-7d3a-9f00-5c1e2b3a4d5f`.",
        de: "Es gibt keinen Auftrag `{id}`. Die Nummer eines Auftrags steht am Ende seiner Nachricht, zum Beispiel `0197a3c2-1b7e-7d3a-9f00-5c1e2b3a4d5f`.",
        fr: "Il n'y a pas de tâche `{id}`. L'identifiant d'une tâche se trouve à la fin de son message, par exemple `0197a3c2-1b7e-7d3a-9f00-5c1e2b3a4d5f`.",
    }
    /// Text that cannot be a job id.
    not_a_job_id {
        en: "That is not a job id. A job's id is the last thing in its message, such as `0197a3c2-1b7e-7d3a-9f00-5c1e2b3a4d5f`.",
        de: "Das ist keine Auftragsnummer. Sie steht am Ende der Nachricht eines Auftrags, zum Beispiel `0197a3c2-1b7e-7d3a-9f00-5c1e2b3a4d5f`.",
        fr: "Ce n'est pas un identifiant de tâche. Il se trouve à la fin du message d'une tâche, par exemple `0197a3c2-1b7e-7d3a-9f00-5c1e2b3a4d5f`.",
    }
    /// `/show` of somebody else's job.
    not_your_job {
        en: "This job belongs to somebody else; `/show` brings back only your own.",
        de: "Dieser Auftrag gehört jemand anderem; dieser Befehl holt nur deine eigenen zurück.",
        fr: "Cette tâche appartient à quelqu'un d'autre ; cette commande ne ramène que les tiennes.",
    }
    /// A button on a private picture.
    private_picture {
        en: "These pictures are private; only their owner can go on with them.",
        de: "Diese Bilder sind privat; nur wem sie gehören, kann mit ihnen weitermachen.",
        fr: "Ces images sont privées ; seule la personne à qui elles appartiennent peut continuer avec elles.",
    }
    /// ❌ on somebody else's job.
    not_yours_to_cancel {
        en: "Only the member who started this job, or a moderator here, can cancel it.",
        de: "Nur wer diesen Auftrag gestartet hat oder hier moderiert, kann ihn abbrechen.",
        fr: "Seule la personne qui a lancé cette tâche, ou un modérateur d'ici, peut l'annuler.",
    }
    /// ❌ twice.
    already_cancelling {
        en: "This job is being cancelled already.",
        de: "Dieser Auftrag wird schon abgebrochen.",
        fr: "Cette tâche est déjà en cours d'annulation.",
    }
    /// The picture of a button is not there (any more).
    no_such_picture {
        en: "This picture cannot be used: it was withheld, or it is no longer kept.",
        de: "Dieses Bild ist nicht verwendbar: Es wurde zurückgehalten oder wird nicht mehr aufbewahrt.",
        fr: "Cette image n'est pas utilisable : elle a été retenue, ou elle n'est plus conservée.",
    }
    /// Zoom, pan or square under a picture that was drawn with `--tile`.
    nothing_around {
        en: "❌ A picture drawn with `--tile` has nothing around it: it goes on at its opposite edge. Nothing was started.",
        de: "❌ Um ein Bild mit `--tile` herum ist nichts: Es geht an seiner anderen Seite weiter. Es wurde nichts gestartet.",
        fr: "❌ Autour d'une image dessinée avec `--tile`, il n'y a rien : elle continue au bord opposé. Rien n'a été lancé.",
    }
    /// The words of a job were erased.
    words_erased {
        en: "The words of this job were erased, so it cannot be drawn again.",
        de: "Der Text dieses Auftrags wurde gelöscht; er kann deshalb nicht noch einmal gezeichnet werden.",
        fr: "Le texte de cette tâche a été effacé ; elle ne peut donc pas être redessinée.",
    }
    /// What a job would begin from was deleted, or was used last so long ago that it is kept no longer.
    pictures_gone {
        en: "A picture that this starts from is no longer kept. Give it again with `/imagine`, `/blend` or `/describe`.",
        de: "Ein Bild, mit dem das beginnt, wird nicht mehr aufbewahrt. Gib es mit `/imagine`, `/mischen` oder `/beschreiben` noch einmal.",
        fr: "Une image dont cela part n'est plus conservée. Redonne-la avec `/imagine`, `/mélanger` ou `/décrire`.",
    }
    /// A chain of variations is too long.
    too_varied {
        en: "This picture has been varied so often that its next variation cannot be described. Start a new one with `/imagine`.",
        de: "Dieses Bild wurde so oft variiert, dass sich die nächste Variation nicht mehr beschreiben lässt. Beginne mit `/imagine` ein neues.",
        fr: "Cette image a été variée si souvent que sa prochaine variation ne peut plus être décrite. Commences-en une nouvelle avec `/imagine`.",
    }
    /// ❌ on a job that is complete.
    late_finished {
        en: "Too late: this job has finished already.",
        de: "Zu spät: Dieser Auftrag ist schon fertig.",
        fr: "Trop tard : cette tâche est déjà terminée.",
    }
    /// ❌ on a job that failed.
    late_failed {
        en: "Too late: this job has failed already.",
        de: "Zu spät: Dieser Auftrag ist schon fehlgeschlagen.",
        fr: "Trop tard : cette tâche a déjà échoué.",
    }
    /// ❌ on a job that was cancelled.
    late_cancelled {
        en: "Too late: this job has been cancelled already.",
        de: "Zu spät: Dieser Auftrag wurde schon abgebrochen.",
        fr: "Trop tard : cette tâche a déjà été annulée.",
    }
    /// ❌ on a job that moderation rejected.
    late_rejected {
        en: "Too late: this job has been rejected already.",
        de: "Zu spät: Dieser Auftrag wurde schon abgelehnt.",
        fr: "Trop tard : cette tâche a déjà été refusée.",
    }
    /// ❌ on a job that was shed.
    late_dropped {
        en: "Too late: this job has been dropped already.",
        de: "Zu spät: Dieser Auftrag wurde schon fallen gelassen.",
        fr: "Trop tard : cette tâche a déjà été abandonnée.",
    }
    /// ❌ on a job whose state changed meanwhile.
    late_moved_on {
        en: "Too late: this job has moved on already.",
        de: "Zu spät: Dieser Auftrag ist schon weiter.",
        fr: "Trop tard : cette tâche est déjà passée à la suite.",
    }
    /// Words that policy does not draw.
    blocked_words(category) {
        en: "❌ This prompt was not accepted: it asks for something that is not drawn here ({category}). Nothing was started.",
        de: "❌ Dieser Prompt wurde nicht angenommen: Er verlangt etwas, das hier nicht gezeichnet wird ({category}). Es wurde nichts gestartet.",
        fr: "❌ Ce prompt n'a pas été accepté : il demande quelque chose qui n'est pas dessiné ici ({category}). Rien n'a été lancé.",
    }
    /// Too many jobs under way.
    queue_full(unfinished, limit, tier) {
        en: "Your queue is full: {unfinished} of {limit} jobs are under way on the {tier} tier. Wait for one to finish, or cancel one with ❌. Nothing was started.",
        de: "Deine Warteschlange ist voll: {unfinished} von {limit} Aufträgen der Stufe {tier} sind unterwegs. Warte, bis einer fertig ist, oder brich einen mit ❌ ab. Es wurde nichts gestartet.",
        fr: "Ta file d'attente est pleine : {unfinished} tâches sur {limit} sont en cours au niveau {tier}. Attends que l'une se termine, ou annules-en une avec ❌. Rien n'a été lancé.",
    }
    /// The job would be dropped before its turn; `wait` is a duration and `when` a time as Discord shows it.
    crowded(wait, when, tier) {
        en: "So much is waiting that this would hardly start in time: the wait on the {tier} tier is {wait}. Nothing was started or charged; please try again {when}.",
        de: "Es wartet so viel, dass dies kaum rechtzeitig an die Reihe käme: Auf der Stufe {tier} beträgt die Wartezeit {wait}. Es wurde nichts gestartet und nichts berechnet; bitte versuche es {when} noch einmal.",
        fr: "Tant de tâches attendent que celle-ci ne commencerait guère à temps : au niveau {tier}, l'attente est de {wait}. Rien n'a été lancé ni débité ; réessaie {when}.",
    }
    /// Not enough credits.
    too_dear(price, balance) {
        en: "This costs {price}, and you have {balance} left. Nothing was started.",
        de: "Das kostet {price}, und du hast noch {balance}. Es wurde nichts gestartet.",
        fr: "Cela coûte {price}, et il te reste {balance}. Rien n'a été lancé.",
    }
    /// The same was asked for a moment ago.
    repeated {
        en: "You asked for this a moment ago, and it is under way.",
        de: "Danach hast du gerade eben schon gefragt, und es ist unterwegs.",
        fr: "Tu viens de demander la même chose, et c'est en cours.",
    }
    /// The same, with a link.
    repeated_there(link) {
        en: "You asked for this a moment ago, and it is under way: {link}",
        de: "Danach hast du gerade eben schon gefragt, und es ist unterwegs: {link}",
        fr: "Tu viens de demander la même chose, et c'est en cours : {link}",
    }
    /// The picture was enlarged before.
    enlarged_before {
        en: "You have this picture in large already.",
        de: "Dieses Bild hast du schon in groß.",
        fr: "Tu as déjà cette image en grand.",
    }
    /// The same, with a link.
    enlarged_there(link) {
        en: "You have this picture in large already: {link}",
        de: "Dieses Bild hast du schon in groß: {link}",
        fr: "Tu as déjà cette image en grand : {link}",
    }
    /// `/show` of a job that still runs.
    still_running {
        en: "This job is still under way; its message will show it.",
        de: "Dieser Auftrag ist noch unterwegs; seine Nachricht wird es zeigen.",
        fr: "Cette tâche est encore en cours ; son message la montrera.",
    }
    /// The same, with a link.
    still_running_there(link) {
        en: "This job is still under way; its message counts up here: {link}",
        de: "Dieser Auftrag ist noch unterwegs; seine Nachricht zählt hier hoch: {link}",
        fr: "Cette tâche est encore en cours ; son message avance ici : {link}",
    }
    /// A prompt that cannot be read: the sentence, the line of the prompt, and a mark under the place.
    unreadable_prompt(problem, line, mark) {
        en: "❌ {problem}.\n```\n{line}\n{mark}\n```Nothing was started.",
        de: "❌ {problem}.\n```\n{line}\n{mark}\n```Es wurde nichts gestartet.",
        fr: "❌ {problem}.\n```\n{line}\n{mark}\n```Rien n'a été lancé.",
    }
}
