//! What is wrong with a prompt. English is said by the prompt language itself, which `easel-bot parse` also prints;
//! here stand the other languages.

use easel_domain::prompt::Problem;
use easel_domain::prompt::problem::{AddressFault, Hint, Offer, Wanted, listed, partner, shortest};

use super::Language;

mod french;
mod german;

impl Language {
    /// One sentence without its full stop, beginning in lower case where the language allows it.
    pub fn problem(self, problem: &Problem) -> String {
        match self {
            Self::English => problem.to_string(),
            Self::German => german::sentence(problem),
            Self::French => french::sentence(problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use easel_domain::prompt::{PromptProfile, parse};

    use super::*;

    /// A prompt for each mistake, and what every language must quote of it.
    const MISTAKES: &[(&str, &[&str])] = &[
        ("a \0", &["U+0000"]),
        ("{a", &["“{”", "“}”", "\\{"]),
        ("a}", &["“}”", "“{”", "\\}"]),
        ("{a,b,c,d,e}", &["4"]),
        ("{a,b} --relax", &["--relax"]),
        ("", &[]),
        ("https://e.org/a.png", &[]),
        ("a --frobnicate", &["--frobnicate"]),
        ("a --aspct 1:1", &["--aspct", "--aspect"]),
        ("a --ar16:9", &["--ar16:9", "--ar"]),
        ("a --hd", &["--hd", "--quality"]),
        ("a --uplight", &["--uplight", "U1", "U4"]),
        ("a --motion high", &["--motion"]),
        ("a --p abc", &["--p", "/"]),
        ("a --testp", &["--testp", "Easel"]),
        ("a --dref https://e.org/a.png", &["--dref"]),
        ("a --help", &["--help", "/"]),
        (
            "a --v 7 --cref https://e.org/a.png",
            &["--cref", "v7", "--oref"],
        ),
        ("a --v 6 --ow 5", &["--ow", "v6", "--cw"]),
        ("a boat,--ar 3:2", &["--ar"]),
        ("data:image/png;base64,AA b", &["data:image", "https://"]),
        ("a --", &["--"]),
        ("a --v 4 --tile", &["--tile", "v4"]),
        ("a --tile --tile", &["--tile"]),
        ("a -AR 16:9", &["-AR", "--ar"]),
        ("a -- seed 7", &["-- seed", "--seed"]),
        ("a --fast --relax", &["--fast", "--relax"]),
        ("a --seed", &["--seed", "4294967295"]),
        ("a --chaos 101", &["--chaos", "0", "100", "101"]),
        ("a --iw 3.5", &["--iw", "3", "3.5"]),
        ("a --q 2", &["--quality", "0.25, 0.5, 1", "2"]),
        ("a --ar wide", &["--ar", "16:9", "wide"]),
        ("a --v 4 --ar 3:1", &["--ar", "1:2", "2:1", "v4", "3:1"]),
        ("a --style cute", &["--style", "raw", "cute"]),
        ("a --v 99", &["--v", "6.1", "99"]),
        ("a --no", &["--no"]),
        ("a --no b::2", &["--no", "b::2"]),
        ("a --no b,--ar", &["--no", "--ar"]),
        ("a --cref", &["--cref"]),
        ("a --cref 5", &["--cref", "5"]),
        (
            "a --sref ftp://e.org/a.png",
            &["--sref", "ftp://", "https://"],
        ),
        (
            "a --sref 4294967296",
            &["--sref", "4294967295", "4294967296"],
        ),
        ("a --sref 5::0", &["--sref", "1000", "5::0"]),
        ("a --tile very", &["--tile", "very"]),
        ("a --seed 5 red", &["--seed", "red"]),
        ("https://e.org/a.tiff b", &["a.tiff", ".webp"]),
        ("https://u:p@e.org/a.png b", &["u:p@"]),
        ("https:// b", &["https://"]),
        ("a https://e.org/a.png", &["https://e.org/a.png"]),
        ("a:: b --v 7", &["“::”", "v7"]),
        ("::2 a", &["“::”", "hot::2 dog::1"]),
        ("a::2x", &["“::”", "2x"]),
        ("a::1001", &["1000", "1001"]),
        ("a::--ar", &["--ar"]),
        ("a::-1", &["0"]),
    ];

    #[test]
    fn every_mistake_is_named_in_every_language_with_what_was_typed() {
        for (text, quoted) in MISTAKES {
            let problem = parse(text, &PromptProfile::EASEL, 4).unwrap_err().problem;
            let sentences = Language::ALL.map(|language| language.problem(&problem));
            for sentence in &sentences {
                for piece in *quoted {
                    // Numbers are written with a comma where the language does so.
                    let comma = piece.replace('.', ",");
                    assert!(
                        sentence.contains(piece) || sentence.contains(&comma),
                        "{text}: {sentence} lacks {piece}"
                    );
                }
                assert!(
                    !sentence.ends_with('.') && !sentence.is_empty(),
                    "{sentence}"
                );
            }
            assert!(
                sentences[0] != sentences[1] && sentences[1] != sentences[2],
                "{text} is not translated"
            );
        }
    }

    #[test]
    fn mistakes_of_length_depth_and_plan_are_named_too() {
        let long = "x".repeat(6000);
        let deep = "{".repeat(40);
        let many = "{a,b}".repeat(70);
        for (text, most, quoted) in [
            (long.as_str(), 1, "5999"),
            (deep.as_str(), 1, "32"),
            (many.as_str(), 4, "4"),
            ("a --repeat 2", 1, "--repeat"),
        ] {
            let problem = parse(text, &PromptProfile::EASEL, most)
                .unwrap_err()
                .problem;
            for language in Language::ALL {
                let sentence = language.problem(&problem);
                assert!(sentence.contains(quoted), "{sentence} lacks {quoted}");
            }
        }
    }
}
