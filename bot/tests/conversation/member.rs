//! `/settings`, its short cuts, `/info` and `/cancel`.

use easel_domain::spec::Action;
use easel_domain::tier::ServiceClass;
use easel_playground::{Person, SeenMessage};

use crate::setting::{PATIENCE, World, eventually};

/// What the answer to a command says, once it says `said`.
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

#[tokio::test(flavor = "multi_thread")]
async fn settings_hold_for_later_jobs_and_outlive_the_bot() {
    let mut world = World::start().await;
    let ada = world.discord.user("ada");
    let panel = told(&ada, "settings", &[], "Your settings").await;
    for label in ["🐢 Relaxed", "V strong", "Remix on"] {
        ada.click(&panel, label).await.unwrap();
    }
    let kept = "SELECT count(*) FROM member_settings WHERE speed = 'relax' AND variation = 'strong' AND remix";
    eventually("the settings to be kept", || async {
        (world.platform.one::<i64>(kept).await == 1).then_some(())
    })
    .await;
    world.kill_bot().await;
    world.start_bot().await;

    let imagine = ada
        .slash("imagine", [("prompt", "a boat --seed 1")])
        .await
        .unwrap();
    let job = world.platform.job(1).await;
    assert_eq!(
        world.platform.snapshot(job).await.class,
        ServiceClass::Relax
    );
    world.platform.complete(job).await;
    let message = imagine
        .wait_for_message(|m| m.button("V2").is_some(), PATIENCE)
        .await
        .unwrap();
    let form = ada.click(&message, "V2").await.unwrap();
    assert_eq!(form.answer(), Some(9), "V asks for other words first");

    ada.click(&panel, "Remix off").await.unwrap();
    let off = "SELECT count(*) FROM member_settings WHERE NOT remix";
    eventually("remix to be off", || async {
        (world.platform.one::<i64>(off).await == 1).then_some(())
    })
    .await;
    let varied = ada.click(&message, "V3").await.unwrap();
    assert_eq!(varied.answer(), Some(5));
    let varied = world.platform.snapshot(world.platform.job(2).await).await;
    assert_eq!(varied.action, Action::VaryStrong);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_go_back_to_what_they_are_for_who_never_chose() {
    let world = World::start().await;
    let ada = world.discord.user("ada");
    let panel = told(&ada, "settings", &[], "Your settings").await;
    let reset = "Reset settings";
    let is_barred = |message: &SeenMessage| message.button(reset).unwrap().is_disabled;
    assert!(is_barred(&panel), "there is nothing to go back from");
    for label in ["🐢 Relaxed", "V strong", "Remix on", "✉️ every result"] {
        ada.click(&panel, label).await.unwrap();
    }
    let changed = ada
        .wait_for_message(|m| m.button(reset).is_some() && !is_barred(m), PATIENCE)
        .await
        .unwrap();
    let kept = "SELECT count(*) FROM member_settings \
                WHERE speed = 'relax' AND variation = 'strong' AND remix AND auto_dm";
    eventually("the settings to be kept", || async {
        (world.platform.one::<i64>(kept).await == 1).then_some(())
    })
    .await;
    ada.click(&changed, reset).await.unwrap();
    let gone = "SELECT count(*) FROM member_settings \
                WHERE speed IS NULL AND variation = 'gentle' AND NOT remix AND NOT auto_dm";
    eventually("the settings to be gone", || async {
        (world.platform.one::<i64>(gone).await == 1).then_some(())
    })
    .await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_cut_that_the_tier_forbids_changes_nothing_and_says_so() {
    let world = World::start().await;
    let (ada, alan) = (world.discord.user("ada"), world.discord.user("alan"));
    told(&ada, "turbo", &[], "not part of your tier, standard").await;
    told(&ada, "relax", &[], "🐢 Relaxed").await;
    told(
        &ada,
        "info",
        &[],
        "your jobs run in the lane **🐢 Relaxed**",
    )
    .await;
    told(&ada, "stealth", &[], "cannot keep pictures to yourself").await;
    told(&ada, "public", &[], "as all pictures are here").await;
    told(&alan, "info", &[], "Deine Stufe ist **standard**").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_offers_and_stops_ones_own_jobs_alone() {
    let world = World::start().await;
    let (ada, grace) = (world.discord.user("ada"), world.discord.user("grace"));
    for (n, prompt) in ["a red boat", "a train", "a blue boat"].iter().enumerate() {
        ada.slash("imagine", [("prompt", *prompt)]).await.unwrap();
        world.platform.job(n + 1).await;
    }
    let jobs = world.platform.jobs().await;
    told(&ada, "info", &[], &format!("a train · `{}`", jobs[1])).await;
    let all = ada.complete("cancel", [("job", "")], "job").await.unwrap();
    assert_eq!(all.len(), 4, "three jobs, and all of them");
    let trains = ada
        .complete("cancel", [("job", "train")], "job")
        .await
        .unwrap();
    assert_eq!(trains.len(), 1);
    assert_eq!(trains[0]["value"], jobs[1].to_string());
    let hers = grace
        .complete("cancel", [("job", "")], "job")
        .await
        .unwrap();
    assert!(hers.is_empty(), "nobody is offered the jobs of others");

    let train = jobs[1].to_string();
    told(&grace, "cancel", &[("job", &train)], "can cancel it").await;
    assert!(!world.platform.snapshot(jobs[1]).await.cancel_requested);
    told(&ada, "cancel", &[("job", &train)], "is being stopped").await;
    assert!(world.platform.snapshot(jobs[1]).await.cancel_requested);
    let everything = all[0]["value"].as_str().unwrap();
    told(&ada, "cancel", &[("job", everything)], "being stopped: 2").await;
    for job in jobs {
        assert!(world.platform.snapshot(job).await.cancel_requested);
    }
    told(&ada, "cancel", &[("job", everything)], "no job that could").await;
    world.close().await;
}
