//! What is refused, and how it is pointed at.

use super::*;

#[test]
fn mistakes_in_values_are_named_and_pointed_at() {
    use ErrorCode::{BadValue, MissingValue, OutOfRange};
    for (text, code, parameter, place) in [
        ("a --ar", MissingValue, "ar", "ar"),
        ("a --aspect --seed 5", MissingValue, "ar", "aspect"),
        ("a --no", MissingValue, "no", "no"),
        ("a --no ,", MissingValue, "no", "no"),
        ("a --ar wide", BadValue, "ar", "wide"),
        ("a --ar 16x9", BadValue, "ar", "16x9"),
        ("a --ar 1.5:1", BadValue, "ar", "1.5:1"),
        ("a --ar 0:1", OutOfRange, "ar", "0:1"),
        ("a --ar -1:1", OutOfRange, "ar", "-1:1"),
        ("a --ar 4294967296:1", OutOfRange, "ar", "4294967296:1"),
        ("a --ar 1:0", OutOfRange, "ar", "1:0"),
        ("a --ar 16:", BadValue, "ar", "16:"),
        ("a --ar 16:9:1", BadValue, "ar", "16:9:1"),
        ("a --seed x", BadValue, "seed", "x"),
        ("a --seed 1.5", BadValue, "seed", "1.5"),
        ("a --seed -5", OutOfRange, "seed", "-5"),
        ("a --seed –5", OutOfRange, "seed", "–5"),
        ("a --seed 4294967296", OutOfRange, "seed", "4294967296"),
        (
            "a --seed 99999999999999999999999",
            OutOfRange,
            "seed",
            "99999999999999999999999",
        ),
        ("a --q 2", OutOfRange, "quality", "2"),
        ("a --q high", BadValue, "quality", "high"),
        ("a --q 1e0", BadValue, "quality", "1e0"),
        ("a --iw 3.1", OutOfRange, "iw", "3.1"),
        ("a --iw inf", BadValue, "iw", "inf"),
        ("a --stop 9", OutOfRange, "stop", "9"),
        ("a --style cute", BadValue, "style", "cute"),
        ("a --tile very", BadValue, "tile", "very"),
        ("a --seed 5 red", BadValue, "seed", "red"),
        ("ä {b} --seed ö", BadValue, "seed", "ö"),
        ("a --no b::2", BadValue, "no", "b::2"),
        ("a --no b,--ar", BadValue, "no", "b,--ar"),
        ("a --no b,-- c", BadValue, "no", "b,-- c"),
        ("a --no dog--ar 1:1", BadValue, "no", "--ar"),
        ("a --no a dog--seed 5, b", BadValue, "no", "--seed"),
        ("a --repeat 1", OutOfRange, "repeat", "1"),
        ("a --repeat 41", OutOfRange, "repeat", "41"),
        ("a --sref nice", ErrorCode::BadUrl, "sref", "nice"),
        ("a --cref 12", ErrorCode::BadUrl, "cref", "12"),
        ("a --sref 4294967296", OutOfRange, "sref", "4294967296"),
        ("a --sref 5::x", BadValue, "sref", "5::x"),
        ("a --sref 5::0", OutOfRange, "sref", "5::0"),
        ("a --v six", BadValue, "v", "six"),
        ("a --v 99", OutOfRange, "v", "99"),
        ("a --niji", MissingValue, "niji", "niji"),
        ("a --niji 6.1", OutOfRange, "niji", "6.1"),
        ("a --seed --", MissingValue, "seed", "seed"),
        ("a --ar 16:9 in the rain", BadValue, "ar", "in"),
    ] {
        assert_error(text, code, parameter, place);
    }
}

#[test]
fn unknown_parameters_get_a_suggestion() {
    assert_error(
        "a --aspct 1:1",
        ErrorCode::UnknownParameter,
        "aspct",
        "aspct",
    );
    assert!(
        request("a --aspct 1:1")
            .unwrap_err()
            .to_string()
            .contains("did you mean --aspect?")
    );
    assert!(
        request("a --ar16:9")
            .unwrap_err()
            .to_string()
            .contains("put a space after --ar")
    );
    for (text, hint) in [
        ("a --hd", "use --quality instead"),
        ("a --width 640", "use --ar instead"),
        ("a --seed=5", "put a space after --seed"),
        ("a --V6", "put a space after --v"),
        ("a --tile.", "did you mean --tile?"),
        ("a --raw, b", "did you mean --raw?"),
        ("a --stylzie 5", "did you mean --stylize?"),
        ("a --caos 5", "did you mean --chaos?"),
        ("a --Aspect-Ratio 3:2", "use --ar instead"),
        ("a --hq", "use --quality instead"),
        ("a --uplight", "buttons U1 to U4"),
        ("a --upbeta", "under the large picture"),
        ("a --p", "/prefer suffix"),
        ("a --profile x1y2", "/prefer suffix"),
        ("a --motion high", "no films here"),
        ("a --loop", "no films here"),
        ("a --test --creative", "models of its own"),
        ("a --creative", "use --stylize instead"),
        ("a --dref https://e.org/a.png", "before the text"),
        ("a --help", "/help"),
    ] {
        let sentence = request(text).unwrap_err().to_string();
        assert!(sentence.contains(hint), "{text}: {sentence}");
    }
    assert_error("a --5", ErrorCode::UnknownParameter, "5", "5");
}

#[test]
fn dashes_without_a_name_are_a_mistake_where_a_parameter_would_stand() {
    for text in [
        "a --",
        "a -- --ar 1:1",
        "a --ar 1:1 --",
        "--",
        "a --no b --",
    ] {
        assert_error(text, ErrorCode::UnknownParameter, "", "--");
    }
    assert_eq!(one("a cat -- asleep").to_string(), "a cat -- asleep");
    assert_eq!(one("well--known a-b").to_string(), "well--known a-b");
}

#[test]
fn a_parameter_that_lacks_its_space_is_not_drawn() {
    for (text, parameter, place) in [
        ("a cat,--ar 16:9", "ar", "--ar"),
        ("a cat--chaos 50 --tile", "chaos", "--chaos"),
        ("ä cat.—seed 7", "seed", "—seed"),
        ("{a, b}--v 6", "v", "--v"),
        ("a cat，--tile::", "tile", "--tile"),
        ("a cat,--tile::2 b", "tile", "--tile"),
        ("a cat,--tile::-ar", "tile", "--tile"),
        ("a::b,--tile c", "tile", "--tile"),
    ] {
        assert_error(text, ErrorCode::BadValue, parameter, place);
    }
    let sentence = request("a cat,--ar 16:9").unwrap_err().to_string();
    assert_eq!(sentence, "put a space before “--ar”");
    for text in [
        "a slow--fast boat",
        "rain—no sun",
        "a--b 5",
        "non--stop action",
    ] {
        assert_eq!(one(text).to_string(), text);
    }
}

#[test]
fn a_parameter_behind_the_wrong_dashes_is_not_drawn() {
    for (text, parameter, place) in [
        ("a cat -ar 16:9", "ar", "-ar"),
        ("ä cat -- ar 16:9 --tile", "ar", "-- ar"),
        ("{a, b} -q .5", "quality", "-q"),
        ("a cat — SEED 7", "seed", "— SEED"),
    ] {
        assert_error(text, ErrorCode::UnknownParameter, parameter, place);
    }
    let sentence = request("a cat -AR 16:9").unwrap_err().to_string();
    assert_eq!(sentence, "write “--ar” where “-AR” is meant as a parameter");
    assert_eq!(one("a well -known man").to_string(), "a well -known man");
}

#[test]
fn a_version_names_what_it_has_in_place_of_a_reference() {
    for (text, sentence) in [
        (
            "a --v 7 --cref https://e.org/a.png",
            "--cref does not exist in v7; use --oref there",
        ),
        (
            "a --v 7 --cw 5",
            "--cw does not exist in v7; use --ow there",
        ),
        (
            "a --v 6 --oref https://e.org/a.png",
            "--oref does not exist in v6; use --cref there",
        ),
        // Neither is in these.
        ("a --v 5 --ow 5", "--ow does not exist in v5"),
        ("a --v 6 --draft", "--draft does not exist in v6"),
    ] {
        assert_eq!(request(text).unwrap_err().to_string(), sentence);
    }
}

#[test]
fn a_picture_within_the_text_is_no_text() {
    for place in ["data:image/png;base64,iVBORw0KGgo=", "DATA:IMAGE/GIF,x"] {
        assert_error(&format!("{place} a cat"), ErrorCode::BadUrl, "", place);
        assert_error(&format!("a {place}"), ErrorCode::BadUrl, "", place);
    }
    assert_eq!(one("data: a painting").to_string(), "data: a painting");
}

#[test]
fn control_characters_are_pointed_at() {
    for (text, character) in [
        ("a \0cat", "\0"),
        ("\u{1b}[31mred", "\u{1b}"),
        ("a cat --ar 16:9\u{7f}", "\u{7f}"),
        ("ä\u{9f}", "\u{9f}"),
    ] {
        assert_error(text, ErrorCode::BadValue, "", character);
    }
    let sentence = request("a \0").unwrap_err().to_string();
    assert!(sentence.contains("U+0000"), "{sentence}");
    assert_eq!(one("a\tb\r\nc\u{85}d").to_string(), "a b c d");
    assert_eq!(one("\u{feff}a \u{200b}--tile").to_string(), "a --tile");
}

#[test]
fn repetitions_and_contradictions_are_refused() {
    assert_error(
        "a --ar 1:1 --aspect 2:1",
        ErrorCode::Duplicate,
        "ar",
        "aspect",
    );
    assert_error("a --fast --relax", ErrorCode::Conflict, "relax", "relax");
    assert_error("a --raw --style raw", ErrorCode::Conflict, "style", "style");
    assert_error(
        "a --repeat 2 --relax",
        ErrorCode::Conflict,
        "relax",
        "relax",
    );
    assert_error("{a, b} --relax", ErrorCode::Conflict, "relax", "relax");
    assert_eq!(one("a --no b --no c, d").negative, ["b", "c", "d"]);
}

#[test]
fn an_empty_prompt_is_the_whole_text() {
    for text in ["", "   ", "--ar 16:9", "https://example.org/a.png", "{a, }"] {
        assert_error(text, ErrorCode::EmptyPrompt, "", text);
    }
    assert_error(
        &"x".repeat(6000),
        ErrorCode::OutOfRange,
        "",
        &"x".repeat(6000),
    );
}

#[test]
fn a_version_in_the_prompt_brings_its_own_rules() {
    for (text, code, parameter) in [
        ("a --v 4 --tile", ErrorCode::UnknownParameter, "tile"),
        ("a --iw 2.5 --v 5.2", ErrorCode::OutOfRange, "iw"),
        ("a --ar 3:1 --version 4", ErrorCode::OutOfRange, "ar"),
        ("a --niji 6 --style cute", ErrorCode::BadValue, "style"),
        ("a --v 7 --q .5", ErrorCode::OutOfRange, "quality"),
        ("a:: b --v 7", ErrorCode::Conflict, ""),
        (
            "a --v 7 --cref https://e.org/a.png",
            ErrorCode::UnknownParameter,
            "cref",
        ),
        ("a --v 6 --niji 6", ErrorCode::Conflict, "niji"),
    ] {
        let error = request(text).unwrap_err();
        assert_eq!(
            (error.code, error.parameter.unwrap_or_default().as_str()),
            (code, parameter),
            "{text}"
        );
    }
    for text in [
        "a --q 4 --v 7",
        "a --niji 5 --style cute",
        "a --sv 6 —v 8.1",
    ] {
        assert!(request(text).is_ok(), "{text}");
    }
    // Each expansion is read by the rules of its own version.
    assert_eq!(request("a --{v 5, niji 6} --ar 3:1").unwrap().jobs.len(), 2);
    let params = one("a --v 7 --q 2").params;
    assert_eq!(params.profile(&PromptProfile::EASEL).name, "v7");
}

#[test]
fn a_value_with_something_stuck_to_it_is_answered_with_the_value() {
    for (text, meant) in [
        ("a --weird 10,", Some("10")),
        ("a --ar “3:2”", Some("3:2")),
        ("a --ar '3:2'", Some("3:2")),
        ("a --ar 16x9;", Some("16:9")),
        ("a --ar 16×9", Some("16:9")),
        ("a --ar 16-9", Some("16:9")),
        ("a --q (.5).", Some(".5")),
        ("a --style “raw”", Some("raw")),
        ("a --v v6.1", Some("6.1")),
        ("a --ar 1.5:1", None),
        ("a --seed 5000000000,", None),
        ("a --weird ,", None),
        ("a --seed x", None),
    ] {
        let problem = request(text).unwrap_err().problem;
        let Problem::Unwanted { meant: found, .. } = &*problem else {
            panic!("{text}: {problem}");
        };
        assert_eq!(found.as_deref(), meant, "{text}");
        let end = meant.map(|meant| format!("; write “{meant}”"));
        assert!(
            end.is_none_or(|end| problem.to_string().ends_with(&end)),
            "{problem}"
        );
    }
    let zeros = format!("a --seed {}5,", "0".repeat(50));
    let answer = request(&zeros).unwrap_err().to_string();
    assert!(!answer.contains("write"), "{answer}");
}
