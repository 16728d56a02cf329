//! The language as a user meets it; the parts have tests of their own.

use super::*;

mod mistakes;
mod properties;

fn request(text: &str) -> Result<Request, ParseError> {
    parse(text, &PromptProfile::EASEL, 10)
}

fn one(text: &str) -> Prompt {
    let mut jobs = request(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .jobs;
    assert_eq!(jobs.len(), 1, "{text}");
    jobs.remove(0)
}

/// The error's code, parameter and the text it points at.
fn error(text: &str) -> (ErrorCode, String, String) {
    let Err(error) = request(text) else {
        panic!("{text} was accepted")
    };
    (
        error.code,
        error.parameter.unwrap_or_default(),
        error.span.of(text).to_owned(),
    )
}

#[track_caller]
fn assert_error(text: &str, code: ErrorCode, parameter: &str, place: &str) {
    assert_eq!(
        error(text),
        (code, parameter.to_owned(), place.to_owned()),
        "{text}"
    );
}

fn weights(prompt: &Prompt) -> Vec<(&str, f64)> {
    prompt
        .parts
        .iter()
        .map(|part| (part.text.as_str(), part.weight))
        .collect()
}

#[test]
fn a_plain_text_has_every_default() {
    let prompt = one("  a red   sailboat\n on the sea ");
    assert_eq!(weights(&prompt), [("a red sailboat on the sea", 1.0)]);
    assert_eq!(prompt.params, Params::default());
    assert_eq!(prompt.words().positive, "a red sailboat on the sea");
}

#[test]
fn parameters_are_read_with_aliases_case_and_phone_dashes() {
    let prompt = one(
        "a city —AR 16:9 –Seed 7 --q .5 --no cars, people, --tile --c 5 --s 250 --w 3 --stop 50",
    );
    assert_eq!(prompt.params.aspect_ratio.to_string(), "16:9");
    assert_eq!(prompt.params.seed, Some(7));
    assert_eq!(prompt.params.quality, Quality(50));
    assert_eq!(prompt.negative, ["cars", "people"]);
    assert!(prompt.params.tile);
    let params = &prompt.params;
    assert_eq!(
        (params.chaos, params.stylize, params.weird, params.stop),
        (5, 250, 3, 50)
    );
    let not_honoured: Vec<_> = params
        .not_honoured()
        .iter()
        .map(|parameter| parameter.rule().name)
        .collect();
    assert_eq!(not_honoured, ["stylize", "weird"]);
}

#[test]
fn the_founding_example_is_understood() {
    let prompt =
        one("a cyberpunk city at sunset, neon lights reflecting on wet streets –ar 16:9 –v 5");
    assert_eq!(prompt.params.aspect_ratio.to_string(), "16:9");
    assert_eq!(prompt.params.version.as_deref(), Some("5"));
}

#[test]
fn the_ends_of_every_range_are_in_it() {
    for text in [
        "a --seed 0",
        "a --seed 4294967295",
        "a --chaos 100",
        "a --s 1000",
        "a --w 3000",
        "a --stop 10",
        "a --iw 3",
        "a --iw 0",
        "a --iw .25",
        "a --q .25",
        "a --q 0.5",
        "a --quality 1",
        "a --q 1.0",
        "a --ar 4294967295:1",
        "a --v 6.1",
        "a --v 3 --tile",
        "a --oref https://e.org/a.png --ow 1000",
        "a --cw 0",
        "a --sw 1000",
        "a --niji 6",
        "a --style RAW",
        "a --raw",
        "a --exp 100",
    ] {
        assert!(request(text).is_ok(), "{text}");
    }
}

#[test]
fn picture_addresses_come_first() {
    let prompt = one("https://example.org/a.PNG?ex=1&is=2 <http://example.org/b.webp> a cat");
    assert_eq!(prompt.images.len(), 2);
    assert_eq!(weights(&prompt), [("a cat", 1.0)]);
    assert_eq!(one("https://e.org/a.png https://e.org/b.jpg").parts, []);
    for place in [
        "ftp://e.org/a.png",
        "https://e.org/a.tiff",
        "https://",
        "https://u:p@e.org/a.png",
        "https://e.org/a.png,",
    ] {
        assert_error(&format!("{place} a cat"), ErrorCode::BadUrl, "", place);
    }
    assert_error(
        "a cat https://e.org/a.png",
        ErrorCode::BadUrl,
        "",
        "https://e.org/a.png",
    );
}

#[test]
fn the_engine_is_told_how_much_each_part_counts() {
    let positive = |typed: &str| one(typed).words().positive;
    assert_eq!(positive("a::2 b"), "(a:1.333), (b:0.667)");
    assert_eq!(positive("a::50 b::50"), "a, b");
    assert_eq!(positive("a::3 b::-1"), "a");
    assert_eq!(positive("a (red:1.4) boat"), "a (red:1.4) boat");
    // Brackets within a part that do not match would end its own.
    assert_eq!(positive("a (b::2 c) d"), r"(a \(b:1.333), (c\) d:0.667)");
    assert_eq!(positive(r"a\::2 b"), r"(a\:1.333), (b:0.667)");
    assert_eq!(positive("a [b (c)]::2 d"), "(a [b (c)]:1.333), (d:0.667)");
    // `--no red` is `red::-.5`.
    assert_eq!(one("tulips:: red::-.5").words().negative, "red");
    assert_eq!(
        one("tulips::2 red::-1 --no pots").words().negative,
        "pots, red"
    );
}

#[test]
fn those_who_judge_or_hear_the_words_hear_no_weights() {
    let asked = one("a (b)::2 c::0 d::-3 e::4");
    assert_eq!(asked.judged_words().positive, "a (b), e, c");
    assert_eq!(asked.judged_words().negative, "d");
    assert_eq!(asked.words().spoken().positive, "a (b), e");
    assert_eq!(
        one("a (red:1.4) boat, 4:3").words().spoken().positive,
        "a red boat, 4:3"
    );
    assert_eq!(one("a (b::2 c) d").words().spoken().positive, "a (b, c) d");
}

#[test]
fn parts_have_weights() {
    assert_eq!(weights(&one("hot::2 dog")), [("hot", 2.0), ("dog", 1.0)]);
    assert_eq!(weights(&one("a::2 b::-.5")), [("a", 2.0), ("b", -0.5)]);
    assert_eq!(
        weights(&one("a b:: c d::0.25 e")),
        [("a b", 1.0), ("c d", 0.25), ("e", 1.0)]
    );
    assert_eq!(weights(&one("a::b")), [("a", 1.0), ("b", 1.0)]);
    assert_eq!(weights(&one("a::2, b::1;")), [("a", 2.0), ("b", 1.0)]);
    assert_eq!(weights(&one("a: :b")), [("a: :b", 1.0)]);
    assert_eq!(weights(&one("a:: 3 dogs")), [("a", 1.0), ("3 dogs", 1.0)]);
    let hidden = one("a::2 b::0 --no c");
    assert_eq!(hidden.words().positive, "a");
    let judged = hidden.judged_words();
    assert_eq!(
        (judged.positive.as_str(), judged.negative.as_str()),
        ("a, b", "c")
    );
    let words = one("a::2 b::-.5 --no c").words();
    assert_eq!(
        (words.positive.as_str(), words.negative.as_str()),
        ("a", "c, (b:0.5)")
    );
    assert_error(
        "a::1 b::-1",
        ErrorCode::WeightsNotPositive,
        "",
        "a::1 b::-1",
    );
    assert_error(
        "a::.1 b::.2 c::-.3",
        ErrorCode::WeightsNotPositive,
        "",
        "a::.1 b::.2 c::-.3",
    );
    assert_error("a::—.5 b", ErrorCode::BadValue, "", "—.5");
    // Wide colons are typed by keyboards for Chinese and Japanese.
    let wide = one("猫：：2 犬：：-.5 鳥 --ar 3：2");
    assert_eq!(weights(&wide), [("猫", 2.0), ("犬", -0.5), ("鳥", 1.0)]);
    assert_eq!(wide.params.aspect_ratio.to_string(), "3:2");
    assert_eq!(wide.to_string(), "猫::2 犬::-0.5 鳥::1 --ar 3:2");
    assert_error("猫：：2x 犬", ErrorCode::BadValue, "", "2x");
    let lists = one("猫::2， 犬 --no 木，空");
    assert_eq!(weights(&lists), [("猫", 2.0), ("犬", 1.0)]);
    assert_eq!(lists.negative, ["木", "空"]);
    assert_eq!(one(r"\｛猫\｝").to_string(), r"\｛猫\｝");
    assert_error("：：2 犬", ErrorCode::BadValue, "", "：：");
    assert_eq!(weights(&one("a：2 b")), [("a：2 b", 1.0)]);
    assert_error("a::2,b", ErrorCode::BadValue, "", "2,b");
    assert_error("a::0 --ar 1:1", ErrorCode::WeightsNotPositive, "", "a::0");
    assert_error("a::2x b", ErrorCode::BadValue, "", "2x");
    assert_error("a:::2 b", ErrorCode::BadValue, "", ":2");
    assert_eq!(weights(&one("a::: b")), [("a", 1.0), (": b", 1.0)]);
    assert_error("a::1e9", ErrorCode::BadValue, "", "1e9");
    assert_error("a::1001", ErrorCode::OutOfRange, "", "1001");
    assert_error("::2 a", ErrorCode::BadValue, "", "::");
    assert_error("a::--ar 1:1", ErrorCode::BadValue, "", "--ar");
    let v7 = PromptProfile::named("V7").unwrap();
    assert_eq!(
        parse("a:: b", &v7, 1).unwrap_err().code,
        ErrorCode::Conflict
    );
}

#[test]
fn permutations_and_repeats_are_counted_before_they_are_made() {
    let jobs = request("a {red, big {dog, cat}} --ar {1:1, 16:9}")
        .unwrap()
        .jobs;
    assert_eq!(jobs.len(), 6);
    assert_eq!(jobs[1].to_string(), "a red --ar 16:9");
    assert!(Request { jobs }.needs_confirmation());
    assert_eq!(request("a --repeat 3").unwrap().jobs.len(), 3);
    assert_eq!(request("{a, b} --r 5").unwrap().jobs.len(), 10);
    assert_error("{a, b} --r 6", ErrorCode::TooManyJobs, "repeat", "6");
    assert_error(
        "x {1,2,3,4,5,6,7,8,9,10,11} y",
        ErrorCode::TooManyJobs,
        "",
        "{1,2,3,4,5,6,7,8,9,10,11}",
    );
    assert_error("a --repeat 11", ErrorCode::TooManyJobs, "repeat", "11");
    assert_error("a {b --seed {1, x}", ErrorCode::UnclosedBrace, "", "{");
    assert_error("a --seed {1, x}", ErrorCode::BadValue, "seed", "x");
    assert_eq!(
        parse("{a, b}", &PromptProfile::EASEL, 0).unwrap_err().code,
        ErrorCode::TooManyJobs
    );
    assert_eq!(one(r"a {b\, c}").to_string(), "a b, c");
}

#[test]
fn profiles_change_ranges_and_parameters() {
    let accepted =
        |text: &str, profile: &str| parse(text, &PromptProfile::named(profile).unwrap(), 1).is_ok();
    assert!(
        accepted("a --q 4", "v7") && !accepted("a --q 4", "v6") && !accepted("a --q .25", "v7")
    );
    assert!(
        accepted("a --ar 3:1", "v5")
            && accepted("a --ar 2:1", "v4")
            && !accepted("a --ar 3:1", "v4")
    );
    assert!(
        accepted("a --iw 2", "v5") && !accepted("a --iw 2.5", "v5") && accepted("a --iw 3", "v6")
    );
    assert!(!accepted("a --tile", "v4") && accepted("a --oref https://e.org/a.png --ow 5", "v7"));
    assert!(accepted("a --no b", "lcm") && accepted("a --style cute", "niji5"));
    assert_eq!(PromptProfile::named("v99"), None);
}

#[test]
fn every_parameter_is_kept_and_written_back() {
    let flags = "--tile --raw --fast --stealth --draft --video";
    for (name, value) in [
        ("ar", "3:2"),
        ("chaos", "1"),
        ("stylize", "1"),
        ("weird", "1"),
        ("quality", "0.5"),
        ("stop", "10"),
        ("seed", "1"),
        ("no", "x"),
        ("iw", "2"),
        ("repeat", "2"),
        ("sref", "1 random https://e.org/a.png::2"),
        ("sw", "1"),
        ("sv", "1"),
        ("cref", "https://e.org/a.png"),
        ("cw", "1"),
        ("oref", "https://e.org/a.png"),
        ("ow", "1"),
        ("v", "6"),
        ("niji", "6"),
        ("exp", "1"),
    ] {
        // Versions know fewer parameters, so each is tried by itself.
        let text = format!("a --{name} {value}");
        let prompt = request(&text)
            .unwrap_or_else(|e| panic!("{text}: {e}"))
            .jobs
            .remove(0);
        assert_eq!(prompt.to_string(), text);
    }
    assert_eq!(one(&format!("a {flags}")).to_string(), format!("a {flags}"));
    for (text, written) in [
        ("a --style raw", "a --raw"),
        ("a --relax --public", "a --relax --public"),
        ("a --turbo", "a --turbo"),
        ("a --niji 5 --style cute", "a --style cute --niji 5"),
    ] {
        assert_eq!(one(text).to_string(), written);
    }
    assert_eq!(one("a --raw").params, one("a --style raw").params);
}

#[test]
fn equal_wishes_have_equal_canonical_texts() {
    let canonical = |text| one(text).canonical_text();
    assert_eq!(
        canonical("A  Cat --no b, a --aspect 32:18"),
        canonical("a cat —ar 16:9 --NO a,b")
    );
    assert_ne!(canonical("a cat --seed 1"), canonical("a cat --seed 2"));
    assert_eq!(
        request("a --repeat 4 --seed 1").unwrap().jobs[0].once(),
        one("a --seed 1")
    );
}

#[test]
fn stored_prompts_are_read_back() {
    let prompt = one(
        "https://e.org/a.png a::2 b::-.5 --no c --sref random 5::2 https://e.org/s.jpg --q .25 --seed 3",
    );
    let stored = serde_json::to_string(&prompt).unwrap();
    assert_eq!(serde_json::from_str::<Prompt>(&stored).unwrap(), prompt);
    let older: Params = serde_json::from_str("{}").unwrap();
    assert_eq!(older, Params::default());
    assert!(!format!("{prompt:?}").contains("e.org"));
}

#[test]
fn quality_is_a_share_of_the_steps() {
    assert_eq!(Quality::FULL.steps(20), 20);
    assert_eq!(Quality(50).steps(25), 13);
    assert_eq!(Quality(25).steps(1), 1);
    assert_eq!(Quality(400).steps(u32::MAX), u32::MAX.div_ceil(100));
    assert_eq!(one("a --draft").params.steps(20), 5);
    assert_eq!(one("a --draft --q .25").params.steps(2), 1);
    assert_eq!(one("a --v 7 --q 2").params.steps(20), 40);
}
