//! Jobs that start from members' pictures.

use std::io::Cursor;

use bytes::Bytes;
use easel_domain::spec::{Action, RenderSpec, Repainted};
use image::{ImageFormat, RgbImage};

use crate::setting::{PATIENCE, World};

/// A picture of one colour.
pub fn png(red: u8, width: u32, height: u32) -> Bytes {
    let mut body = Cursor::new(Vec::new());
    RgbImage::from_pixel(width, height, image::Rgb([red, 0, 0]))
        .write_to(&mut body, ImageFormat::Png)
        .unwrap();
    body.into_inner().into()
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`"))
}

/// A world whose operator takes pictures unchecked.
pub async fn open_world() -> World {
    open_world_with(&[]).await
}

pub async fn open_world_with(more: &[(&str, &str)]) -> World {
    let mut all = vec![("inputs.unchecked", "true")];
    all.extend_from_slice(more);
    world_with_store(&all).await
}

/// A world with a place to keep files.
pub async fn world_with_store(more: &[(&str, &str)]) -> World {
    let s3 = ["ENDPOINT", "BUCKET", "ACCESS_KEY", "SECRET_KEY"]
        .map(|name| (name, variable(&format!("EASEL_TEST_S3_{name}"))));
    let keys = ["s3.endpoint", "s3.bucket", "s3.access_key", "s3.secret_key"];
    let mut settings: Vec<(&str, &str)> = keys
        .iter()
        .zip(&s3)
        .map(|(key, (_, value))| (*key, value.as_str()))
        .collect();
    settings.extend(more);
    World::start_with(&settings).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blend_starts_from_the_pictures_that_came_with_it() {
    let world = open_world().await;
    let ada = world.discord.user("ada");
    let files = [
        ("first", "a.png", png(200, 64, 48)),
        ("second", "b.png", png(10, 32, 32)),
        ("third", "c.png", png(99, 16, 64)),
    ];
    let blend = ada
        .slash_with_files("blend", [("shape", "2")], files)
        .await
        .unwrap();
    assert_eq!(blend.answer(), Some(5));
    let job = world.platform.snapshot(world.platform.job(1).await).await;
    let RenderSpec::Repaint(spec) = &job.spec else {
        panic!("not from pictures")
    };
    assert_eq!(
        (job.action, &spec.repainted),
        (Action::Blend, &Repainted::Everything)
    );
    let sizes: Vec<_> = spec
        .inputs
        .iter()
        .map(|input| (input.width, input.height))
        .collect();
    assert_eq!(sizes, [(64, 48), (32, 32), (16, 64)]);
    assert!(
        spec.inputs
            .iter()
            .all(|input| input.key.starts_with("input/"))
    );
    assert!(spec.generate.width > spec.generate.height);
    let noted = "SELECT count(*) FROM inputs WHERE content_type = 'image/png'";
    assert_eq!(world.platform.one::<i64>(noted).await, 3);
    world.platform.complete(job.job).await;
    let done = blend
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    assert!(done.content().contains("blended"), "{}", done.content());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_beside_a_prompt_counts_by_its_weight_and_no_other_file_does() {
    let world = open_world().await;
    let ada = world.discord.user("ada");
    for (n, (weight, strength)) in [(0.0_f32, 1.0_f32), (3.0, 1.0 / 2.35)]
        .into_iter()
        .enumerate()
    {
        let prompt = format!("a red boat --iw {weight}");
        let file = ("picture", "a.png", png(200, 64, 48));
        ada.slash_with_file("imagine", [("prompt", prompt.as_str())], file)
            .await
            .unwrap();
        let job = world
            .platform
            .snapshot(world.platform.job(n + 1).await)
            .await;
        let RenderSpec::Repaint(spec) = &job.spec else {
            panic!("not from a picture")
        };
        assert!((spec.strength - strength).abs() < 1e-5, "{}", spec.strength);
    }
    let file = (
        "picture",
        "a.png",
        Bytes::from_static(b"MZ this is a program"),
    );
    ada.slash_with_file("imagine", [("prompt", "a boat")], file)
        .await
        .unwrap();
    let note = ada
        .wait_for_message(|m| m.content().contains("not a picture"), PATIENCE)
        .await
        .unwrap();
    assert!(note.is_ephemeral());
    ada.slash("imagine", [("prompt", "http://10.0.0.1/a.png a boat")])
        .await
        .unwrap();
    ada.wait_for_message(|m| m.content().contains("public internet"), PATIENCE)
        .await
        .unwrap();
    // The stand-in's own address is no better than any other, unless Discord gave it.
    let own = format!("{}/attachments/1/a.png a boat", world.discord.origin());
    ada.slash("imagine", [("prompt", own.as_str())])
        .await
        .unwrap();
    ada.wait_for_message(|m| m.content().contains("cannot be followed"), PATIENCE)
        .await
        .unwrap();
    assert_eq!(world.platform.jobs().await.len(), 2);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_no_picture_is_told_by_every_command_and_starts_nothing() {
    let world = open_world().await;
    let (ada, alan) = (world.discord.user("ada"), world.discord.user("alan"));
    world.platform.announce_eyes().await;
    let whole = png(7, 64, 64);
    let cut = whole.slice(..whole.len() - 20);
    let svg = Bytes::from_static(b"<svg xmlns='http://www.w3.org/2000/svg'/>");
    let mut large = whole.to_vec();
    large.resize(17 << 20, 0);
    for (body, english, german) in [
        (Bytes::new(), "not a picture", "kein lesbares Bild"),
        (svg, "not a picture", "kein lesbares Bild"),
        (cut, "damaged", "beschädigt"),
        (large.into(), "at most 16 MiB", "höchstens 16 MiB"),
    ] {
        for (person, said) in [(&ada, english), (&alan, german)] {
            let file = |option| (option, "a.png", body.clone());
            let prompt = [("prompt", "a boat")];
            let several = [("prompt", "a {red, blue} boat")];
            let (picture, other) = (file("picture"), ("second", "b.png", whole.clone()));
            person
                .slash_with_file("imagine", prompt, picture.clone())
                .await
                .unwrap();
            person
                .slash_with_file("imagine", several, picture.clone())
                .await
                .unwrap();
            person
                .slash_with_file("describe", [], picture)
                .await
                .unwrap();
            person
                .slash_with_files("blend", [], [file("first"), other])
                .await
                .unwrap();
            for _ in 0..4 {
                let fits = |m: &easel_playground::SeenMessage| m.content().contains(said);
                let note = person.wait_for_message(fits, PATIENCE).await.expect(said);
                assert!(note.is_ephemeral(), "{}", note.content());
                person.delete(&note).unwrap();
            }
        }
    }
    for rows in [
        "jobs",
        "ledger",
        "proposals",
        "inputs WHERE content_type <> 'image/png'",
    ] {
        let count = format!("SELECT count(*) FROM {rows}");
        assert_eq!(world.platform.one::<i64>(&count).await, 0, "{rows}");
    }
    assert!(
        world.public_messages().is_empty(),
        "nobody is left thinking"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_checks_pictures_none_is_fetched() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let files = [
        ("first", "a.png", png(200, 8, 8)),
        ("second", "b.png", png(10, 8, 8)),
    ];
    let blend = ada.slash_with_files("blend", [], files).await.unwrap();
    let answer = blend.message().unwrap();
    assert!(answer.is_ephemeral() && answer.content().contains("not taken here"));
    let file = ("picture", "a.png", png(200, 8, 8));
    let beside = ada
        .slash_with_file("imagine", [("prompt", "a boat")], file)
        .await
        .unwrap();
    let answer = beside.message().unwrap();
    assert!(answer.is_ephemeral() && answer.content().contains("not taken here"));
    let imagine = ada
        .slash("imagine", [("prompt", "http://127.0.0.1:9/a.png a boat")])
        .await
        .unwrap();
    let queued = imagine
        .wait_for_message(|m| m.content().contains("Queued"), PATIENCE)
        .await
        .unwrap();
    assert!(
        queued.content().contains("ictures in"),
        "it is told: {}",
        queued.content()
    );
    let job = world.platform.snapshot(world.platform.job(1).await).await;
    assert!(matches!(job.spec, RenderSpec::Generate(_)));
    world.close().await;
}

/// A CDN that hands out pictures of ever other colours, and the task that it ends with.
pub async fn colourful_cdn() -> (String, tokio::task::JoinSet<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let next = std::sync::Arc::new(std::sync::atomic::AtomicU8::new(0));
    let serve = move || {
        let red = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move { png(red, 32, 32) }
    };
    let router = axum::Router::new().fallback(serve);
    let mut server = tokio::task::JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (format!("http://{address}/"), server)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pictures_of_a_message_are_blended_whether_they_came_with_it_or_by_address() {
    let (cdn, _server) = colourful_cdn().await;
    for pictures in ["attach", "link"] {
        let more = [
            ("delivery.pictures", pictures),
            ("cdn.base_url", cdn.as_str()),
        ];
        let world = open_world_with(&more).await;
        let ada = world.discord.user("ada");
        let message = crate::favourites::grid(&world, &ada, 1, "a boat").await;
        let menu = ada.choose("Blend", message.id()).await.unwrap();
        let why = menu.message().unwrap();
        assert!(
            why.is_ephemeral() && why.content().contains("has 1"),
            "{}",
            why.content()
        );
        ada.click(&message, "Send to me").await.unwrap();
        let ada = ada.in_dm();
        let four = ada
            .wait_for_message(|m| m.content().contains("✉️ **a boat"), PATIENCE)
            .await
            .unwrap();
        let menu = ada.choose("Blend", four.id()).await.unwrap();
        assert_eq!(menu.answer(), Some(5), "{pictures}");
        let job = world.platform.snapshot(world.platform.job(2).await).await;
        let RenderSpec::Repaint(spec) = &job.spec else {
            panic!("not from pictures")
        };
        assert_eq!((job.action, spec.inputs.len()), (Action::Blend, 4));
        let said = ada.say("no pictures").unwrap();
        let none = ada.choose("Blend", said.id()).await.unwrap();
        assert!(none.message().unwrap().content().contains("has 0"));
        world.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remix_starts_from_the_pictures_of_its_parent() {
    let world = open_world_with(&[("intake.same_click", "1ms")]).await;
    let ada = world.discord.user("ada");
    let file = ("picture", "a.png", png(200, 64, 48));
    let imagine = ada
        .slash_with_file("imagine", [("prompt", "a red boat --iw 2")], file)
        .await
        .unwrap();
    let first = world.platform.snapshot(world.platform.job(1).await).await;
    world.platform.complete(first.job).await;
    let message = imagine
        .wait_for_message(|m| m.button("✏️").is_some(), PATIENCE)
        .await
        .unwrap();
    let RenderSpec::Repaint(first) = &first.spec else {
        panic!("not from a picture")
    };
    for (n, (words, weight)) in [("a train --iw 2", 2.0_f32), ("a train --iw 3", 3.0)]
        .into_iter()
        .enumerate()
    {
        let form = ada.click(&message, "✏️").await.unwrap();
        ada.submit(&form, [("words", words)]).await.unwrap();
        let job = world.platform.job(n + 2).await;
        let job = world.platform.snapshot(job).await;
        let RenderSpec::Repaint(spec) = &job.spec else {
            panic!("it forgot its picture")
        };
        assert_eq!((job.action, &spec.inputs), (Action::Remix, &first.inputs));
        let strength = 1.0 / (1.0 + 0.45 * weight);
        assert!((spec.strength - strength).abs() < 1e-5, "{}", spec.strength);
        world.platform.complete(job.job).await;
    }
    // Who names a picture in the words means that one as well.
    let form = ada.click(&message, "✏️").await.unwrap();
    ada.submit(&form, [("words", "http://10.0.0.1/a.png a train")])
        .await
        .unwrap();
    ada.wait_for_message(|m| m.content().contains("public internet"), PATIENCE)
        .await
        .unwrap();
    // After a month without a use it is kept no longer.
    let gone = "WITH gone AS (DELETE FROM inputs RETURNING key) SELECT count(*) FROM gone";
    assert_eq!(world.platform.one::<i64>(gone).await, 1);
    ada.click(&message, "🔄").await.unwrap();
    ada.wait_for_message(|m| m.content().contains("no longer kept"), PATIENCE)
        .await
        .unwrap();
    assert_eq!(world.platform.jobs().await.len(), 3);
    world.close().await;
}
