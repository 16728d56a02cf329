//! `easel-bot parse`: what a prompt would become, without a Discord, a database or a broker.

use std::fmt::Write as _;

use easel_domain::prompt::{self, ParseError, Prompt, PromptProfile};
use easel_domain::tier::shipped_tiers;
use serde::Serialize;

use crate::text::Language;

/// What the command prints and how it exits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseOutput {
    /// 0, or 2 for a prompt, tier or profile that cannot be used.
    pub exit_code: u8,
    /// For standard output, without a line feed at the end.
    pub stdout: String,
    /// For standard error; empty if there is nothing to say.
    pub stderr: String,
}

#[derive(Serialize)]
struct Accepted<'a> {
    jobs: &'a [Prompt],
    count: usize,
    needs_confirmation: bool,
}

#[derive(Serialize)]
struct Refused<'a> {
    error: &'a ParseError,
}

/// Parses `text` for a shipped tier and a prompt profile, by name.
///
/// With `json`, standard output is one JSON object, of the prompt or of its error; otherwise it is for people.
pub fn parse_command(text: &str, tier: &str, profile: &str, json: bool) -> ParseOutput {
    let tiers = shipped_tiers();
    let Some(tier) = tiers
        .iter()
        .find(|known| known.name.eq_ignore_ascii_case(tier))
    else {
        let known = tiers.iter().map(|known| known.name.as_str());
        return unknown("tier", tier, known, json);
    };
    let Some(profile) = PromptProfile::named(profile) else {
        let known = PromptProfile::ALL.iter().map(|known| known.name);
        return unknown("profile", profile, known, json);
    };
    match prompt::parse(text, &profile, tier.permutation_limit) {
        Ok(request) => {
            let (jobs, needs_confirmation) =
                (request.jobs.as_slice(), request.needs_confirmation());
            let stdout = if json {
                to_json(&Accepted {
                    jobs,
                    count: jobs.len(),
                    needs_confirmation,
                })
            } else {
                listing(jobs, &profile, needs_confirmation)
            };
            ParseOutput {
                exit_code: 0,
                stdout,
                stderr: String::new(),
            }
        }
        Err(error) => {
            let stdout = if json {
                to_json(&Refused { error: &error })
            } else {
                String::new()
            };
            ParseOutput {
                exit_code: 2,
                stdout,
                stderr: pointed(text, &error),
            }
        }
    }
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .expect("prompts and errors hold strings, finite numbers and lists of them")
}

/// Bad usage, not a bad prompt: with `json` its error has no place in the text.
fn unknown<'a>(
    what: &'static str,
    typed: &str,
    known: impl Iterator<Item = &'a str>,
    json: bool,
) -> ParseOutput {
    let known: Vec<_> = known.collect();
    let message = format!(
        "there is no {what} {typed:?}; use one of {}",
        known.join(", ")
    );
    let stdout = if json {
        to_json(&serde_json::json!({"error": {
            "code": "bad_value", "parameter": what, "value": typed, "message": message, "start": 0, "end": 0,
        }}))
    } else {
        String::new()
    };
    ParseOutput {
        exit_code: 2,
        stdout,
        stderr: message,
    }
}

/// One line per job, then what the user would be told.
fn listing(jobs: &[Prompt], profile: &PromptProfile, needs_confirmation: bool) -> String {
    let mut lines: Vec<String> = jobs.iter().map(Prompt::to_string).collect();
    if jobs.iter().any(|job| !job.images.is_empty()) {
        lines.push(Language::English.pictures_lost().to_owned());
    }
    let mut ignored: Vec<_> = jobs
        .iter()
        .flat_map(|job| job.without_effect(profile))
        .collect();
    ignored.sort_unstable();
    ignored.dedup();
    lines.extend(ignored.into_iter().filter_map(|parameter| {
        let instead = Language::English.instead(parameter)?;
        Some(Language::English.no_effect(parameter, instead))
    }));
    if needs_confirmation {
        lines.push(format!("{} jobs: asks for confirmation first", jobs.len()));
    }
    lines.join("\n")
}

/// Columns of a prompt that are shown before the place of an error, and from it on.
const AROUND: (usize, usize) = (40, 60);

/// The sentence, what stands around the place in its line of the text, and a mark under the place.
fn pointed(text: &str, error: &ParseError) -> String {
    let mut message = error.to_string();
    let before = text.get(..error.span.start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text
        .get(line_start..)
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    let indent = text
        .get(line_start..error.span.start)
        .unwrap_or_default()
        .chars()
        .count();
    if !line.is_empty() {
        let marked = error.span.of(text).chars().count();
        let (shown, column, width) = excerpt(line, indent, marked);
        let (blank, mark) = (" ".repeat(column), "^".repeat(width));
        let _ = write!(message, "\n  {shown}\n  {blank}{mark}");
    }
    message
}

/// Part of a line that a terminal shows in one row, with an ellipsis where something is left out, and the column and width of
/// what is marked in it.
fn excerpt(line: &str, indent: usize, marked: usize) -> (String, usize, usize) {
    let (most_before, most_after) = AROUND;
    let skipped = if indent > most_before {
        indent - most_before + 1
    } else {
        0
    };
    let from_mark = line.chars().count().saturating_sub(indent);
    let is_cut = from_mark > most_after;
    let kept_after = if is_cut { most_after - 1 } else { from_mark };
    let kept = line
        .chars()
        .skip(skipped)
        .take(indent - skipped + kept_after);
    let shown: String = (skipped > 0)
        .then_some('…')
        .into_iter()
        .chain(kept)
        .chain(is_cut.then_some('…'))
        .collect();
    let column = indent.min(most_before);
    (shown, column, marked.min(from_mark.min(most_after)).max(1))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(text: &str) -> (u8, Value) {
        let output = parse_command(text, "premium", "easel", true);
        (
            output.exit_code,
            serde_json::from_str(&output.stdout).unwrap(),
        )
    }

    #[test]
    fn an_accepted_prompt_is_the_object_of_the_contract() {
        let (exit_code, report) = run("https://e.org/a.png a::2 b::-.5 --no x, y —ar 16:9 --q .5");
        assert_eq!(exit_code, 0);
        assert_eq!(
            (&report["count"], &report["needs_confirmation"]),
            (&json!(1), &json!(false))
        );
        let job = &report["jobs"][0];
        assert_eq!(
            job["parts"],
            json!([{"text": "a", "weight": 2.0}, {"text": "b", "weight": -0.5}])
        );
        assert_eq!(job["negative"], json!(["x", "y"]));
        assert_eq!(job["images"], json!(["https://e.org/a.png"]));
        let params = &job["params"];
        assert_eq!(params["aspect_ratio"], "16:9");
        assert_eq!(params["quality"], 0.5);
        assert_eq!(params["seed"], Value::Null);
        for (name, default) in [
            ("chaos", json!(0)),
            ("stylize", json!(100)),
            ("weird", json!(0)),
            ("stop", json!(100)),
            ("tile", json!(false)),
            ("image_weight", json!(1.0)),
            ("repeat", json!(1)),
            ("raw", json!(false)),
            ("style", Value::Null),
            ("speed", Value::Null),
            ("visibility", Value::Null),
            ("style_references", json!([])),
            ("style_weight", json!(100)),
            ("style_version", json!(4)),
            ("character_weight", json!(100)),
            ("omni_weight", json!(100)),
            ("version", Value::Null),
            ("niji", Value::Null),
            ("experimental", json!(0)),
            ("draft", json!(false)),
            ("video", json!(false)),
        ] {
            assert_eq!(params[name], default, "{name}");
        }
    }

    #[test]
    fn a_refused_prompt_is_an_error_with_its_place() {
        let (exit_code, report) = run("ä cat --chaos 101");
        assert_eq!(exit_code, 2);
        let error = &report["error"];
        assert_eq!(error["code"], "out_of_range");
        assert_eq!(error["parameter"], "chaos");
        assert_eq!(error["value"], "101");
        assert_eq!((&error["start"], &error["end"]), (&json!(15), &json!(18)));
        let (_, empty) = run("");
        assert_eq!(
            (&empty["error"]["code"], &empty["error"]["parameter"]),
            (&json!("empty_prompt"), &Value::Null)
        );
    }

    #[test]
    fn several_jobs_ask_first_and_tiers_cap_them() {
        let (_, report) = run("a {b, c} --repeat 2");
        assert_eq!(
            (&report["count"], &report["needs_confirmation"]),
            (&json!(4), &json!(true))
        );
        assert_eq!(report["jobs"].as_array().map(Vec::len), Some(4));
        assert_eq!(
            parse_command("a {b, c}", "free", "easel", true).exit_code,
            2
        );
        let five = "a {1,2,3,4,5}";
        assert_eq!(parse_command(five, "standard", "easel", true).exit_code, 2);
        assert_eq!(
            parse_command(five, "enterprise", "easel", true).exit_code,
            0
        );
    }

    #[test]
    fn unknown_tiers_and_profiles_are_named() {
        let output = parse_command("a", "gold", "easel", true);
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(
            (output.exit_code, &report["error"]["parameter"]),
            (2, &json!("tier"))
        );
        assert!(output.stderr.contains("\"gold\"") && output.stderr.contains("premium"));
        assert!(
            parse_command("a", "free", "v99", false)
                .stderr
                .contains("v99")
        );
    }

    #[test]
    fn people_see_the_place_marked() {
        let output = parse_command("one\nä cat --chaos 101", "premium", "easel", false);
        assert!(
            output
                .stderr
                .ends_with("\n  ä cat --chaos 101\n                ^^^"),
            "{}",
            output.stderr
        );
        let listing = parse_command("{a, b} --raw", "premium", "easel", false).stdout;
        assert_eq!(
            listing,
            "a --raw\nb --raw\n`--raw` has no effect here yet: Easel's models add no style of their own, so every prompt is raw\n2 jobs: asks for confirmation first"
        );
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let rows = |text: &str| {
            let told = parse_command(text, "premium", "easel", false).stderr;
            let rows: Vec<String> = told.lines().skip(1).map(str::to_owned).collect();
            let [shown, mark] = rows.as_slice() else {
                panic!("{told}");
            };
            let (from, to) = (mark.find('^').unwrap(), mark.len());
            let marked: String = shown.chars().skip(from).take(to - from).collect();
            (shown.clone(), marked)
        };
        let before = "ä".repeat(500);
        let (shown, marked) = rows(&format!("{before} --chaos 101"));
        assert!(
            shown.starts_with("  …ä") && shown.ends_with(" 101"),
            "{shown}"
        );
        assert_eq!(
            (shown.chars().count(), marked.as_str()),
            (2 + 40 + 3, "101")
        );
        let (shown, marked) = rows(&format!("{before} --chaos 101 {before}"));
        assert!(shown.starts_with("  …") && shown.ends_with("ä…"), "{shown}");
        assert_eq!((shown.chars().count(), marked.as_str()), (2 + 100, "101"));
        let (shown, marked) = rows(&format!("a --chaos {}", "x".repeat(300)));
        assert!(
            marked.starts_with("xxx") && marked.ends_with('…'),
            "{shown}"
        );
    }
}
