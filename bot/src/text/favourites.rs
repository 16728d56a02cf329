//! Favourites: pictures that somebody has marked with a star.

use super::table::texts;

texts! {
    /// Above a list.
    favourites_title {
        en: "⭐ **Your favourites**, newest first. Press a number to see one, run it again or remix it.",
        de: "⭐ **Deine Favoriten**, neueste zuerst. Drücke eine Nummer, um einen anzusehen, noch einmal zu starten oder neu zu mischen.",
        fr: "⭐ **Tes favoris**, les plus récents d'abord. Appuie sur un numéro pour en voir un, le relancer ou le remixer.",
    }
    /// An empty list.
    favourites_empty {
        en: "⭐ You have no favourites. Press ⭐ under pictures, or react to their message with ⭐.",
        de: "⭐ Du hast keine Favoriten. Drücke ⭐ unter Bildern oder reagiere auf ihre Nachricht mit ⭐.",
        fr: "⭐ Tu n'as pas de favoris. Appuie sur ⭐ sous des images, ou réagis à leur message avec ⭐.",
    }
    /// Button under pictures; also what it is called where there is room.
    button_star {
        en: "Favourite",
        de: "Favorit",
        fr: "Favori",
    }
    /// Button.
    button_unstar {
        en: "Take back",
        de: "Zurücknehmen",
        fr: "Retirer",
    }
    /// The star is set.
    favourite_kept {
        en: "⭐ Kept. `/favourites` shows all of them.",
        de: "⭐ Gemerkt. `/favoriten` zeigt alle.",
        fr: "⭐ Gardé. `/favoris` les montre tous.",
    }
    /// The star was set before.
    favourite_already {
        en: "⭐ This is among your favourites already. `/favourites` shows all of them.",
        de: "⭐ Das ist schon unter deinen Favoriten. `/favoriten` zeigt alle.",
        fr: "⭐ C'est déjà parmi tes favoris. `/favoris` les montre tous.",
    }
    /// The star is taken back.
    favourite_forgotten {
        en: "The ⭐ is taken back. `/favourites` shows what is left.",
        de: "Der ⭐ ist zurückgenommen. `/favoriten` zeigt, was bleibt.",
        fr: "L'⭐ est retirée. `/favoris` montre ce qui reste.",
    }
    /// The button of a list belongs to a star that was taken back.
    favourite_gone {
        en: "This is no longer among your favourites. Use `/favourites` for a new list.",
        de: "Das ist nicht mehr unter deinen Favoriten. Mit `/favoriten` bekommst du eine neue Liste.",
        fr: "Ce n'est plus parmi tes favoris. `/favoris` donne une nouvelle liste.",
    }
    /// No more stars.
    favourites_full(most) {
        en: "❌ You have {most} favourites, which is as many as there is room for. Take one back in `/favourites` first.",
        de: "❌ Du hast {most} Favoriten, mehr Platz ist nicht. Nimm zuerst in `/favoriten` einen zurück.",
        fr: "❌ Tu as {most} favoris, c'est tout ce qu'il y a de place. Retires-en d'abord un dans `/favoris`.",
    }
}
