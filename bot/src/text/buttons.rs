//! What stands on the buttons under pictures, and in the forms that some of them open.

use super::table::texts;

texts! {
    /// Button.
    button_upscale_subtle {
        en: "Upscale (Subtle)",
        de: "Vergrößern (behutsam)",
        fr: "Agrandir (subtil)",
    }
    /// Button.
    button_upscale_creative {
        en: "Upscale (Creative)",
        de: "Vergrößern (kreativ)",
        fr: "Agrandir (créatif)",
    }
    /// Button.
    button_vary_subtle {
        en: "Vary (Subtle)",
        de: "Variieren (behutsam)",
        fr: "Varier (subtil)",
    }
    /// Button.
    button_vary_strong {
        en: "Vary (Strong)",
        de: "Variieren (stark)",
        fr: "Varier (fort)",
    }
    /// Button.
    button_vary_region {
        en: "Vary (Region)",
        de: "Variieren (Bereich)",
        fr: "Varier (zone)",
    }
    /// Button; `factor` is a number.
    button_zoom_out(factor) {
        en: "Zoom Out {factor}x",
        de: "Herauszoomen {factor}x",
        fr: "Zoom arrière {factor}x",
    }
    /// Button.
    button_custom_zoom {
        en: "Custom Zoom",
        de: "Zoom nach Wahl",
        fr: "Zoom au choix",
    }
    /// Button.
    button_square {
        en: "Make Square",
        de: "Quadratisch machen",
        fr: "Rendre carré",
    }
    /// Button.
    button_remix {
        en: "Remix",
        de: "Neu mischen",
        fr: "Remixer",
    }
    /// Button.
    button_paint {
        en: "Paint anew",
        de: "Neu malen",
        fr: "Repeindre",
    }
    /// Above the toggles for a part of a picture.
    choose_part {
        en: "🖌️ Which part of the picture is to be painted anew? Press the fields that lie on it, then **Paint anew**.",
        de: "🖌️ Welcher Teil des Bildes soll neu gemalt werden? Drücke die Felder, die darauf liegen, dann **Neu malen**.",
        fr: "🖌️ Quelle partie de l'image faut-il repeindre ? Appuie sur les cases qui la couvrent, puis sur **Repeindre**.",
    }
    /// Title of a form: at most 45 characters.
    form_remix {
        en: "Remix",
        de: "Neu mischen",
        fr: "Remixer",
    }
    /// Label of a field: at most 45 characters.
    form_words {
        en: "The prompt, with parameters last",
        de: "Der Prompt, Parameter am Ende",
        fr: "Le prompt, paramètres à la fin",
    }
    /// Title of a form: at most 45 characters.
    form_zoom {
        en: "Zoom out",
        de: "Herauszoomen",
        fr: "Zoom arrière",
    }
    /// Label of a field: at most 45 characters.
    form_factor {
        en: "How far, from 1 to 2",
        de: "Wie weit, von 1 bis 2",
        fr: "De combien, de 1 à 2",
    }
    /// A factor that cannot be read.
    bad_factor {
        en: "❌ A zoom is a number from 1 to 2, such as 1.8. Nothing was started.",
        de: "❌ Ein Zoom ist eine Zahl von 1 bis 2, zum Beispiel 1,8. Es wurde nichts gestartet.",
        fr: "❌ Un zoom est un nombre de 1 à 2, par exemple 1,8. Rien n'a été lancé.",
    }
}
