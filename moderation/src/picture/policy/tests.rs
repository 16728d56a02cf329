use super::super::hash::tests::waves;
use super::*;

fn scores(pairs: &[(Category, f32)]) -> BTreeMap<Category, f32> {
    pairs.iter().copied().collect()
}

fn judged(policy: &PicturePolicy, pairs: &[(Category, f32)]) -> PictureVerdict {
    let pixels = waves(32, 32, 1.0);
    let picture = RgbPicture::new(32, 32, &pixels).unwrap();
    policy.judge(
        picture,
        Evidence::Classified {
            classifier: "test-vit",
            scores: &scores(pairs),
        },
    )
}

fn from_text(text: &str) -> Result<PicturePolicy, ListError> {
    PicturePolicy::from_file(&ListFile {
        name: "p.toml".to_owned(),
        text: text.to_owned(),
    })
}

#[test]
fn a_picture_nobody_checked_is_held_and_a_safe_models_passes() {
    let policy = PicturePolicy::built_in().unwrap();
    let pixels = waves(32, 32, 1.0);
    let picture = RgbPicture::new(32, 32, &pixels).unwrap();
    let unchecked = policy.judge(picture, Evidence::Unchecked);
    assert_eq!(
        (unchecked.outcome, unchecked.checker.as_str()),
        (PictureOutcome::Hold, "none")
    );
    let safe = policy.judge(picture, Evidence::SafeModel);
    assert_eq!(
        (safe.outcome, safe.checker.as_str()),
        (PictureOutcome::Pass, "safe-model")
    );
    assert_eq!(judged(&policy, &[]).outcome, PictureOutcome::Hold);
    assert_eq!(
        judged(&policy, &[(Category::Gore, f32::NAN)]).outcome,
        PictureOutcome::Block
    );
}

#[test]
fn the_worst_score_decides_and_destinations_differ() {
    let policy = PicturePolicy::built_in().unwrap();
    let adult = Destination { adult: true };
    let nude = judged(&policy, &[(Category::Sexual, 0.97), (Category::Gore, 0.01)]);
    assert_eq!(
        (nude.outcome, nude.checker.as_str()),
        (PictureOutcome::Block, "test-vit")
    );
    assert_eq!(policy.outcome(&nude, adult), PictureOutcome::Spoiler);
    assert_eq!(
        policy.decisive_category(&nude, Destination::default()),
        Some(Category::Sexual)
    );
    let minor = judged(&policy, &[(Category::Minors, 0.9)]);
    assert_eq!(policy.outcome(&minor, adult), PictureOutcome::Block);
    let harmless = judged(&policy, &[(Category::Sexual, 0.05), (Category::Gore, 0.01)]);
    assert_eq!(harmless.outcome, PictureOutcome::Pass);
    assert_eq!(policy.decisive_category(&harmless, adult), None);
    let steps: Vec<_> = [0.5, 0.75, 0.95]
        .map(|score| judged(&policy, &[(Category::Sexual, score)]).outcome)
        .into();
    assert_eq!(
        steps,
        [
            PictureOutcome::Spoiler,
            PictureOutcome::Hold,
            PictureOutcome::Block
        ]
    );
}

#[test]
fn a_stored_verdict_that_says_too_little_is_held() {
    let policy = PicturePolicy::built_in().unwrap();
    for (checker, category) in [
        ("", "sexual"),
        ("none", "sexual"),
        ("vit", "newer_category"),
    ] {
        let verdict = PictureVerdict {
            outcome: PictureOutcome::Pass,
            checker: checker.to_owned(),
            scores: [(category.to_owned(), 0.0)].into(),
        };
        assert_eq!(
            policy.outcome(&verdict, Destination::default()),
            PictureOutcome::Hold,
            "{checker} {category}"
        );
    }
}

#[test]
fn the_block_list_finds_a_picture_again_whatever_its_model() {
    let original = waves(128, 128, 2.0);
    let hash = PictureHash::of(RgbPicture::new(128, 128, &original).unwrap()).unwrap();
    let policy = from_text(&format!(
        "[[blocked]]\nid = \"case-7\"\nhash = \"{hash}\"\n"
    ))
    .unwrap();
    let smaller = waves(64, 64, 2.0);
    let smaller = RgbPicture::new(64, 64, &smaller).unwrap();
    assert_eq!(policy.blocked_as(smaller), Some("case-7"));
    let verdict = policy.judge(smaller, Evidence::SafeModel);
    assert_eq!(
        (verdict.outcome, verdict.checker.as_str()),
        (PictureOutcome::Block, "block-list")
    );
    assert_eq!(
        policy.outcome(&verdict, Destination { adult: true }),
        PictureOutcome::Block
    );
    let other = waves(128, 128, 5.0);
    assert_eq!(
        policy.blocked_as(RgbPicture::new(128, 128, &other).unwrap()),
        None
    );
}

#[test]
fn mistakes_in_the_file_name_file_and_line() {
    let mistake = |text: &str| from_text(text).unwrap_err().to_string();
    let limits = "[[limits]]\ncategory = \"gore\"\nspoiler = 0.5\nhold = 0.4\nblock = 0.9\n";
    assert!(mistake(limits).starts_with("p.toml:3: limits go up"));
    assert!(
        mistake("[[blocked]]\nid = \"a\"\nhash = \"12\"\n")
            .starts_with("p.toml:3: a picture hash is 64")
    );
    assert!(mistake("hash_distance = 100\n").starts_with("p.toml:1: hash_distance"));
    let right = limits.replace("0.4", "0.6");
    assert_eq!(
        mistake(&right.repeat(2)),
        "p.toml:8: gore has limits already"
    );
    assert!(mistake(&right.replace("block", "bloc")).starts_with("p.toml:5: "));
    assert_ne!(
        from_text(&right).unwrap().version(),
        from_text("").unwrap().version()
    );
}
