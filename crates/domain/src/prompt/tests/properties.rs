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
    fn permutations_multiply(sizes in prop::collection::vec(1..4_usize, 0..4)) {
        let braces: Vec<_> = sizes.iter().map(|size| format!("{{{}}}", vec!["x"; *size].join(","))).collect();
        let count: usize = sizes.iter().product();
        let request = parse(&format!("a {}", braces.concat()), &PromptProfile::EASEL, 64).unwrap();
        prop_assert_eq!(request.jobs.len(), count);
    }
}
