//! What follows after U: zoom, pan, region, creative upscale, remix.

use easel_domain::JobId;
use easel_domain::spec::{Action, Place, RenderSpec, RepaintSpec, Repainted};
use easel_playground::{Person, SeenMessage};

use crate::setting::{PATIENCE, World};

/// The second picture of a finished grid, in large: the grid, the job, its message.
async fn large(world: &World, person: &Person) -> (JobId, JobId, SeenMessage) {
    large_of(world, person, "a red boat --seed 40").await
}

async fn large_of(world: &World, person: &Person, prompt: &str) -> (JobId, JobId, SeenMessage) {
    let prompt = [("prompt", prompt)];
    let imagine = person.slash("imagine", prompt).await.unwrap();
    let grid = world.platform.job(1).await;
    world.platform.complete(grid).await;
    let message = imagine
        .wait_for_message(|m| m.button("U2").is_some(), PATIENCE)
        .await
        .unwrap();
    let click = person.click(&message, "U2").await.unwrap();
    let job = world.platform.job(2).await;
    world.platform.complete(job).await;
    let message = click
        .wait_for_message(|m| m.button("Open").is_some(), PATIENCE)
        .await
        .unwrap();
    (grid, job, message)
}

async fn repainted(world: &World, jobs: usize) -> (Action, RepaintSpec) {
    let snapshot = world
        .platform
        .snapshot(world.platform.job(jobs).await)
        .await;
    match snapshot.spec {
        RenderSpec::Repaint(spec) => (snapshot.action, spec),
        other => panic!("not painted anew: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn zoom_and_pan_continue_the_large_picture_around_it() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let (_, job, message) = large(&world, &ada).await;
    assert!(message.button("Make Square").unwrap().is_disabled);
    let click = ada.click(&message, "Zoom Out 2x").await.unwrap();
    let (action, spec) = repainted(&world, 3).await;
    let inner = Place {
        left: 32,
        top: 32,
        width: 64,
        height: 64,
    };
    assert_eq!(
        (action, spec.place, spec.repainted),
        (Action::ZoomOut, inner, Repainted::Around)
    );
    assert_eq!(spec.inputs[0].key, format!("public/{job}-full-0.png"));
    assert_eq!(spec.generate.pictures.len(), 4);
    world.platform.complete(world.platform.job(3).await).await;
    let grid = click
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    assert!(grid.content().contains("zoomed out"), "{}", grid.content());

    ada.click(&message, "➡️").await.unwrap();
    let (action, spec) = repainted(&world, 4).await;
    assert_eq!((action, spec.place), (Action::Pan, Place::whole(128, 128)));
    assert_eq!((spec.generate.width, spec.generate.height), (192, 128));
    world.platform.complete(world.platform.job(4).await).await;

    let form = ada.click(&grid, "✏️").await.unwrap();
    let tiled = [("words", "a green boat --tile")];
    ada.submit(&form, tiled).await.unwrap();
    let refused = |m: &SeenMessage| m.content().contains("nothing around it");
    let note = ada.wait_for_message(refused, PATIENCE).await.unwrap();
    assert!(note.is_ephemeral());

    // 🔄 under such a grid proposes again, from the same picture.
    ada.click(&grid, "🔄").await.unwrap();
    let (action, again) = repainted(&world, 5).await;
    assert_eq!((action, again.place), (Action::Reroll, inner));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tile_stays_one_and_has_no_outside() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let (_, job, message) = large_of(&world, &ada, "waves --tile --stop 40").await;
    let large = world.platform.snapshot(job).await.spec;
    assert!(matches!(large, RenderSpec::Upscale(spec) if spec.seamless));
    for label in ["Zoom Out 2x", "Custom Zoom", "Make Square", "➡️"] {
        assert!(message.button(label).unwrap().is_disabled, "{label}");
    }
    // Of messages that another version of the bot has written nothing is known.
    for (id, index) in [("zoom", 200), ("pan", 1), ("square", 0)] {
        let id = format!("v1:{id}:{job}:{index}");
        ada.forge_click(&message, &id).await.unwrap();
        let fits = |m: &SeenMessage| m.content().contains("nothing around it");
        let note = ada.wait_for_message(fits, PATIENCE).await.unwrap();
        assert!(note.is_ephemeral());
        ada.delete(&note).unwrap();
    }
    ada.click(&message, "Upscale (Creative)").await.unwrap();
    let (_, spec) = repainted(&world, 3).await;
    assert_eq!((spec.generate.seamless, spec.generate.stop), (true, 100));
    ada.click(&message, "Vary (Subtle)").await.unwrap();
    let varied = world.platform.snapshot(world.platform.job(4).await).await;
    let spec = varied.spec.generated().unwrap();
    assert_eq!((spec.seamless, spec.stop), (true, 40));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creative_upscale_draws_one_larger_picture_with_new_details() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let (_, _, message) = large(&world, &ada).await;
    let click = ada.click(&message, "Upscale (Creative)").await.unwrap();
    let (action, spec) = repainted(&world, 3).await;
    assert_eq!(
        (action, spec.repainted),
        (Action::UpscaleCreative, Repainted::Everything)
    );
    assert_eq!(
        (spec.generate.width, spec.generate.pictures.len()),
        (192, 1)
    );
    assert!(spec.strength < 0.5);
    world.platform.complete(world.platform.job(3).await).await;
    let done = click
        .wait_for_message(|m| m.button("Vary (Strong)").is_some(), PATIENCE)
        .await
        .unwrap();
    assert!(done.content().contains("768×768"), "{}", done.content());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_zoom_asks_by_how_much() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let (_, _, message) = large(&world, &ada).await;
    let form = ada.click(&message, "Custom Zoom").await.unwrap();
    assert_eq!(form.answer(), Some(9));
    let refused = ada.submit(&form, [("factor", "much")]).await.unwrap();
    let note = refused.message().unwrap();
    assert!(
        note.is_ephemeral() && note.content().contains("from 1 to 2"),
        "{}",
        note.content()
    );
    let form = ada.click(&message, "Custom Zoom").await.unwrap();
    let zoom = ada.submit(&form, [("factor", "1.6")]).await.unwrap();
    assert_eq!(zoom.answer(), Some(5));
    let (action, spec) = repainted(&world, 3).await;
    assert_eq!((action, spec.place.width), (Action::ZoomOut, 80));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_zoom_takes_other_words_and_another_shape_for_what_lies_around() {
    let world = World::start_with(&[("intake.same_click", "1ms")]).await;
    let ada = world.discord.user("ada");
    let (_, job, message) = large(&world, &ada).await;
    let zoom = async |factor, words| {
        let form = ada.click(&message, "Custom Zoom").await.unwrap();
        let fields = form.modal().unwrap()["components"].to_string();
        assert!(fields.contains("a red boat --seed 40"), "{fields}");
        let fields = [("factor", factor), ("words", words)];
        ada.submit(&form, fields).await.unwrap()
    };
    // Words that are left as they are change nothing.
    zoom("2", "a red boat --seed 40").await;
    let (_, same) = repainted(&world, 3).await;
    assert_eq!(same.place.width, 64);

    let other = zoom("2", "a red boat in a bottle --seed 7 --chaos 30").await;
    let (action, spec) = repainted(&world, 4).await;
    assert_eq!((action, spec.place), (Action::ZoomOut, same.place));
    let plan = &spec.generate.pictures[1];
    assert_eq!((plan.seed, plan.chaos), (8, 30));
    assert_eq!(spec.inputs[0].key, format!("public/{job}-full-0.png"));
    let text = world.platform.snapshot(world.platform.job(4).await).await;
    let text = text.words.unwrap().text.positive;
    assert_eq!(text, "a red boat in a bottle");
    assert!(other.message().unwrap().content().contains("in a bottle"));

    zoom("1", "a red boat --ar 2:1").await;
    let (_, spec) = repainted(&world, 5).await;
    assert_eq!((spec.generate.width, spec.generate.height), (176, 96));
    let whole = Place {
        left: 40,
        top: 0,
        width: 96,
        height: 96,
    };
    assert_eq!(spec.place, whole);

    for (words, said) in [
        ("a red boat --ar wide", "not “wide”"),
        ("a red boat --tile", "nothing around it"),
        ("extreme gore, a beheading", "extreme violence"),
        ("a {red, blue} boat", "one job"),
    ] {
        zoom("1.5", words).await;
        let fits = |m: &SeenMessage| m.content().contains(said);
        let note = ada.wait_for_message(fits, PATIENCE).await;
        assert!(note.expect(said).is_ephemeral());
    }
    assert_eq!(world.platform.jobs().await.len(), 5);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_is_chosen_by_toggles_that_only_the_member_sees() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let (_, _, message) = large(&world, &ada).await;
    let open = ada.click(&message, "Vary (Region)").await.unwrap();
    let choice = open.message().unwrap();
    assert!(choice.is_ephemeral() && choice.button("Paint anew").unwrap().is_disabled);
    for cell in [0, 6] {
        let toggles = open.message().unwrap().buttons();
        let id = toggles[cell].custom_id.clone().unwrap();
        let pressed = ada.click(&open.message().unwrap(), &id).await.unwrap();
        assert_eq!(pressed.answer(), Some(7));
    }
    let paint = ada
        .click(&open.message().unwrap(), "Paint anew")
        .await
        .unwrap();
    assert_eq!(paint.answer(), Some(5));
    let (action, spec) = repainted(&world, 3).await;
    let cells = Repainted::Cells {
        columns: 5,
        rows: 4,
        chosen: vec![0, 6],
    };
    assert_eq!((action, spec.repainted), (Action::VaryRegion, cells));
    assert!(
        !paint.message().unwrap().is_ephemeral(),
        "everybody sees what comes of it"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn remix_edits_the_words_and_keeps_the_noise() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let prompt = [("prompt", "a red boat --seed 40")];
    let imagine = ada.slash("imagine", prompt).await.unwrap();
    let grid = world.platform.job(1).await;
    world.platform.complete(grid).await;
    let message = imagine
        .wait_for_message(|m| m.button("✏️").is_some(), PATIENCE)
        .await
        .unwrap();
    let form = ada.click(&message, "✏️").await.unwrap();
    let modal = form.modal().unwrap();
    assert_eq!(
        modal["components"][0]["components"][0]["value"],
        "a red boat --seed 40"
    );
    let refused = ada
        .submit(&form, [("words", "a train --ar 16:nine")])
        .await
        .unwrap();
    assert!(refused.message().unwrap().content().contains("^^^"));
    let form = ada.click(&message, "✏️").await.unwrap();
    ada.submit(&form, [("words", "a green train --ar 3:2")])
        .await
        .unwrap();
    let job = world.platform.snapshot(world.platform.job(2).await).await;
    assert_eq!(
        (job.action, job.parent),
        (Action::Remix, Some((grid, Some(0))))
    );
    assert_eq!(job.words.clone().unwrap().shown, "a green train --ar 3:2");
    let spec = job.spec.generated().unwrap();
    let seeds: Vec<u32> = spec.pictures.iter().map(|plan| plan.seed).collect();
    assert_eq!((spec.width, seeds), (160, vec![40, 41, 42, 43]));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variations_of_a_large_picture_go_back_to_its_noise() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let (grid, _, message) = large(&world, &ada).await;
    for (jobs, label, action) in [
        (3, "Vary (Subtle)", Action::Vary),
        (4, "Vary (Strong)", Action::VaryStrong),
    ] {
        ada.click(&message, label).await.unwrap();
        let varied = world
            .platform
            .snapshot(world.platform.job(jobs).await)
            .await;
        assert_eq!(
            (varied.action, varied.parent),
            (action, Some((grid, Some(1))))
        );
        let plans = &varied.spec.generated().unwrap().pictures;
        assert!(
            plans
                .iter()
                .all(|plan| plan.seed == 41 && plan.mixes.len() == 1)
        );
    }
    world.close().await;
}
