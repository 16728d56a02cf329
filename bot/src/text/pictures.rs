//! Why a picture at a member's address cannot be used.

use super::Language;
use super::table::texts;
use crate::fetch::FetchError;

texts! {
    /// There is no place to keep masks.
    masks_not_taken {
        en: "Masks are not taken here: the operator has set up no place to keep them. Nothing was started; **Vary (Region)** under a picture in large works without one.",
        de: "Masken werden hier nicht angenommen: Der Betreiber hat keinen Platz dafür eingerichtet. Es wurde nichts gestartet; **Variieren (Bereich)** unter einem großen Bild geht ohne.",
        fr: "Les masques ne sont pas acceptés ici : l'opérateur n'a prévu aucun endroit où les garder. Rien n'a été lancé ; **Varier (zone)** sous une image en grand s'en passe.",
    }
    /// Not to be read.
    mask_damaged {
        en: "The mask cannot be read. Give a PNG, JPEG, WebP or GIF that is black, and white where the picture is to be painted anew. Nothing was started.",
        de: "Die Maske lässt sich nicht lesen. Gib ein PNG, JPEG, WebP oder GIF, das schwarz ist, und weiß, wo neu gemalt werden soll. Es wurde nichts gestartet.",
        fr: "Le masque ne peut pas être lu. Donne un PNG, JPEG, WebP ou GIF noir, et blanc là où l'image doit être repeinte. Rien n'a été lancé.",
    }
    /// Nothing white.
    mask_empty {
        en: "The mask has no white part, so nothing would be painted anew. Make white what is to change; what is transparent counts as black. Nothing was started.",
        de: "Die Maske hat keinen weißen Teil; es würde also nichts neu gemalt. Mach weiß, was sich ändern soll; Durchsichtiges zählt als schwarz. Es wurde nichts gestartet.",
        fr: "Le masque n'a pas de partie blanche, donc rien ne serait repeint. Mets en blanc ce qui doit changer ; ce qui est transparent compte comme noir. Rien n'a été lancé.",
    }
    /// Nothing black.
    mask_full {
        en: "The mask is white all over, so nothing of the picture would stay. Make black what is to stay, or draw a new picture with `/imagine`. Nothing was started.",
        de: "Die Maske ist überall weiß; vom Bild bliebe also nichts. Mach schwarz, was bleiben soll, oder zeichne mit `/imagine` ein neues. Es wurde nichts gestartet.",
        fr: "Le masque est blanc partout, donc rien de l'image ne resterait. Mets en noir ce qui doit rester, ou dessine une nouvelle image avec `/imagine`. Rien n'a été lancé.",
    }
    /// The operator has not said that members' pictures may go unchecked.
    pictures_not_taken {
        en: "❌ Members' pictures are not taken here: there is no check for them, and the operator has not allowed them without one. Nothing was started.",
        de: "❌ Bilder von Mitgliedern werden hier nicht angenommen: Es gibt keine Prüfung für sie, und ohne eine hat der Betreiber sie nicht erlaubt. Es wurde nichts gestartet.",
        fr: "❌ Les images des membres ne sont pas acceptées ici : rien ne les vérifie, et l'opérateur ne les a pas permises sans vérification. Rien n'a été lancé.",
    }
    /// More pictures than the jobs of one prompt can start from.
    too_many_pictures_in_all(most) {
        en: "❌ The jobs of one prompt can start from {most} different pictures at most. Nothing was started.",
        de: "❌ Die Aufträge eines Prompts können von höchstens {most} verschiedenen Bildern ausgehen. Es wurde nichts gestartet.",
        fr: "❌ Les tâches d'un prompt peuvent partir de {most} images différentes au plus. Rien n'a été lancé.",
    }
    /// More pictures than one job can start from.
    too_many_pictures(most) {
        en: "❌ One job can start from {most} pictures at most. Nothing was started.",
        de: "❌ Ein Auftrag kann von höchstens {most} Bildern ausgehen. Es wurde nichts gestartet.",
        fr: "❌ Une tâche peut partir de {most} images au plus. Rien n'a été lancé.",
    }
    /// "Blend" on a message with too few or too many pictures.
    blend_needs_pictures(count, most) {
        en: "❌ A blend takes 2 to {most} pictures of a message, and this one has {count}. `/blend` takes uploads.",
        de: "❌ Gemischt werden 2 bis {most} Bilder einer Nachricht, und diese hat {count}. `/mischen` nimmt Hochgeladenes.",
        fr: "❌ Un mélange prend de 2 à {most} images d'un message, et celui-ci en a {count}. `/mélanger` prend des fichiers.",
    }
    /// Neither http nor https, or an unusual port.
    fetch_kind {
        en: "This address cannot be followed: use http or https, without a user name and on the usual port. Nothing was started.",
        de: "Dieser Adresse kann nicht gefolgt werden: Nimm http oder https, ohne Benutzernamen und auf dem üblichen Port. Es wurde nichts gestartet.",
        fr: "Cette adresse ne peut pas être suivie : utilise http ou https, sans nom d'utilisateur et sur le port habituel. Rien n'a été lancé.",
    }
    /// A private address.
    fetch_private {
        en: "This address does not lead to the public internet. Upload the picture instead. Nothing was started.",
        de: "Diese Adresse führt nicht ins öffentliche Internet. Lade das Bild stattdessen hoch. Es wurde nichts gestartet.",
        fr: "Cette adresse ne mène pas à l'internet public. Envoie plutôt l'image. Rien n'a été lancé.",
    }
    /// No connection.
    fetch_unreachable {
        en: "The picture's host cannot be reached. Check the address, or upload the picture. Nothing was started.",
        de: "Der Server des Bildes ist nicht erreichbar. Prüfe die Adresse, oder lade das Bild hoch. Es wurde nichts gestartet.",
        fr: "Le serveur de l'image est injoignable. Vérifie l'adresse, ou envoie l'image. Rien n'a été lancé.",
    }
    /// 403, 404 and the like.
    fetch_status(status) {
        en: "The picture's host answered with {status}: the link may have expired. Upload the picture instead. Nothing was started.",
        de: "Der Server des Bildes antwortete mit {status}: Vielleicht ist der Link abgelaufen. Lade das Bild stattdessen hoch. Es wurde nichts gestartet.",
        fr: "Le serveur de l'image a répondu {status} : le lien a peut-être expiré. Envoie plutôt l'image. Rien n'a été lancé.",
    }
    /// A loop, or a redirect to nowhere.
    fetch_redirects {
        en: "This address only leads on to others. Use the picture's direct address. Nothing was started.",
        de: "Diese Adresse führt nur immer weiter. Nimm die direkte Adresse des Bildes. Es wurde nichts gestartet.",
        fr: "Cette adresse ne fait que renvoyer ailleurs. Utilise l'adresse directe de l'image. Rien n'a été lancé.",
    }
    /// The time ran out.
    fetch_slow {
        en: "The picture did not arrive in time. Please try again, or upload it. Nothing was started.",
        de: "Das Bild kam nicht rechtzeitig an. Versuche es noch einmal, oder lade es hoch. Es wurde nichts gestartet.",
        fr: "L'image n'est pas arrivée à temps. Réessaie, ou envoie-la. Rien n'a été lancé.",
    }
    /// Too many bytes.
    fetch_too_large(mebibytes) {
        en: "This picture is too large: at most {mebibytes} MiB. Nothing was started.",
        de: "Dieses Bild ist zu groß: höchstens {mebibytes} MiB. Es wurde nichts gestartet.",
        fr: "Cette image est trop lourde : {mebibytes} Mio au plus. Rien n'a été lancé.",
    }
    /// Something else.
    fetch_not_a_picture {
        en: "This is not a picture that can be read: use PNG, JPEG, WebP or GIF. Nothing was started.",
        de: "Das ist kein lesbares Bild: Nimm PNG, JPEG, WebP oder GIF. Es wurde nichts gestartet.",
        fr: "Ce n'est pas une image lisible : utilise PNG, JPEG, WebP ou GIF. Rien n'a été lancé.",
    }
    /// A broken file.
    fetch_damaged {
        en: "This picture is damaged. Save it again, or use another one. Nothing was started.",
        de: "Dieses Bild ist beschädigt. Speichere es noch einmal, oder nimm ein anderes. Es wurde nichts gestartet.",
        fr: "Cette image est endommagée. Enregistre-la à nouveau, ou utilises-en une autre. Rien n'a été lancé.",
    }
    /// Too many pixels.
    fetch_too_many_pixels(width, height, max_side) {
        en: "This picture has {width}×{height} pixels, which is too many: at most {max_side} on its longest side. Nothing was started.",
        de: "Dieses Bild hat {width}×{height} Pixel, das ist zu viel: höchstens {max_side} auf der längsten Seite. Es wurde nichts gestartet.",
        fr: "Cette image a {width}×{height} pixels, c'est trop : {max_side} au plus sur son plus grand côté. Rien n'a été lancé.",
    }
}

impl Language {
    /// One sentence for why a picture could not be fetched.
    pub fn fetch_error(self, error: &FetchError) -> String {
        match error {
            FetchError::Kind => self.fetch_kind().to_owned(),
            FetchError::Private => self.fetch_private().to_owned(),
            FetchError::Unreachable(_) => self.fetch_unreachable().to_owned(),
            FetchError::Status(status) => self.fetch_status(status),
            FetchError::Redirects => self.fetch_redirects().to_owned(),
            FetchError::Slow => self.fetch_slow().to_owned(),
            FetchError::TooLarge { max_bytes } => self.fetch_too_large(max_bytes >> 20),
            FetchError::NotAPicture => self.fetch_not_a_picture().to_owned(),
            FetchError::Damaged => self.fetch_damaged().to_owned(),
            FetchError::TooManyPixels {
                width,
                height,
                max_side,
            } => self.fetch_too_many_pixels(width, height, max_side),
        }
    }
}
