//! The chat page's own modules, run in a real browser: how they read text, and what a redraw leaves alone.

use anyhow::Result;
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
    const { markdown } = await import("/js/markdown.js");
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
        code: evil.querySelectorAll("img, script, a").length,
        target: evil.querySelector("[href]"),
    };
"#;

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
