//! The chat page's own modules, run in a real browser: how they read text, and what a redraw leaves alone.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, ensure};
use easel_playground::{Playground, PlaygroundConfig};
use easel_tests::browser::{Browser, with_browser};
use serde_json::json;

const WIDE: (u32, u32) = (1280, 800);

#[tokio::test(flavor = "multi_thread")]
async fn text_is_read_as_discord_reads_it_and_never_becomes_code() -> Result<()> {
    let playground = Playground::start(PlaygroundConfig::default()).await?;
    with_browser(playground.origin(), WIDE, async move |page: Browser| {
        page.until_shown(".composer").await?;
        let read = page.run_async(READING).await?;
        let wanted = json!({
            "pairs": [["prompt", "a: b"], ["seed", "5"]],
            "lead": [["prompt", "a dog"]],
            "link": [["prompt", "like https://x.y/z"]],
            "plain": "a*b @Ada · U2",
            "marks": "<strong>b</strong> <em>i</em> snake_case <code class=\"md-code\">c</code>",
            "code": 0,
            "target": null,
        });
        page.expect("what was read", read, wanted).await
    })
    .await
}

/// Reads options and markdown with the page's own modules.
const READING: &str = r#"
    const { readOptions } = await import("/js/command-text.js");
    const { markdown, plainText } = await import("/js/markdown.js");
    const options = [{ name: "prompt", type: 3 }, { name: "seed", type: 4 }];
    const draw = (text) => {
        const box = document.createElement("div");
        box.append(markdown(text, { user: () => undefined, channel: () => undefined }));
        return box;
    };
    const evil = draw("<img src=x onerror=alert(1)> [a](javascript:alert(1)) <script>1</script>");
    return {
        pairs: [...readOptions("prompt: a: b seed: 5", options)],
        lead: [...readOptions("a dog", options)],
        link: [...readOptions("prompt: like https://x.y/z", options)],
        marks: draw("**b** *i* snake_case `c`").innerHTML,
        plain: plainText("**a\\*b** <@7> · U2<t:5:R>", { user: () => "Ada" }),
        code: evil.querySelectorAll("img, script, a").length,
        target: evil.querySelector("[href]"),
    };
"#;

/// A visitor's machine may have no font for emoji, and a machine that takes screenshots seldom has.
#[tokio::test(flavor = "multi_thread")]
async fn every_emoji_that_the_bot_says_is_drawn_by_the_page() -> Result<()> {
    let said = emoji_of_the_bot()?;
    ensure!(said.contains('⭐') && said.len() > 100, "found {said:?}");
    let playground = Playground::start(PlaygroundConfig::default()).await?;
    with_browser(playground.origin(), WIDE, async move |page: Browser| {
        page.until_shown(".composer").await?;
        let script = format!("const said = {};{DRAWING}", json!(said));
        let drawn = page.run_async(&script).await?;
        let wanted = json!({"left": "", "label": ["svg", " 2 ", "svg"], "text": 2});
        page.expect("what was drawn", drawn, wanted).await
    })
    .await
}

const DRAWING: &str = r#"
    const { emojiNode, withEmoji } = await import("/js/emoji.js");
    const { markdown } = await import("/js/markdown.js");
    const box = document.createElement("div");
    box.append(markdown("1\u{fe0f}\u{20e3} a ✉\u{fe0f} 5", { user: () => undefined, channel: () => undefined }));
    return {
        left: [...said].filter((emoji) => emojiNode(emoji).tagName !== "svg").join(""),
        label: withEmoji("🚀 2 3\u{fe0f}\u{20e3}").map((piece) => piece.tagName ?? piece).filter(Boolean),
        text: box.querySelectorAll("svg").length,
    };
"#;

/// Those in the sources of its texts, views and answers; what every font has, arrows and bars, is none.
fn emoji_of_the_bot() -> Result<String> {
    let mut said = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../bot/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                said.extend(
                    std::fs::read_to_string(path)?
                        .chars()
                        .filter(|&c| is_emoji(c)),
                );
            }
        }
    }
    Ok(said.into_iter().collect())
}

fn is_emoji(character: char) -> bool {
    matches!(character, '◼' | '\u{23e9}'..='\u{23f3}' | '\u{2600}'..='\u{27bf}' | '\u{2b05}'..='\u{2b50}' | '\u{1f300}'..='\u{1faff}')
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_in_a_list_keeps_the_focus_when_something_before_it_goes() -> Result<()> {
    let playground = Playground::start(PlaygroundConfig::default()).await?;
    with_browser(playground.origin(), WIDE, async move |page: Browser| {
        page.until_shown(".composer").await?;
        let kept = page.run_async(REDRAWING).await?;
        let wanted = json!({"focus": "two", "same": true, "shown": ["welcome", "one", "two"]});
        page.expect("what was kept", kept, wanted).await
    })
    .await
}

/// Redraws a list as the page does when its beginning arrives while a reader stands on its last item.
const REDRAWING: &str = r#"
    const { morph } = await import("/js/morph.js");
    const list = (...keys) => {
        const box = document.createElement("div");
        for (const key of keys) {
            const item = document.createElement("p");
            item.setAttribute("data-key", key);
            item.tabIndex = -1;
            box.append(item);
        }
        return box;
    };
    const shown = list("older", "one", "two");
    document.body.append(shown);
    const two = shown.lastChild;
    two.focus();
    morph(shown, list("welcome", "one", "two"));
    return {
        focus: document.activeElement.getAttribute("data-key"),
        same: shown.lastChild === two,
        shown: [...shown.children].map((item) => item.getAttribute("data-key")),
    };
"#;
