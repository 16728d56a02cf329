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
