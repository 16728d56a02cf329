use proptest::prelude::*;

use super::*;

fn text(positive: &str, negative: &str) -> PromptText {
    PromptText {
        positive: positive.to_owned(),
        negative: negative.to_owned(),
    }
}

fn check(positive: &str, negative: &str) -> PromptVerdict {
    PromptPolicy::built_in()
        .unwrap()
        .check(&text(positive, negative))
}

fn mistake(lists: &str) -> String {
    let file = ListFile {
        name: "x.toml".to_owned(),
        text: lists.to_owned(),
    };
    PromptPolicy::from_files(&[file]).unwrap_err().to_string()
}

#[test]
fn an_ordinary_prompt_has_no_hits() {
    let verdict = check("a red sailboat on the sea at sunset", "people");
    assert_eq!(
        (verdict.outcome, verdict.hits.len()),
        (PromptOutcome::Allow, 0)
    );
    assert_eq!(verdict.list_version.len(), 64);
}

#[test]
fn a_refusal_names_category_and_rule_and_no_words() {
    let verdict = check("a beheading in the market", "");
    assert_eq!(verdict.outcome, PromptOutcome::Block);
    assert_eq!(verdict.category(), Some(Category::Gore));
    let stored = serde_json::to_string(&verdict).unwrap();
    assert!(
        !stored.contains("behead") && !stored.contains("market"),
        "{stored}"
    );
    assert_eq!(
        serde_json::from_str::<PromptVerdict>(&stored).unwrap(),
        verdict
    );
}

#[test]
fn unwanted_words_are_judged_as_negation() {
    let verdict = check("a quiet street", "nudity, gore");
    assert!(verdict.allows());
    assert!(verdict.hits.iter().all(|hit| hit.negated) && !verdict.hits.is_empty());
    assert_eq!(
        check("a woman", "clothes").category(),
        Some(Category::Sexual)
    );
    assert!(check("a woman wearing clothes", "").allows());
}

#[test]
fn sexual_content_with_minors_is_refused_everywhere() {
    let adult = GuildPolicy {
        adult: true,
        refuse_from: BTreeMap::new(),
    };
    let policy = PromptPolicy::built_in().unwrap();
    assert!(policy.check_for(&text("a nude woman", ""), &adult).allows());
    for (positive, negative) in [
        ("a nude child", ""),
        ("a n4ked t.e.e.n", ""),
        ("a girl, 12 years old, sexy", ""),
        ("two kids", "clothes"),
    ] {
        let verdict = policy.check_for(&text(positive, negative), &adult);
        assert_eq!(verdict.outcome, PromptOutcome::HardBlock, "{positive}");
        assert_eq!(verdict.category(), Some(Category::Minors), "{positive}");
    }
    assert!(check("a happy child with a kite", "").allows());
}

#[test]
fn a_guild_may_be_stricter_or_milder_but_not_about_the_worst() {
    let policy = PromptPolicy::built_in().unwrap();
    let brand = text("mickey mouse on a bicycle", "");
    assert!(policy.check(&brand).allows());
    let strict = GuildPolicy {
        refuse_from: [(Category::Brands, Severity::Low)].into(),
        adult: false,
    };
    assert_eq!(
        policy.check_for(&brand, &strict).category(),
        Some(Category::Brands)
    );
    let mild = GuildPolicy {
        refuse_from: [(Category::Gore, Severity::Critical)].into(),
        adult: false,
    };
    assert!(policy.check_for(&text("a beheading", ""), &mild).allows());
    let strictest = GuildPolicy {
        refuse_from: [(Category::Minors, Severity::Context)].into(),
        adult: false,
    };
    assert!(policy.check_for(&text("a child", ""), &strictest).allows());
}

#[test]
fn mistakes_in_lists_name_file_and_line() {
    let rule = "[[rule]]\nid = \"a\"\ncategory = \"gore\"\nseverity = \"low\"\n";
    assert_eq!(mistake("[[rule]\n"), mistake("[[rule]\n"));
    assert!(mistake("\n[[rule]\n").starts_with("x.toml:2: "));
    assert!(
        mistake(&format!("{rule}terms = [\n  \"good\",\n  \"ab*\",\n]\n"))
            .starts_with("x.toml:7: a term with a star")
    );
    assert!(
        mistake(&format!("{rule}terms = []\n")).starts_with("x.toml:2: this rule has no terms")
    );
    assert!(mistake(&format!("{rule}terms = [\"x\"]\ncolour = 1\n")).starts_with("x.toml:6: "));
    assert!(mistake(&rule.replace("gore", "noise")).starts_with("x.toml:3: "));
    let twice = format!("{rule}terms = [\"x\"]\n").repeat(2);
    assert_eq!(mistake(&twice), "x.toml:7: the id a is taken");
    assert!(
        mistake(&format!(
            "{}terms = [\"x\"]\n",
            rule.replace("\"a\"", "\"A b\"")
        ))
        .starts_with("x.toml:2: an id")
    );
    let lonely =
        "[[combination]]\nid = \"c\"\nall = [\"gore\"]\ncategory = \"gore\"\nseverity = \"high\"\n";
    assert!(mistake(lonely).starts_with("x.toml:3: a combination needs"));
}

#[test]
fn a_directory_is_read_in_order_and_reloaded_or_kept() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(
        PromptPolicy::load(directory.path()),
        Err(ListError::Empty { .. })
    ));
    assert!(matches!(
        PromptPolicy::load(&directory.path().join("none")),
        Err(ListError::Unreadable { .. })
    ));
    let file = directory.path().join("one.toml");
    let list =
        "[[rule]]\nid = \"a\"\ncategory = \"gore\"\nseverity = \"high\"\nterms = [\"splatter\"]\n";
    std::fs::write(&file, list).unwrap();
    let holder = crate::PolicyHolder::new(PromptPolicy::load(directory.path()).unwrap());
    let first = holder.current().version().to_owned();
    std::fs::write(&file, "[[rule]]\n").unwrap();
    assert!(
        holder
            .reload(|| PromptPolicy::load(directory.path()))
            .is_err()
    );
    assert_eq!(holder.current().version(), first);
    std::fs::write(&file, list.replace("splatter", "slasher")).unwrap();
    holder
        .reload(|| PromptPolicy::load(directory.path()))
        .unwrap();
    assert_ne!(holder.current().version(), first);
    assert!(!holder.current().check(&text("a slasher", "")).allows());
}

#[test]
fn the_shipped_directory_is_what_is_built_in() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("lists");
    let loaded = PromptPolicy::load(&directory).unwrap();
    assert_eq!(
        loaded.version(),
        PromptPolicy::built_in().unwrap().version()
    );
}

proptest! {
    #[test]
    fn any_prompt_gets_a_verdict(positive in any::<String>(), negative in any::<String>()) {
        let verdict = shared().check(&text(&positive, &negative));
        prop_assert_eq!(verdict.decisive().is_none(), verdict.allows());
    }

    #[test]
    fn more_words_never_make_a_hard_block_milder(words in "[a-z ]{0,40}") {
        let verdict = shared().check(&text(&format!("{words}. naked child. {words}"), ""));
        prop_assert_eq!(verdict.outcome, PromptOutcome::HardBlock);
    }
}

fn shared() -> &'static PromptPolicy {
    static POLICY: std::sync::LazyLock<PromptPolicy> =
        std::sync::LazyLock::new(|| PromptPolicy::built_in().unwrap());
    &POLICY
}
