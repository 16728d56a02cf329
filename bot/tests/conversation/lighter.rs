//! Pictures that are larger than what may be attached.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

use crate::setting::{PATIENCE, World, serving};

/// Noise, which no lossless format makes small.
fn noise(side: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let picture = RgbImage::from_fn(side, side, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = state.to_be_bytes();
        Rgb([a, b, c])
    });
    let mut body = Cursor::new(Vec::new());
    picture.write_to(&mut body, ImageFormat::Png).unwrap();
    body.into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_too_large_to_attach_is_shown_as_a_jpeg_and_told_so() {
    let picture = noise(256);
    let limit = picture.len() as u64 * 6 / 10;
    let (cdn, _server) = serving(picture).await;
    let world = World::start_with(&[("delivery.pictures", "attach"), ("cdn.base_url", &cdn)]).await;
    let (ada, alan) = (world.discord.user("ada"), world.discord.user("alan"));
    for (n, (person, said)) in [(&ada, "lighter JPEG"), (&alan, "leichteres JPEG")]
        .into_iter()
        .enumerate()
    {
        let imagine = person
            .slash("imagine", [("prompt", "a boat")])
            .await
            .unwrap();
        let job = world.platform.job(n + 1).await;
        world.platform.shown(job).await;
        world
            .discord
            .change_rules(|rules| rules.file_limit = limit as _);
        world.platform.complete(job).await;
        let message = imagine
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .unwrap();
        assert!(message.content().contains(said), "{}", message.content());
        let shown = message.embeds()[0]["image"]["url"].to_string();
        assert!(shown.contains(&format!("easel-{job}.jpg")), "{shown}");
        assert!(
            message.button("Fetch").is_none(),
            "there is nothing to fetch"
        );
        world.platform.shown(job).await;
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_takes_is_known_before_the_first_file_and_after_a_restart() {
    let picture = noise(256);
    let limit = picture.len() as u64 * 6 / 10;
    let whole = picture.len();
    let (cdn, _server) = serving(picture).await;
    let settings = [("delivery.pictures", "attach"), ("cdn.base_url", &cdn)];
    let mut world = World::start_with(&settings).await;
    world.discord.change_rules(|rules| rules.file_limit = limit);
    let ada = world.discord.user("ada");
    // The lobby's server has a higher limit than others.
    for (n, (place, is_lighter)) in [("general", true), ("lobby", false)]
        .into_iter()
        .enumerate()
    {
        let ada = ada.clone().in_channel(place);
        let imagine = ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
        let job = world.platform.job(n + 1).await;
        world.platform.shown(job).await;
        world.kill_bot().await;
        world.platform.complete_silently(job).await;
        world.start_bot().await;
        let message = imagine
            .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
            .await
            .unwrap();
        assert_eq!(message.content().contains("lighter JPEG"), is_lighter);
        let suffix = if is_lighter { "jpg" } else { "png" };
        let shown = message.embeds()[0]["image"]["url"].to_string();
        assert!(shown.contains(&format!("easel-{job}.{suffix}")), "{shown}");
    }
    let sizes = world.discord.requests().into_iter();
    let largest = sizes.flat_map(|r| r.files).map(|file| file.bytes).max();
    assert_eq!(largest, Some(whole));
    let refused = world
        .discord
        .requests()
        .iter()
        .filter(|r| r.status == 413)
        .count();
    assert_eq!(refused, 0, "nothing was tried in vain");
    world.close().await;
}
