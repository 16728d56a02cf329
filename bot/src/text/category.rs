//! What moderation's categories are called.

use easel_moderation::Category;

use super::Language;
use super::table::texts;

texts! {
    /// A category.
    category_minors {
        en: "the protection of minors",
        de: "Schutz Minderjähriger",
        fr: "la protection des mineurs",
    }
    /// A category.
    category_sexual {
        en: "sexual content",
        de: "sexuelle Inhalte",
        fr: "contenu sexuel",
    }
    /// A category.
    category_hate {
        en: "hateful content",
        de: "Hass",
        fr: "contenu haineux",
    }
    /// A category.
    category_gore {
        en: "extreme violence",
        de: "extreme Gewalt",
        fr: "violence extrême",
    }
    /// A category.
    category_self_harm {
        en: "self-harm",
        de: "Selbstverletzung",
        fr: "automutilation",
    }
    /// A category.
    category_real_persons {
        en: "a real person",
        de: "eine wirkliche Person",
        fr: "une personne réelle",
    }
    /// A category.
    category_brands {
        en: "a protected character or brand",
        de: "eine geschützte Figur oder Marke",
        fr: "un personnage ou une marque protégés",
    }
    /// No category in particular.
    category_policy {
        en: "policy",
        de: "Regeln",
        fr: "règles",
    }
}

impl Language {
    /// What a prompt or picture seemed to be about.
    pub fn category(self, category: Option<Category>) -> &'static str {
        match category {
            Some(Category::Minors) => self.category_minors(),
            Some(Category::Sexual) => self.category_sexual(),
            Some(Category::Hate) => self.category_hate(),
            Some(Category::Gore) => self.category_gore(),
            Some(Category::SelfHarm) => self.category_self_harm(),
            Some(Category::RealPersons) => self.category_real_persons(),
            Some(Category::Brands) => self.category_brands(),
            None => self.category_policy(),
        }
    }
}
