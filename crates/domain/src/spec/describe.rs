//! Words for pictures.

use serde::{Deserialize, Serialize};

use super::InputPicture;
use crate::model::ModelRef;

/// Pictures that are described together: those of a grid.
pub const MAX_DESCRIBED: usize = 4;

/// Prompts that a description has at most.
pub const MAX_DESCRIPTIONS: usize = 4;

/// Longest prompt of a description, in characters.
const MAX_CHARS: usize = 600;

/// Prompts that fit pictures, by what a node with eyes makes of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribeSpec {
    /// The model beside whose weights the eyes are, and that is to draw the prompts.
    pub model: ModelRef,
    /// One picture, or several of one kind: their prompts fit what they have in common.
    pub inputs: Vec<InputPicture>,
}

/// A prompt that fits a picture.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The prompt.
    pub text: String,
    /// How close the model with eyes finds it to the picture: a cosine, from -1 to 1.
    pub similarity: f32,
}

/// Words about members' pictures are never logged, not even by accident.
impl std::fmt::Debug for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Description({} bytes, {})",
            self.text.len(),
            self.similarity
        )
    }
}

/// Whether these can be what a node has found: some, not too many, of words.
pub(super) fn are_sound(prompts: &[Description]) -> bool {
    let sound = |prompt: &Description| {
        let text = &prompt.text;
        let length = text.chars().count();
        let is_words = !text.trim().is_empty() && !text.chars().any(char::is_control);
        length <= MAX_CHARS && is_words && (-1.0..=1.0).contains(&prompt.similarity)
    };
    (1..=MAX_DESCRIPTIONS).contains(&prompts.len()) && prompts.iter().all(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_some_words_and_a_cosine() {
        let one = |text: &str, similarity| Description {
            text: text.to_owned(),
            similarity,
        };
        let boat = one("a red boat", 0.3);
        assert!(are_sound(std::slice::from_ref(&boat)));
        assert!(are_sound(&vec![boat.clone(); MAX_DESCRIPTIONS]));
        for wrong in [
            vec![],
            vec![boat; MAX_DESCRIPTIONS + 1],
            vec![one(" ", 0.3)],
            vec![one("a\u{7} boat", 0.3)],
            vec![one(&"boat ".repeat(200), 0.3)],
            vec![one("a boat", f32::NAN)],
            vec![one("a boat", 1.5)],
        ] {
            assert!(!are_sound(&wrong), "{wrong:?}");
        }
    }

    #[test]
    fn debug_output_never_shows_the_words() {
        let secret = Description {
            text: "a secret garden".to_owned(),
            similarity: 0.5,
        };
        assert!(!format!("{secret:?}").contains("secret"));
    }
}
