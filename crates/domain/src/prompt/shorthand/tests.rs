use super::*;
use proptest::prelude::*;

const PROFILE: &PromptProfile = &PromptProfile::EASEL;

fn options() -> BTreeMap<String, String> {
    let kept = [
        ("mine", "--ar 3:2 --no clouds, birds"),
        ("q-low", "--quality .25"),
    ];
    kept.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

#[test]
fn a_name_is_kept_in_one_form_and_never_that_of_a_parameter() {
    for (typed, kept) in [("mine", "mine"), (" --My-Own_2 ", "my-own_2")] {
        assert_eq!(kept_name(typed).unwrap(), kept);
    }
    let long = "a".repeat(33);
    for typed in ["", "--", "2x", "a b", "é", "_a", "a.b", &long] {
        assert_eq!(kept_name(typed), Err(NameProblem::Form), "{typed}");
    }
    for typed in ["ar", "--AR", "s", "hd", "stylise", "version"] {
        assert_eq!(kept_name(typed), Err(NameProblem::Taken), "{typed}");
    }
}

#[test]
fn only_parameters_that_fit_are_kept_and_mistakes_are_pointed_at() {
    let kept = kept_parameters(" --ar  3:2 —no clouds, birds ", PROFILE).unwrap();
    assert_eq!(kept, "--ar 3:2 —no clouds, birds");
    for (typed, code, place) in [
        ("a boat", ErrorCode::BadValue, "a"),
        ("--ar 3:2 {--tile, --raw}", ErrorCode::BadValue, "{"),
        ("--ar 3:2 \\, x", ErrorCode::BadValue, "\\"),
        ("--tile --repeat 4", ErrorCode::Conflict, "--repeat"),
        ("--tile -- r 4", ErrorCode::UnknownParameter, "--"),
        ("--chaos 900", ErrorCode::OutOfRange, "900"),
        ("--tile --tile", ErrorCode::Duplicate, "tile"),
        ("--tile a boat", ErrorCode::BadValue, "a"),
        ("--v 4 --tile", ErrorCode::UnknownParameter, "tile"),
        ("--mine", ErrorCode::UnknownParameter, "mine"),
        ("--seed", ErrorCode::MissingValue, "seed"),
    ] {
        let error = kept_parameters(typed, PROFILE).unwrap_err();
        assert_eq!(error.code, code, "{typed}");
        assert!(
            error.span.of(typed).contains(place),
            "{typed}: {:?}",
            error.span
        );
    }
    assert_eq!(
        kept_parameters("  ", PROFILE).unwrap_err().code,
        ErrorCode::EmptyPrompt
    );
    let long = format!("--no {}", "a".repeat(200));
    assert_eq!(
        kept_parameters(&long, PROFILE).unwrap_err().code,
        ErrorCode::OutOfRange
    );
}

#[test]
fn a_name_becomes_what_it_stands_for_wherever_a_parameter_may_stand() {
    let expanded = |typed: &str| expand(typed, &options()).into_owned();
    for (typed, text) in [
        ("a boat --mine", "a boat --ar 3:2 --no clouds, birds"),
        (
            "a boat —MINE --tile",
            "a boat --ar 3:2 --no clouds, birds --tile",
        ),
        (
            "a --q-low\n--mine",
            "a --quality .25\n--ar 3:2 --no clouds, birds",
        ),
        (
            "a {--mine, --q-low}",
            r"a {--ar 3:2 --no clouds\, birds, --quality .25}",
        ),
        (
            "a {{x, --mine}, y}",
            r"a {{x, --ar 3:2 --no clouds\, birds}, y}",
        ),
        ("a {b,c} --mine", "a {b,c} --ar 3:2 --no clouds, birds"),
    ] {
        assert_eq!(expanded(typed), text);
    }
    for same in [
        "a boat",
        "a --mine2",
        "a --mine,",
        "a x--mine",
        "a -mine",
        "a mine",
        "a x{--mine, y}",
        r"a \--mine",
        "a {b}--mine",
        "a --mine{,2}",
        r"a --mine\, b",
        "a --minecraft --q-lower",
    ] {
        assert!(
            matches!(expand(same, &options()), Cow::Borrowed(_)),
            "{same}"
        );
    }
}

#[test]
fn what_is_typed_wins_over_the_suffix() {
    let suffix = "--ar 3:2 --no text --fast --style raw";
    let with = |typed: &str| with_suffix(typed, suffix, PROFILE, 40).unwrap();
    assert_eq!(
        with("a boat "),
        "a boat --ar 3:2 --no text --fast --style raw"
    );
    assert_eq!(
        with("a --aspect 1:1"),
        "a --aspect 1:1 --no text --fast --style raw"
    );
    assert_eq!(
        with("a --no sky"),
        "a --no sky --ar 3:2 --no text --fast --style raw"
    );
    assert_eq!(
        with("a --turbo --raw"),
        "a --turbo --raw --ar 3:2 --no text"
    );
    assert_eq!(
        with("a {b --ar 1:1, c}"),
        "a {b --ar 1:1, c} --no text --fast --style raw"
    );
}

#[test]
fn a_suffix_is_read_by_the_rules_of_the_version_that_a_prompt_names() {
    let suffix = "--iw 2.5 --tile";
    assert!(with_suffix("a boat", suffix, PROFILE, 1).is_ok());
    let error = with_suffix("a boat --v 5", suffix, PROFILE, 1).unwrap_err();
    assert_eq!(error.code, ErrorCode::OutOfRange);
    let error = with_suffix("a boat --v 4", suffix, PROFILE, 1).unwrap_err();
    assert_eq!(error.parameter.as_deref(), Some("iw"));
    let error = with_suffix("a boat --ar", suffix, PROFILE, 1).unwrap_err();
    assert_eq!(error.code, ErrorCode::MissingValue, "the text itself");
}

proptest! {
    #[test]
    fn text_without_names_stays_as_it_is_and_nothing_panics(text in "[-a-z{},\\\\ —]{0,60}") {
        prop_assert_eq!(&*expand(&text, &BTreeMap::new()), text.as_str());
        let _ = expand(&text, &options());
        let _ = kept_name(&text);
        if let Err(error) = kept_parameters(&text, PROFILE) {
            prop_assert!(text.get(error.span.start..error.span.end).is_some());
        }
    }

    #[test]
    fn what_is_kept_is_read_behind_any_words(ar in 1u32..9, chaos in 0u32..=100, word in "[a-z]{1,8}") {
        let kept = kept_parameters(&format!("--ar {ar}:1  --chaos {chaos}"), PROFILE).unwrap();
        let map = BTreeMap::from([("own".to_owned(), kept)]);
        let typed = format!("{word} --own");
        let read = parse(&expand(&typed, &map), PROFILE, 1).unwrap();
        let plain = parse(&format!("{word} --chaos {chaos} --ar {ar}:1"), PROFILE, 1).unwrap();
        prop_assert_eq!(read, plain);
    }
}
