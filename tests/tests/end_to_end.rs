//! From words to pictures with everything real but Discord: the shipped binaries, the shipped model.

use anyhow::{Context as _, Result, anyhow, ensure};
use easel_blobs::FileDigests;
use easel_domain::picture::FileRole;
use easel_playground::SeenMessage;
use easel_tests::real::Platform;
use easel_tests::seen::picture_url;
use easel_tests::servers;
use image::RgbImage;

const PROMPT: &str = "a red sailboat on the sea at sunset";

async fn fetch(url: &str) -> Result<Vec<u8>> {
    Ok(reqwest::get(url)
        .await?
        .error_for_status()?
        .bytes()
        .await?
        .to_vec())
}

async fn shown(message: &SeenMessage) -> Result<RgbImage> {
    let url = message
        .embeds()
        .first()
        .and_then(picture_url)
        .context("the message shows a picture")?;
    Ok(image::load_from_memory(&fetch(url).await?)?.into_rgb8())
}

/// Mean red, green and blue of a picture, from 0 to 255.
fn mean_colour(picture: &RgbImage) -> [f64; 3] {
    let count = f64::from(picture.width() * picture.height());
    [0, 1, 2].map(|channel| {
        picture
            .pixels()
            .map(|pixel| f64::from(pixel[channel]))
            .sum::<f64>()
            / count
    })
}

#[tokio::test]
async fn words_become_four_pictures_one_of_which_becomes_large() -> Result<()> {
    let platform = Platform::new().await?;
    let _dispatcher = platform.dispatcher()?;
    let _node = platform.node("a").await?;
    let _bot = platform.bot().await?;
    let people = &platform.people;

    let asked = people.imagine("ada", PROMPT).await?;
    people
        .until_answered(&asked, "<preview>")
        .await
        .with_context(|| platform.logs())?;
    let message = people
        .until_answered(&asked, "[U1] [U2] [U3] [U4] [🔄]")
        .await
        .with_context(|| platform.logs())?;
    let grid = shown(&message).await?;
    ensure!(
        grid.dimensions() == (512, 512),
        "the grid is {:?}",
        grid.dimensions()
    );

    let job = platform.newest_job().await?;
    let snapshot = platform
        .world
        .database
        .store
        .job_snapshot(job)
        .await?
        .context("the job is there")?;
    let cdn = servers::cdn()?.base_url;
    let mut pictures = Vec::new();
    for index in 0..4 {
        let file = snapshot
            .file(FileRole::Full, index)
            .context("each picture has a file")?;
        let body = fetch(&format!(
            "{}/{}",
            cdn.as_str().trim_end_matches('/'),
            file.key
        ))
        .await?;
        ensure!(
            FileDigests::of(&body).sha256 == file.sha256,
            "picture {index} is not what was stored"
        );
        let picture = image::load_from_memory(&body)?.into_rgb8();
        ensure!(
            picture.dimensions() == (256, 256),
            "picture {index} is {:?}",
            picture.dimensions()
        );
        pictures.push(picture);
    }
    // Four seeds, four pictures; none of them a single colour.
    for (index, picture) in pictures.iter().enumerate() {
        let others = pictures.iter().skip(index + 1);
        ensure!(
            others.clone().all(|other| other != picture),
            "picture {index} comes twice"
        );
        let [first, last] = [0, 255].map(|at| *picture.get_pixel(at, at));
        ensure!(first != last, "picture {index} shows nothing");
    }
    // A sunset over the whole grid: more red than blue.
    let [red, _, blue] = mean_colour(&grid);
    ensure!(red > blue, "the sunset has no red: {red} against {blue}");

    people.click("ada", &message, "U1").await?;
    let large = people
        .until_shown("ada", "picture 1 in large\n-# 512×512")
        .await
        .with_context(|| platform.logs())?;
    ensure!(shown(&large).await?.dimensions() == (512, 512));

    ask(platform, &message).await
}

/// What the same node answers instead of drawing, and draws then.
async fn ask(platform: Platform, grid: &SeenMessage) -> Result<()> {
    describe(&platform, grid).await?;
    shorten(platform).await
}

/// The same node looks at the four pictures, and draws what it has seen.
async fn describe(platform: &Platform, grid: &SeenMessage) -> Result<()> {
    let people = &platform.people;
    let ada = people.discord.user("ada");
    let menu = ada.choose("Describe", grid.id()).await;
    let menu = menu.map_err(|error| anyhow!("choose Describe: {error:?}"))?;
    let described = people
        .until_answered(&menu, "[4️⃣]")
        .await
        .with_context(|| platform.logs())?;
    let embed = &described.embeds()[0];
    let told = embed["description"].to_string();
    // Others may take a boat for something else; the sea and the evening are read with hardly a mistake.
    let says = |words: &[&str]| words.iter().any(|word| told.contains(word));
    ensure!(
        says(&["sea", "ocean", "waves"]) && says(&["sunset", "dusk", "evening", "golden hour"]),
        "the eyes see something else: {told}"
    );
    ensure!(
        embed["thumbnail"]["url"].is_string(),
        "the picture is not beside it"
    );
    people.click("ada", &described, "1️⃣").await?;
    people
        .until_shown("ada", "[U1] [U2] [U3] [U4] [🔄]")
        .await
        .with_context(|| platform.logs())?;
    Ok(())
}

/// The same node says which of the words it heeds, and draws those. It is the last thing that happens.
async fn shorten(platform: Platform) -> Result<()> {
    let people = &platform.people;
    let ada = people.discord.user("ada");
    let shorten = ada.slash("shorten", [("prompt", PROMPT)]).await;
    let shorten = shorten.map_err(|error| anyhow!("use /shorten: {error:?}"))?;
    let weighed = people
        .until_answered(&shorten, "[1️⃣]")
        .await
        .with_context(|| platform.logs())?;
    let told = weighed.embeds()[0]["description"].to_string();
    ensure!(
        told.contains("~~the~~") && told.contains("**sunset**") && told.contains("sea sunset"),
        "the model heeds other words: {told}"
    );
    people.click("ada", &weighed, "1️⃣").await?;
    people
        .until_shown("ada", "[U1] [U2] [U3] [U4] [🔄]")
        .await
        .with_context(|| platform.logs())?;
    platform.world.close().await
}
