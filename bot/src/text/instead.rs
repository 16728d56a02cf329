//! What Easel offers in place of parameters that its models do not act on.

use easel_domain::prompt::Parameter;

use super::Language;
use super::table::texts;

texts! {
    /// A parameter, and what to do instead.
    no_effect(name, instead) {
        en: "`--{name}` has no effect here yet: {instead}",
        de: "`--{name}` wirkt hier noch nicht: {instead}",
        fr: "`--{name}` n'a pas encore d'effet ici : {instead}",
    }
    /// `--weird`.
    instead_weird {
        en: "`--chaos 50` draws more unexpected pictures",
        de: "`--chaos 50` zeichnet überraschendere Bilder",
        fr: "`--chaos 50` dessine des images plus inattendues",
    }
    /// `--stylize`, `--exp`.
    instead_stylize {
        en: "name the style in the prompt",
        de: "nenne den Stil im Prompt",
        fr: "nomme le style dans le prompt",
    }
    /// `--raw`, `--style raw`.
    instead_raw {
        en: "Easel's models add no style of their own, so every prompt is raw",
        de: "Easels Modelle geben keinen eigenen Stil dazu, jeder Prompt ist also roh",
        fr: "les modèles d'Easel n'ajoutent pas de style, chaque prompt est donc brut",
    }
    /// `--iw`.
    instead_image_weight {
        en: "the words say what matters",
        de: "die Wörter sagen, was zählt",
        fr: "les mots disent ce qui compte",
    }
    /// `--stealth`.
    instead_stealth {
        en: "the pictures are public, and ❌ stops the job while it runs",
        de: "die Bilder sind öffentlich, und ❌ bricht den Auftrag ab, solange er läuft",
        fr: "les images sont publiques, et ❌ arrête la tâche tant qu'elle tourne",
    }
    /// `--sref`, `--sw`, `--sv`.
    instead_style_reference {
        en: "describe the style in words",
        de: "beschreibe den Stil in Worten",
        fr: "décris le style avec des mots",
    }
    /// `--cref`, `--cw`, `--oref`, `--ow`.
    instead_reference {
        en: "describe who or what should appear, and keep it with V",
        de: "beschreibe, wer oder was zu sehen sein soll, und behalte es mit V bei",
        fr: "décris qui ou quoi doit apparaître, et garde-le avec V",
    }
    /// `--v`, `--niji`.
    instead_version {
        en: "Easel draws with its own models; the version only decides which parameters there are",
        de: "Easel zeichnet mit eigenen Modellen; die Version entscheidet nur, welche Parameter es gibt",
        fr: "Easel dessine avec ses propres modèles ; la version décide seulement des paramètres qui existent",
    }
    /// `--video`.
    instead_video {
        en: "the message shows the picture while it is drawn",
        de: "die Nachricht zeigt das Bild, während es entsteht",
        fr: "le message montre l'image pendant qu'elle se dessine",
    }
    /// `--no` on models without guidance.
    instead_no {
        en: "this model draws without guidance; say what should be there",
        de: "dieses Modell zeichnet ohne Führung; sag, was zu sehen sein soll",
        fr: "ce modèle dessine sans guidage ; dis ce qu'il doit y avoir",
    }
    /// A prompt of pictures without words.
    words_needed {
        en: "❌ Pictures in a prompt have no effect here yet, so it needs words that say what to draw. Nothing was started.",
        de: "❌ Bilder im Prompt wirken hier noch nicht, deshalb braucht er Wörter, die sagen, was zu zeichnen ist. Es wurde nichts gestartet.",
        fr: "❌ Les images d'un prompt n'ont pas d'effet ici ; il lui faut des mots qui disent quoi dessiner. Rien n'a été lancé.",
    }
    /// Pictures before the words.
    pictures_lost {
        en: "pictures in the prompt have no effect here: the words alone are drawn",
        de: "Bilder im Prompt wirken hier nicht: Gezeichnet werden nur die Wörter",
        fr: "les images du prompt n'ont pas encore d'effet ici : seuls les mots sont dessinés",
    }
    /// The shape that was asked for cannot be drawn; width × height, their ratio, and what was asked for.
    nearest_shape(size, ratio, asked) {
        en: "drawn at {size} ({ratio}): the nearest to `--ar {asked}` that this model can draw",
        de: "gezeichnet mit {size} ({ratio}): am nächsten an `--ar {asked}`, was dieses Modell kann",
        fr: "dessiné en {size} ({ratio}) : le plus proche de `--ar {asked}` que ce modèle sache faire",
    }
}

impl Language {
    /// What to do in place of a parameter that does nothing; `None` for those that always act.
    pub fn instead(self, parameter: Parameter) -> Option<&'static str> {
        match parameter {
            Parameter::Weird => Some(self.instead_weird()),
            Parameter::Stylize | Parameter::Experimental => Some(self.instead_stylize()),
            Parameter::Raw | Parameter::Style => Some(self.instead_raw()),
            Parameter::ImageWeight => Some(self.instead_image_weight()),
            Parameter::Stealth => Some(self.instead_stealth()),
            Parameter::StyleReference | Parameter::StyleWeight | Parameter::StyleVersion => {
                Some(self.instead_style_reference())
            }
            Parameter::CharacterReference
            | Parameter::CharacterWeight
            | Parameter::OmniReference
            | Parameter::OmniWeight => Some(self.instead_reference()),
            Parameter::Version | Parameter::Niji => Some(self.instead_version()),
            Parameter::Video => Some(self.instead_video()),
            Parameter::No => Some(self.instead_no()),
            Parameter::AspectRatio
            | Parameter::Chaos
            | Parameter::Quality
            | Parameter::Stop
            | Parameter::Tile
            | Parameter::Seed
            | Parameter::Repeat
            | Parameter::Fast
            | Parameter::Relax
            | Parameter::Turbo
            | Parameter::Draft
            | Parameter::Public => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use easel_domain::prompt::PARAMETERS;

    use super::*;

    #[test]
    fn whatever_does_nothing_has_something_in_its_place() {
        for rule in PARAMETERS.iter().filter(|rule| !rule.honoured) {
            let instead = Language::English.instead(rule.parameter);
            assert!(instead.is_some(), "--{}", rule.name);
        }
    }
}
