//! What `/shorten` and `/describe` say.

use super::table::texts;

texts! {
    /// Behind the words whose influence is told.
    weighed {
        en: "which words count",
        de: "welche Wörter zählen",
        fr: "quels mots comptent",
    }
    /// A node reads the prompt without each of its words.
    weighing {
        en: "🔬 The prompt is being read without each of its words",
        de: "🔬 Der Prompt wird ohne jedes seiner Wörter gelesen",
        fr: "🔬 Le prompt est lu sans chacun de ses mots",
    }
    /// Above the shorter prompts; `model` is a name.
    shorter_prompts(model) {
        en: "Words that are struck out hardly count for {model}; bold ones count most. A number draws that shorter prompt:",
        de: "Durchgestrichene Wörter zählen für {model} kaum, fette am meisten. Eine Zahl zeichnet den kürzeren Prompt:",
        fr: "Les mots barrés ne comptent guère pour {model} ; les mots en gras comptent le plus. Un chiffre dessine ce prompt plus court :",
    }
    /// Words that the model does not know at all.
    nothing_counts(model) {
        en: "No word of this prompt changes what {model} is told, so there is nothing to shorten.",
        de: "Kein Wort dieses Prompts ändert, was {model} erfährt; es gibt also nichts zu kürzen.",
        fr: "Aucun mot de ce prompt ne change ce qui est dit à {model} ; il n'y a donc rien à raccourcir.",
    }
    /// Several parts, or none with words.
    shorten_one_part {
        en: "`/shorten` weighs the words of one text. Several parts with `::` and pictures alone cannot be weighed; try it with one part. Nothing was started.",
        de: "`/kürzen` wägt die Wörter eines einzigen Textes. Mehrere Teile mit `::` und Bilder allein lassen sich nicht wägen; versuche es mit einem Teil. Es wurde nichts gestartet.",
        fr: "`/raccourcir` pèse les mots d'un seul texte. Plusieurs parties avec `::`, ou des images seules, ne peuvent pas être pesées ; essaie avec une partie. Rien n'a été lancé.",
    }
    /// Too few words, or too many.
    shorten_count(words, most) {
        en: "`/shorten` weighs 2 to {most} words, and this prompt has {words}. Nothing was started.",
        de: "`/kürzen` wägt 2 bis {most} Wörter, und dieser Prompt hat {words}. Es wurde nichts gestartet.",
        fr: "`/raccourcir` pèse de 2 à {most} mots, et ce prompt en a {words}. Rien n'a été lancé.",
    }
    /// No node has said that it can.
    shorten_not_here {
        en: "No GPU node here can tell which words count for the model; the operator would have to update them. Nothing was started or charged.",
        de: "Kein GPU-Knoten kann hier sagen, welche Wörter für das Modell zählen; der Betreiber müsste sie aktualisieren. Es wurde nichts gestartet und nichts berechnet.",
        fr: "Aucun nœud GPU ne sait dire ici quels mots comptent pour le modèle ; l'opérateur devrait les mettre à jour. Rien n'a été lancé ni débité.",
    }
    /// Behind a picture that words are told for.
    described {
        en: "in words",
        de: "in Worten",
        fr: "en mots",
    }
    /// A node looks at the picture.
    describing {
        en: "🔍 The picture is being looked at",
        de: "🔍 Das Bild wird angesehen",
        fr: "🔍 L'image est regardée",
    }
    /// Above the prompts for a picture.
    descriptions {
        en: "The phrases known here that come closest to the picture. Behind each prompt stands how close it is (1 would be the same); a number draws it:",
        de: "Die hier bekannten Wendungen, die dem Bild am nächsten kommen. Hinter jedem Prompt steht, wie nah er ist (1 wäre dasselbe); eine Zahl zeichnet ihn:",
        fr: "Les expressions connues ici qui s'approchent le plus de l'image. Derrière chaque prompt, sa proximité (1 serait la même chose) ; un chiffre le dessine :",
    }
    /// A button.
    button_imagine_all {
        en: "Imagine all",
        de: "Alle zeichnen",
        fr: "Tout dessiner",
    }
    /// No node has said that it has eyes.
    describe_not_here {
        en: "No GPU node here can look at pictures, so none can be put into words, and nothing is made up; the operator would have to give one a model for that. Nothing was started or charged.",
        de: "Kein GPU-Knoten kann hier Bilder ansehen; deshalb lässt sich keines in Worte fassen, und erfunden wird nichts. Der Betreiber müsste einem ein Modell dafür geben. Es wurde nichts gestartet und nichts berechnet.",
        fr: "Aucun nœud GPU ne peut regarder d'images ici ; aucune ne peut donc être mise en mots, et rien n'est inventé. L'opérateur devrait donner à l'un d'eux un modèle pour cela. Rien n'a été lancé ni débité.",
    }
    /// A message, or a result, without a picture.
    describe_nothing {
        en: "There is no picture here to put into words. Choose a message that shows one, or upload one with `/describe`. Nothing was started.",
        de: "Hier ist kein Bild, das sich in Worte fassen ließe. Wähle eine Nachricht, die eines zeigt, oder lade eines mit `/beschreiben` hoch. Es wurde nichts gestartet.",
        fr: "Il n'y a ici aucune image à mettre en mots. Choisis un message qui en montre une, ou envoies-en une avec `/décrire`. Rien n'a été lancé.",
    }
    /// A message with several.
    describe_one(count) {
        en: "One picture is put into words at a time, and this message has {count}. Upload the one that you mean with `/describe`. Nothing was started.",
        de: "Es wird ein Bild auf einmal in Worte gefasst, und diese Nachricht hat {count}. Lade das gemeinte mit `/beschreiben` hoch. Es wurde nichts gestartet.",
        fr: "Une seule image à la fois est mise en mots, et ce message en a {count}. Envoie celle que tu veux avec `/décrire`. Rien n'a été lancé.",
    }
}
