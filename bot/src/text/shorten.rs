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
    /// No model here has eyes.
    describe_not_here {
        en: "No model here can look at pictures, so none can be put into words, and nothing is made up. To draw from a picture, give it to `/imagine`; to find out which words of a prompt count, use `/shorten`.",
        de: "Kein Modell kann hier Bilder ansehen; deshalb lässt sich keines in Worte fassen, und erfunden wird nichts. Um von einem Bild aus zu zeichnen, gib es `/imagine` mit; welche Wörter eines Prompts zählen, sagt `/kürzen`.",
        fr: "Aucun modèle ne peut regarder d'images ici ; aucune ne peut donc être mise en mots, et rien n'est inventé. Pour dessiner à partir d'une image, donne-la à `/imagine` ; pour savoir quels mots d'un prompt comptent, utilise `/raccourcir`.",
    }
}
