//! Buttons and forms that the bot has not made, or has made for other messages and other people.

use easel_bot::custom_id::ButtonAction;
use easel_playground::{Person, SeenMessage};

use crate::setting::{PATIENCE, World, eventually};

/// A finished grid of Ada's: its job's id and its message.
async fn grid(world: &World) -> (String, SeenMessage) {
    let ada = world.discord.user("ada");
    let prompt = [("prompt", "a red boat")];
    let imagine = ada.slash("imagine", prompt).await.unwrap();
    let job = world.platform.job(1).await;
    world.platform.complete(job).await;
    let message = imagine
        .wait_for_message(|m| m.button("U2").is_some(), PATIENCE)
        .await;
    (job.to_string(), message.unwrap())
}

/// What the bot has told this person alone since the last time.
async fn told(person: &Person) -> String {
    let note = person
        .wait_for_message(|m| m.is_ephemeral() && !m.is_loading(), PATIENCE)
        .await
        .unwrap();
    person.delete(&note).unwrap();
    note.content().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_of_a_hidden_message_does_nothing_under_one_that_everybody_sees() {
    let world = World::start().await;
    let (job, message) = grid(&world).await;
    for person in ["grace", "ada"] {
        let person = world.discord.user(person);
        for (action, index) in [
            ("region", 5),
            ("older", u32::MAX),
            ("newer", u32::MAX),
            ("listed", u32::MAX),
            ("detail", 1),
            ("setting", 0),
            ("unstar", 0),
            ("run", 0),
            ("drop", 0),
            ("delete", 1),
        ] {
            let id = format!("v1:{action}:{job}:{index}");
            let press = person.forge_click(&message, &id).await.unwrap();
            assert!(!press.failed());
            assert!(told(&person).await.contains("does nothing"), "{action}");
            let kept = world.public_messages().pop().unwrap();
            assert_eq!(kept.json(), message.json(), "{action}");
        }
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_button_carries_its_press_is_answered_and_makes_nothing_out_of_nothing() {
    let world = World::start().await;
    let (job, message) = grid(&world).await;
    let grace = world.discord.user("grace");
    let nothing = uuid::Uuid::max().to_string();
    let mut ids: Vec<String> = [
        "",
        "v1",
        "v2:vary:x:0",
        "MJ::JOB::upsample::1::abc",
        "\u{202e}",
    ]
    .map(str::to_owned)
    .to_vec();
    ids.push("x".repeat(100));
    ids.push(format!("v1:upscale:{job}:4"));
    ids.push(format!("v1:vary:{job}:{}", u32::MAX));
    for action in ButtonAction::ALL {
        for index in [0, u32::MAX] {
            ids.push(format!("v1:{}:{nothing}:{index}", action.as_str()));
        }
    }
    for id in ids {
        let press = grace.forge_click(&message, &id).await.unwrap();
        assert!(!press.failed(), "{id}");
        match press.answer() {
            // A form; what it is filled in with comes to nothing as well.
            Some(9) => {
                let name = if id.contains("zoom") {
                    "factor"
                } else {
                    "words"
                };
                let custom_id = press.modal().unwrap()["custom_id"].clone();
                let custom_id = custom_id.as_str().unwrap();
                let fields = [(name, "2")];
                grace.forge_form(&message, custom_id, fields).await.unwrap();
                told(&grace).await;
            }
            _ => assert!(!told(&grace).await.is_empty(), "{id}"),
        }
    }
    eventually("everything to be settled", || async {
        let open = "SELECT count(*) FROM intake WHERE state = 'open'";
        (world.platform.one::<i64>(open).await == 0).then_some(())
    })
    .await;
    assert_eq!(world.platform.jobs().await.len(), 1);
    let charged = "SELECT count(*) FROM ledger WHERE NOT settles";
    assert_eq!(world.platform.one::<i64>(charged).await, 1);
    assert_eq!(world.public_messages().len(), 1);
    world.close().await;
}
