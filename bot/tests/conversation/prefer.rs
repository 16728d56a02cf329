//! `/prefer`: names and a suffix for one's prompts, and switches.

use easel_domain::spec::RenderSpec;
use easel_playground::{Person, SeenMessage};

use crate::setting::{PATIENCE, World, eventually};

async fn told(person: &Person, command: &str, options: &[(&str, &str)], said: &str) -> SeenMessage {
    let options: Vec<(&str, &str)> = options.to_vec();
    person.slash(command, options).await.unwrap();
    let message = person
        .wait_for_message(|m| m.content().contains(said), PATIENCE)
        .await
        .unwrap_or_else(|| panic!("/{command} does not say {said}"));
    assert!(message.is_ephemeral(), "{}", message.content());
    message
}

const SET: &str = "prefer option set";

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_ones_own_stands_for_its_parameters_and_outlives_the_bot() {
    let mut world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    let mine = [("name", "--Mine"), ("value", "--ar  3:2 --seed 7")];
    told(&ada, SET, &mine, "**--mine** stands for --ar 3:2 --seed 7").await;
    told(&ada, "prefer option list", &[], "What you keep").await;
    world.kill_bot().await;
    world.start_bot().await;

    let imagine = ada
        .slash("imagine", [("prompt", "a boat --mine")])
        .await
        .unwrap();
    let job = world.platform.snapshot(world.platform.job(1).await).await;
    let RenderSpec::Generate(spec) = &job.spec else {
        panic!("not drawn from words")
    };
    assert_eq!(spec.pictures[0].seed, 7);
    let shown = imagine
        .wait_for_message(
            |m| m.content().contains("a boat --ar 3:2 --seed 7"),
            PATIENCE,
        )
        .await;
    assert!(shown.is_some(), "what it stands for is shown");

    // Grace has no such name, and is told so.
    let hers = grace
        .slash("imagine", [("prompt", "a boat --mine")])
        .await
        .unwrap();
    let words = hers.message().unwrap();
    assert!(
        words.content().contains("no parameter “--mine”"),
        "{}",
        words.content()
    );

    // A form for other words reads names, too.
    world.platform.complete(job.job).await;
    let grid = imagine
        .wait_for_message(|m| m.button("U1").is_some(), PATIENCE)
        .await
        .unwrap();
    let form = ada.click(&grid, "✏️").await.unwrap();
    ada.submit(&form, [("words", "a train --mine")])
        .await
        .unwrap();
    let remixed = world.platform.snapshot(world.platform.job(2).await).await;
    assert_eq!(remixed.words.unwrap().shown, "a train --ar 3:2 --seed 7");

    let offered = ada.complete(SET, [("name", "mi")], "name").await.unwrap();
    assert_eq!(offered.len(), 1);
    assert_eq!(offered[0]["value"], "mine");
    told(&ada, SET, &[("name", "mine")], "**--mine** is taken away").await;
    told(&ada, SET, &[("name", "mine")], "You keep no **--mine**").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_pointed_at_and_nothing_changes() {
    let world = World::start().await;
    let (ada, alan) = (world.discord.user("ada"), world.discord.user("alan"));
    for (name, value, said) in [
        ("ar", "--tile", "a parameter of this name"),
        ("my name", "--tile", "A name has small letters"),
        ("mine", "--chaos 900", "^^^"),
        ("mine", "a boat", "parameters can be kept"),
        ("mine", "--repeat 4", "cannot be kept"),
        ("mine", "--mine", "no parameter “--mine”"),
    ] {
        told(&ada, SET, &[("name", name), ("value", value)], said).await;
    }
    told(&ada, "prefer suffix", &[("parameters", "--iw 9")], "0 to 3").await;
    let kept = "SELECT (SELECT count(*) FROM member_options)
                     + (SELECT count(*) FROM member_settings WHERE suffix IS NOT NULL)";
    assert_eq!(world.platform.one::<i64>(kept).await, 0);
    let own = [("name", "mine"), ("value", "@everyone")];
    told(&alan, SET, &own, "ufbewahrt werden nur Parameter").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suffix_stands_behind_every_prompt_and_what_is_typed_wins() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let suffix = [("parameters", "--seed 9 --no text")];
    told(
        &ada,
        "prefer suffix",
        &suffix,
        "--seed 9 --no text stands behind",
    )
    .await;
    ada.slash("imagine", [("prompt", "a boat")]).await.unwrap();
    let job = world.platform.snapshot(world.platform.job(1).await).await;
    let words = job.words.clone().unwrap();
    assert_eq!(words.shown, "a boat --seed 9 --no text");
    assert_eq!(words.text.negative, "text");
    assert_eq!(job.spec.noise_plan(0).unwrap().seed, 9);
    ada.slash("imagine", [("prompt", "a train --seed 3")])
        .await
        .unwrap();
    let job = world.platform.snapshot(world.platform.job(2).await).await;
    assert_eq!(job.words.unwrap().shown, "a train --seed 3 --no text");

    // Several jobs carry it, too, though they are read again when they are run.
    ada.slash("imagine", [("prompt", "a {cat, dog}")])
        .await
        .unwrap();
    let proposal = ada
        .wait_for_message(
            |m| m.content().contains("a dog --seed 9 --no text"),
            PATIENCE,
        )
        .await
        .unwrap();
    let run = proposal.buttons()[0].custom_id.clone().unwrap();
    ada.click(&proposal, &run).await.unwrap();
    let last = world.platform.job(4).await;
    let job = world.platform.snapshot(last).await;
    assert!(job.words.unwrap().shown.ends_with("--seed 9 --no text"));

    // A version that has no such parameter: the prompt is not run, and it is said why.
    told(
        &ada,
        "prefer suffix",
        &[("parameters", "--weird 3")],
        "--weird 3 stands behind",
    )
    .await;
    ada.slash("imagine", [("prompt", "a hat --v 4")])
        .await
        .unwrap();
    let why = ada
        .wait_for_message(|m| m.content().contains("Your suffix is part"), PATIENCE)
        .await
        .unwrap();
    assert!(
        why.is_ephemeral() && why.content().contains("--weird"),
        "{}",
        why.content()
    );
    assert_eq!(world.platform.jobs().await.len(), 4);
    told(&ada, "prefer suffix", &[], "Nothing is put behind").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switches_turn_over_and_the_list_shows_how_they_stand() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    told(&ada, "prefer auto_dm", &[], "Every result is sent").await;
    told(&ada, "prefer remix", &[], "ask for other words first").await;
    let both = "SELECT count(*) FROM member_settings WHERE auto_dm AND remix";
    eventually("both switches to be on", || async {
        (world.platform.one::<i64>(both).await == 1).then_some(())
    })
    .await;
    told(&ada, "prefer auto_dm", &[], "only when you ask").await;
    for (said, kept) in [("changes a lot", "strong"), ("changes a little", "subtle")] {
        told(&ada, "prefer variability", &[], said).await;
        let sql = format!("SELECT count(*) FROM member_settings WHERE variation = '{kept}'");
        assert_eq!(world.platform.one::<i64>(&sql).await, 1);
    }
    let list = told(&ada, "prefer option list", &[], "What you keep").await;
    let text = list.content();
    assert!(text.contains("only when you ask") && text.contains("ask for other words first"));
    assert!(
        list.embeds()[0]["description"]
            .as_str()
            .unwrap()
            .contains("No names yet")
    );
    world.close().await;
}
