//! What is done with a result: sent by direct message, or deleted.

use super::table::texts;

texts! {
    /// Button under pictures.
    button_mail {
        en: "Send to me",
        de: "An mich senden",
        fr: "M'envoyer",
    }
    /// Button under pictures that were sent.
    button_mailed {
        en: "Details",
        de: "Einzelheiten",
        fr: "Détails",
    }
    /// The pictures were sent.
    mail_sent {
        en: "✉️ The pictures are in your direct messages.",
        de: "✉️ Die Bilder sind in deinen Direktnachrichten.",
        fr: "✉️ Les images sont dans tes messages privés.",
    }
    /// They were sent a moment ago.
    mail_sent_before {
        en: "✉️ The pictures were sent to your direct messages a few minutes ago.",
        de: "✉️ Die Bilder wurden dir vor wenigen Minuten als Direktnachricht geschickt.",
        fr: "✉️ Les images t'ont été envoyées en message privé il y a quelques minutes.",
    }
    /// They will be sent.
    mail_under_way {
        en: "✉️ The pictures will come by direct message.",
        de: "✉️ Die Bilder kommen als Direktnachricht.",
        fr: "✉️ Les images arriveront en message privé.",
    }
    /// The member takes no direct messages.
    mail_refused {
        en: "❌ Your direct messages are closed, so nothing was sent. Allow direct messages in the privacy settings of this server, then press ✉️ again.",
        de: "❌ Deine Direktnachrichten sind geschlossen, deshalb wurde nichts gesendet. Erlaube Direktnachrichten in den Privatsphäre-Einstellungen dieses Servers und drücke noch einmal ✉️.",
        fr: "❌ Tes messages privés sont fermés : rien n'a été envoyé. Autorise les messages privés dans les paramètres de confidentialité de ce serveur, puis appuie de nouveau sur ✉️.",
    }
    /// There are no pictures to send.
    mail_nothing {
        en: "❌ This job has no pictures that could be sent.",
        de: "❌ Dieser Auftrag hat keine Bilder, die man senden könnte.",
        fr: "❌ Cette tâche n'a pas d'images à envoyer.",
    }
    /// Button under pictures, and the one that confirms it.
    button_delete {
        en: "Delete",
        de: "Löschen",
        fr: "Supprimer",
    }
    /// Before a result is deleted.
    delete_sure {
        en: "❌ Delete this result for good? Its message goes, and it is no longer in `/history` or anybody's favourites.",
        de: "❌ Dieses Ergebnis endgültig löschen? Seine Nachricht verschwindet, und es steht nicht mehr im `/verlauf` und in niemandes Favoriten.",
        fr: "❌ Supprimer ce résultat pour de bon ? Son message disparaît, et il n'est plus dans `/historique` ni dans les favoris de personne.",
    }
    /// A result was deleted just now.
    delete_done {
        en: "🗑️ Deleted.",
        de: "🗑️ Gelöscht.",
        fr: "🗑️ Supprimé.",
    }
    /// A result is deleted, and a button of it was pressed.
    result_deleted {
        en: "🗑️ This result was deleted.",
        de: "🗑️ Dieses Ergebnis wurde gelöscht.",
        fr: "🗑️ Ce résultat a été supprimé.",
    }
    /// ❌ by somebody else.
    not_yours_to_delete {
        en: "❌ Only the member who made this and moderators can delete it.",
        de: "❌ Löschen können das nur, wer es gemacht hat, und Moderatoren.",
        fr: "❌ Seuls le membre qui l'a fait et les modérateurs peuvent le supprimer.",
    }
}
