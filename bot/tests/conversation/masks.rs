//! `/vary-region`: masks that members upload.

use std::io::Cursor;

use bytes::Bytes;
use easel_domain::JobId;
use easel_domain::spec::{Action, RenderSpec, Repainted};
use easel_playground::Person;
use image::{GrayImage, ImageFormat, Luma};

use crate::pictures::world_with_store;
use crate::setting::{PATIENCE, World};

/// A mask whose left part is white, up to this column of 64.
fn mask(white: u32) -> Bytes {
    let shade = |x| if x < white { 255 } else { 0 };
    let mut body = Cursor::new(Vec::new());
    GrayImage::from_fn(64, 64, |x, _| Luma([shade(x)]))
        .write_to(&mut body, ImageFormat::Png)
        .unwrap();
    body.into_inner().into()
}

async fn grid(world: &World, person: &Person) -> JobId {
    person
        .slash("imagine", [("prompt", "a red boat --seed 40")])
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_white_in_a_mask_is_painted_anew_in_the_picture_that_is_meant() {
    let world = world_with_store(&[]).await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let job = grid(&world, &ada).await;
    let id = job.to_string();
    let options = [("job", id.as_str()), ("picture", "2")];
    let vary = grace
        .slash_with_file("vary-region", options, ("mask", "m.png", mask(32)))
        .await
        .unwrap();
    assert_eq!(vary.answer(), Some(5));
    let made = world.platform.snapshot(world.platform.job(2).await).await;
    assert_eq!(
        (made.action, made.parent),
        (Action::VaryRegion, Some((job, Some(1))))
    );
    assert_eq!(
        made.owner.map(easel_domain::DiscordId::as_u64),
        Some(grace.id().0),
        "who asks owns"
    );
    let RenderSpec::Repaint(spec) = &made.spec else {
        panic!("not painted anew")
    };
    assert_eq!(spec.inputs[0].key, format!("public/{job}-full-1.png"));
    let Repainted::Masked { mask } = &spec.repainted else {
        panic!("no mask")
    };
    let size = (spec.generate.width, spec.generate.height);
    assert_eq!((mask.width, mask.height), size);
    assert!(mask.key.starts_with("input/"), "{}", mask.key);
    let kept = "SELECT count(*) FROM inputs WHERE content_type = 'image/png' AND width = 128";
    assert_eq!(world.platform.one::<i64>(kept).await, 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_mask_or_no_job_is_told_with_what_to_do_and_makes_nothing() {
    let world = world_with_store(&[]).await;
    let (ada, alan) = (world.discord.user("ada"), world.discord.user("alan"));
    let id = grid(&world, &ada).await.to_string();
    let program = Bytes::from_static(b"MZ this is a program");
    let damaged = mask(32).slice(..60);
    let nobody = "0197a3c2-1b7e-7d3a-9f00-5c1e2b3a4d5f";
    for (person, job, file, said) in [
        (&ada, id.as_str(), mask(0), "has no white part"),
        (&ada, id.as_str(), mask(64), "white all over"),
        (&ada, id.as_str(), program, "not a picture"),
        (&ada, id.as_str(), damaged, "cannot be read"),
        (&ada, nobody, mask(32), "There is no job"),
        (&ada, "v1:vary:x:0", mask(32), "not a job id"),
        (&alan, id.as_str(), mask(0), "keinen weißen Teil"),
    ] {
        let file = ("mask", "m.png", file);
        person
            .slash_with_file("vary-region", [("job", job)], file)
            .await
            .unwrap();
        let note = person
            .wait_for_message(|m| m.content().contains(said), PATIENCE)
            .await;
        assert!(note.is_some_and(|note| note.is_ephemeral()), "{said}");
    }
    assert_eq!(world.platform.jobs().await.len(), 1);
    assert_eq!(
        world
            .platform
            .one::<i64>("SELECT count(*) FROM inputs")
            .await,
        0,
        "nothing was kept"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_place_to_keep_masks_the_toggles_are_named_instead() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let file = ("mask", "m.png", mask(32));
    let job = "0197a3c2-1b7e-7d3a-9f00-5c1e2b3a4d5f";
    let vary = ada
        .slash_with_file("vary-region", [("job", job)], file)
        .await
        .unwrap();
    let answer = vary.message().unwrap();
    assert!(
        answer.is_ephemeral() && answer.content().contains("**Vary (Region)**"),
        "{}",
        answer.content()
    );
    world.close().await;
}
