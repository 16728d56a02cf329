//! The chat page in a real browser: what a visitor does reaches a bot, and what the bot answers is seen.

use std::io::Cursor;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use easel_playground::{Playground, PlaygroundConfig, PlaygroundHandle, Rules};
use easel_tests::browser::{Browser, with_browser};
use easel_tests::scripted_bot::{Picture, ScriptedBot};
use fantoccini::key::Key;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

const WIDE: (u32, u32) = (1280, 800);
const NARROW: (u32, u32) = (500, 800);
const PROMPT: &str = "a red sailboat on the sea at sunset";

/// A playground with a bot that knows `/imagine` and `/describe`.
async fn studio() -> Result<(PlaygroundHandle, ScriptedBot)> {
    let playground = Playground::start(PlaygroundConfig::default())
        .await
        .context("start the playground")?;
    let bot = ScriptedBot::connect(&playground.origin(), &playground.token()).await?;
    bot.register(json!([
        {"name": "imagine", "description": "Four pictures from words", "options": [
            {"type": 3, "name": "prompt", "description": "What to draw", "required": true},
            {"type": 3, "name": "shape", "description": "Wide or tall", "choices": [
                {"name": "Wide", "value": "3:2"}, {"name": "Tall", "value": "2:3"}]},
        ]},
        {"name": "describe", "description": "Words for a picture", "options": [
            {"type": 11, "name": "image", "description": "The picture", "required": true}]},
    ]))
    .await?;
    Ok((playground, bot))
}

/// Four colours in a square, as a PNG.
fn picture(name: &'static str, description: &'static str, side: u32) -> Picture {
    let colours = [[200, 40, 50], [240, 150, 60], [60, 90, 170], [40, 150, 110]];
    let quarter = |x: u32, y: u32| usize::from(x >= side / 2) + 2 * usize::from(y >= side / 2);
    let image = RgbImage::from_fn(side, side, |x, y| Rgb(colours[quarter(x, y)]));
    let mut png = Cursor::new(Vec::new());
    image
        .write_to(&mut png, ImageFormat::Png)
        .expect("memory takes every write");
    Picture {
        name,
        description,
        png: png.into_inner(),
    }
}

fn button(label: &str, custom_id: &str) -> Value {
    json!({"type": 2, "style": 2, "label": label, "custom_id": custom_id})
}

fn grid_buttons() -> Value {
    let row = |letter: &str| -> Vec<Value> {
        (1..=4)
            .map(|n| button(&format!("{letter}{n}"), &format!("{letter}:{n}")))
            .collect()
    };
    let mut first = row("U");
    first.push(json!({"type": 2, "style": 2, "emoji": {"name": "🔄"}, "custom_id": "again"}));
    json!([{"type": 1, "components": first}, {"type": 1, "components": row("V")}])
}

/// Draws a picture for whoever is looking, and leaves the page with a finished grid.
async fn imagine(page: &Browser, bot: &mut ScriptedBot) -> Result<()> {
    page.until_shown(".status-on").await?;
    page.click("#composer").await?;
    page.type_text(&format!("/imagine prompt: {PROMPT}"))
        .await?;
    page.press(Key::Enter).await?;
    let job = bot.next().await?;
    ensure!(
        job.option("prompt") == Some(&json!(PROMPT)),
        "the bot was asked for {:?}",
        job.option("prompt")
    );
    bot.answer(&job, 5, json!({})).await?;
    page.until_newest_says("is thinking…").await?;
    page.until_newest_says("used /imagine").await?;
    page.run("window.live = [...document.querySelectorAll('.message')].at(-1)")
        .await?;
    bot.edit(
        &job,
        json!({"content": format!("**{PROMPT}** (31%)")}),
        vec![picture("preview.png", "A preview", 32)],
    )
    .await?;
    page.until_newest_says("(31%)").await?;
    let done = json!({"content": format!("**{PROMPT}**"), "components": grid_buttons()});
    bot.edit(&job, done, vec![picture("grid.png", "Four sailboats", 256)])
        .await?;
    page.until_shown("[data-custom-id='V:4']").await?;
    page.until_shown("img[alt='Four sailboats']").await?;
    let same = page
        .run("return window.live === [...document.querySelectorAll('.message')].at(-1)")
        .await?;
    page.expect(
        "whether the message was changed in place",
        same,
        json!(true),
    )
    .await?;
    page.until_newest_says("(edited)").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_command_becomes_a_message_that_edits_itself_into_a_grid() -> Result<()> {
    let (playground, mut bot) = studio().await?;
    with_browser(playground.origin(), WIDE, async move |page: Browser| {
        page.until_shown(".welcome").await?;
        page.check_accessibility().await?;
        imagine(&page, &mut bot).await?;
        page.check_accessibility().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_is_answered_and_its_picture_opens_large() -> Result<()> {
    let (playground, mut bot) = studio().await?;
    with_browser(playground.origin(), WIDE, async move |page: Browser| {
        imagine(&page, &mut bot).await?;
        page.click("[data-custom-id='U:1']").await?;
        page.until_shown("[data-custom-id='U:1'][aria-busy]")
            .await?;
        let click = bot.next().await?;
        ensure!(
            click.custom_id() == "U:1",
            "the bot saw a click on {}",
            click.custom_id()
        );
        bot.answer(&click, 6, Value::Null).await?;
        page.until_gone("[aria-busy]").await?;
        let pictures = vec![
            picture("one.png", "One sailboat", 300),
            picture("two.png", "Its twin", 200),
        ];
        bot.follow_up(&click, json!({"content": "Image #1"}), pictures)
            .await?;
        page.click("button:has(> img[alt='One sailboat'])").await?;
        page.until_shown("dialog.lightbox img[alt='One sailboat']")
            .await?;
        let width = page
            .until(
                "the large picture",
                "return document.querySelector('.lightbox img').naturalWidth",
            )
            .await?;
        page.expect("the width of the large picture", width, json!(300))
            .await?;
        page.press(Key::Right).await?;
        page.until_shown("dialog.lightbox img[alt='Its twin']")
            .await?;
        page.check_accessibility().await?;
        page.press(Key::Escape).await?;
        page.until_gone("dialog").await?;
        let focus = page
            .run("return document.activeElement.querySelector('img')?.alt ?? null")
            .await?;
        page.expect("the focus after closing", focus, json!("One sailboat"))
            .await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_taken_back_leaves_the_page() -> Result<()> {
    let (playground, mut bot) = studio().await?;
    with_browser(playground.origin(), WIDE, async move |page: Browser| {
        imagine(&page, &mut bot).await?;
        page.click("[data-custom-id='again']").await?;
        let click = bot.next().await?;
        bot.answer(&click, 5, json!({})).await?;
        page.until_newest_says("is thinking…").await?;
        bot.delete(&click).await?;
        page.until_newest_says(PROMPT).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_filled_in_and_its_private_answer_is_for_one_user_only() -> Result<()> {
    let (playground, mut bot) = studio().await?;
    with_browser(playground.origin(), WIDE, async move |page: Browser| {
        imagine(&page, &mut bot).await?;
        page.click("[data-custom-id='again']").await?;
        let click = bot.next().await?;
        let field = json!({"type": 4, "custom_id": "prompt", "style": 2, "label": "Prompt", "min_length": 5, "max_length": 100});
        let form = json!({"custom_id": "remix", "title": "Remix", "components": [{"type": 1, "components": [field]}]});
        bot.answer(&click, 9, form).await?;
        page.until_shown("dialog.modal").await?;
        page.check_accessibility().await?;
        page.click("dialog button[type=submit]").await?;
        page.until_shown("dialog [aria-invalid=true]").await?;
        page.type_text("a blue boat").await?;
        page.click("dialog button[type=submit]").await?;
        let submitted = bot.next().await?;
        ensure!(submitted.field("prompt") == Some("a blue boat"), "the bot got {:?}", submitted.field("prompt"));
        bot.answer(&submitted, 4, json!({"content": "Only for Ada", "flags": 64})).await?;
        page.until_gone("dialog").await?;
        page.until_newest_says("Only for Ada").await?;
        page.until_newest_says("Only you can see this").await?;
        become_next_user(&page).await?;
        page.until_newest_says(PROMPT).await?;
        ensure!(!page.text().await?.contains("Only for Ada"), "another user sees a private answer");
        page.click("#composer").await?;
        page.press(Key::Up).await?;
        page.click(".message:focus .tool[data-emoji='⭐']").await?;
        page.until_shown(".reaction.mine").await
    })
    .await
}

/// Switches to the second user by keyboard.
async fn become_next_user(page: &Browser) -> Result<()> {
    page.click(".user-button").await?;
    page.until_shown(".user-menu").await?;
    page.press(Key::Down).await?;
    page.press(Key::Enter).await?;
    page.until(
        "another user",
        "return document.querySelector('.user-name').textContent !== 'Ada'",
    )
    .await
    .map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_chosen_and_filled_in_by_keyboard_and_takes_a_file() -> Result<()> {
    let (playground, mut bot) = studio().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("boat.png");
    std::fs::write(&file, picture("boat.png", "", 16).png)?;
    with_browser(playground.origin(), NARROW, async move |page: Browser| {
        page.until_shown(".status-on").await?;
        page.type_text("/im").await?;
        page.until_shown(".picker [role=option]").await?;
        page.press(Key::Tab).await?;
        page.type_text("a lighthouse").await?;
        page.click(".spare").await?;
        page.press(Key::Down).await?;
        page.press(Key::Enter).await?;
        page.check_accessibility().await?;
        page.press(Key::Enter).await?;
        let job = bot.next().await?;
        ensure!(
            job.option("prompt") == Some(&json!("a lighthouse")),
            "the prompt is {:?}",
            job.option("prompt")
        );
        ensure!(
            job.option("shape") == Some(&json!("2:3")),
            "the shape is {:?}",
            job.option("shape")
        );
        bot.answer(&job, 4, json!({"content": "On its way"}))
            .await?;
        page.until_newest_says("On its way").await?;
        page.type_text("/describe ").await?;
        page.press(Key::Enter).await?;
        page.choose_file("input[type=file]", &file).await?;
        page.until_newest_says("On its way").await?;
        page.click(".command-row .send-button").await?;
        let described = bot.next().await?;
        let id = described
            .option("image")
            .and_then(Value::as_str)
            .context("the bot got a file")?;
        let sent = &described.0["data"]["resolved"]["attachments"][id];
        ensure!(
            sent["filename"] == "boat.png" && sent["width"] == 16,
            "the bot got {sent}"
        );
        bot.answer(&described, 4, json!({"content": "A boat"}))
            .await?;
        page.until_newest_says("A boat").await?;
        page.click(".drawer-button").await?;
        page.until_shown("body.drawer-open .place").await?;
        page.check_accessibility().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bot_does_not_answer_is_said_to_have_failed() -> Result<()> {
    let rules = Rules {
        first_answer: Duration::from_millis(400),
        ..Rules::default()
    };
    let playground = Playground::start(PlaygroundConfig {
        rules,
        ..PlaygroundConfig::default()
    })
    .await?;
    let bot = ScriptedBot::connect(&playground.origin(), &playground.token()).await?;
    bot.register(json!([{"name": "ping", "description": "Is anyone there"}]))
        .await?;
    with_browser(playground.origin(), WIDE, async move |page: Browser| {
        page.until_shown(".status-on").await?;
        page.type_text("/ping ").await?;
        page.press(Key::Enter).await?;
        page.until_newest_says("The application did not respond")
            .await?;
        drop(bot);
        page.until_shown(".status-off").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_message_opens_it() -> Result<()> {
    let (playground, mut bot) = studio().await?;
    let origin = playground.origin();
    let (guild, general) = (playground.guild_id(), playground.channel_id("general"));
    with_browser(origin.clone(), WIDE, async move |page: Browser| {
        imagine(&page, &mut bot).await?;
        let id = page
            .run("return [...document.querySelectorAll('[data-message]')].at(-1).dataset.message")
            .await?;
        let id = id.as_str().context("the message has an id")?;
        let address = format!("{origin}/channels/{guild}/{general}/{id}");
        page.goto(&address).await?;
        page.until_shown(&format!("[data-message='{id}']:focus"))
            .await?;
        page.click("#composer").await?;
        page.type_text(&format!("see {address}")).await?;
        page.press(Key::Enter).await?;
        page.click("a[data-action='open-message']").await?;
        page.until_shown(&format!("[data-message='{id}']:focus"))
            .await
    })
    .await
}
