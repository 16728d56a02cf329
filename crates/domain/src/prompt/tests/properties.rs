//! What holds for any text.

use proptest::prelude::*;

use super::*;

/// Text made of the pieces that the language gives a meaning to.
fn lively_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "cat",
        " ",
        " ",
        "  ",
        "::",
        "::2",
        "::-.5",
        "：：2",
        "：",
        "｛",
        "｝",
        "，",
        "-ar",
        "-- seed",
        ":",
        "{",
        "}",
        ",",
        "\\",
        "--",
        "—",
        "–",
        "--ar ",
        "16:9",
        "--seed ",
        "5",
        "-5",
        "--no ",
        "--q ",
        ".5",
        "--tile",
        "--repeat 2",
        "--sref ",
        "random",
        "--fast",
        " --raw ",
        "https://e.org/a.png",
        "<",
        ">",
        "\u{0}",
        "ß",
        "🙂",
        "\u{200b}",
        "\u{200e}",
        "\u{7f}",
        "\n",
        " -- ",
        "--v 7 ",
        "--niji 5 ",
        "--style cute",
        "--weird 3",
        "--v 6",
        "://",
        "=",
    ]);
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

/// Text with braces in it, as a tree.
#[derive(Debug, Clone)]
enum Tree {
    Words(String),
    Sequence(Vec<Tree>),
    Choice(Vec<Tree>),
}

/// Trees that expand to a moderate number of texts; every leaf is visible, so that no expansion is empty.
fn tree() -> impl Strategy<Value = Tree> {
    let words = "[a-c{},｛｝，\\\\]{1,4}".prop_map(Tree::Words);
    words.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Tree::Sequence),
            prop::collection::vec(inner, 1..4).prop_map(Tree::Choice),
        ]
    })
}

impl Tree {
    /// As a member types it, every character of the language escaped within words.
    fn typed(&self) -> String {
        match self {
            Self::Words(words) => {
                let escaped = words.chars().flat_map(|c| {
                    let slash = r"{},｛｝，\".contains(c).then_some('\\');
                    slash.into_iter().chain([c])
                });
                escaped.collect()
            }
            Self::Sequence(trees) => trees.iter().map(Self::typed).collect(),
            Self::Choice(trees) => {
                let typed: Vec<_> = trees.iter().map(Self::typed).collect();
                // One and two alternatives as keyboards for Chinese and Japanese type them.
                if trees.len() < 3 {
                    format!("｛{}｝", typed.join(" ， "))
                } else {
                    format!("{{{}}}", typed.join(" , "))
                }
            }
        }
    }

    /// Everything it expands to, by the definition of the language rather than by its code.
    fn meanings(&self) -> Vec<String> {
        match self {
            Self::Words(words) => vec![words.clone()],
            Self::Sequence(trees) => trees.iter().fold(vec![String::new()], |heads, tree| {
                let tails = tree.meanings();
                let joined = |head: &String| {
                    tails
                        .iter()
                        .map(|tail| format!("{head}{tail}"))
                        .collect::<Vec<_>>()
                };
                heads.iter().flat_map(joined).collect()
            }),
            Self::Choice(trees) => trees.iter().flat_map(Self::meanings).collect(),
        }
    }
}

fn check_any_text(text: &str) {
    match parse(text, &PromptProfile::EASEL, 40) {
        Ok(request) => {
            assert!((1..=40).contains(&request.jobs.len()));
            for prompt in request.jobs {
                let written = prompt.to_string();
                let again = parse(&written, &PromptProfile::EASEL, 40)
                    .unwrap_or_else(|error| panic!("{text:?} was written as {written:?}: {error}"));
                assert_eq!(again.jobs.len(), usize::from(prompt.params.repeat));
                assert!(
                    again.jobs.iter().all(|job| *job == prompt),
                    "{text:?} was written as {written:?}"
                );
            }
        }
        Err(error) => {
            assert!(error.span.start <= error.span.end);
            assert!(
                text.get(error.span.start..error.span.end).is_some(),
                "{text:?} {error:?}"
            );
            assert!(!error.to_string().is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_read_or_refused_within_itself(text in any::<String>()) {
        check_any_text(&text);
    }

    #[test]
    fn any_lively_text_round_trips_or_is_refused(text in lively_text()) {
        check_any_text(&text);
    }

    #[test]
    fn a_value_out_of_range_is_pointed_at(
        text in "[a-zäß ]{0,20}", chaos in 101..u64::MAX, dash in prop::sample::select(vec!["--", "—", "–"]),
    ) {
        let text = format!("x {text} {dash}chaos {chaos} --seed 1");
        let error = request(&text).unwrap_err();
        prop_assert_eq!(error.code, ErrorCode::OutOfRange);
        prop_assert_eq!(error.span.of(&text), chaos.to_string());
        prop_assert_eq!(error.value, Some(chaos.to_string()));
    }

    #[test]
    fn nested_permutations_mean_what_their_definition_says(tree in tree()) {
        let (text, meanings) = (format!("x {}", tree.typed()), tree.meanings());
        prop_assume!(meanings.len() <= 200);
        let texts: Vec<_> = parse(&text, &PromptProfile::EASEL, 200).unwrap().jobs.into_iter()
            .map(|job| job.parts[0].text.clone()).collect();
        let expected: Vec<_> = meanings.iter().map(|meaning| format!("x {meaning}")).collect();
        prop_assert_eq!(texts, expected, "{}", text);
        // One job less is not enough, and nothing is expanded to find that out.
        if meanings.len() > 1 {
            let error = parse(&text, &PromptProfile::EASEL, meanings.len() as u32 - 1).unwrap_err();
            prop_assert_eq!(error.code, ErrorCode::TooManyJobs);
        }
    }

    #[test]
    fn weights_are_kept_as_typed_and_must_add_up(hundredths in prop::collection::vec(-300_i32..=300, 1..6)) {
        let typed: Vec<_> = hundredths.iter()
            .map(|n| format!("w::{}{}.{:02}", if *n < 0 { "-" } else { "" }, n.abs() / 100, n.abs() % 100)).collect();
        let text = typed.join(" ");
        match parse(&text, &PromptProfile::EASEL, 1) {
            Ok(request) => {
                prop_assert!(hundredths.iter().sum::<i32>() > 0);
                let weights: Vec<_> = request.jobs[0].parts.iter().map(|part| (part.weight * 100.0).round() as i32).collect();
                prop_assert_eq!(weights, hundredths);
            }
            Err(error) => {
                prop_assert!(hundredths.iter().sum::<i32>() <= 0, "{}", text);
                prop_assert_eq!((error.code, error.span.of(&text)), (ErrorCode::WeightsNotPositive, text.as_str()));
            }
        }
    }

    #[test]
    fn order_case_and_dashes_of_parameters_make_no_difference(
        order in Just(vec!["ar 3:2", "seed 7", "chaos 5", "no a, b", "tile", "iw .5", "fast"]).prop_shuffle(),
        dash in prop::sample::select(vec!["--", "—", "–", "―", "－－"]),
        upper: bool,
    ) {
        let text = order.iter().fold(String::new(), |text, parameter| format!("{text} {dash}{parameter}"));
        let text = format!("a cat{}", if upper { text.to_uppercase().replace("A, B", "a, b") } else { text });
        let expected = request("a cat --ar 3:2 --seed 7 --chaos 5 --no a, b --tile --iw .5 --fast").unwrap();
        prop_assert_eq!(request(&text).unwrap(), expected, "{}", text);
    }

    #[test]
    fn permutations_multiply(sizes in prop::collection::vec(1..4_usize, 0..4)) {
        let braces: Vec<_> = sizes.iter().map(|size| format!("{{{}}}", vec!["x"; *size].join(","))).collect();
        let count: usize = sizes.iter().product();
        let request = parse(&format!("a {}", braces.concat()), &PromptProfile::EASEL, 64).unwrap();
        prop_assert_eq!(request.jobs.len(), count);
    }
}
