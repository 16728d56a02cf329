//! Several jobs of one prompt that begin from members' pictures.

use easel_domain::spec::RenderSpec;

use crate::pictures::{colourful_cdn, open_world, open_world_with, png};
use crate::setting::PATIENCE;

#[tokio::test(flavor = "multi_thread")]
async fn several_jobs_begin_from_pictures_that_were_taken_before_they_were_agreed_to() {
    let (cdn, mut server) = colourful_cdn().await;
    let mut world =
        open_world_with(&[("cdn.base_url", &cdn), ("fetch.trusted_origins", &cdn)]).await;
    let ada = world.discord.user("ada");
    let file = ("picture", "a.png", png(1, 8, 8));
    let prompt =
        format!("{{{cdn}public/first.png, {cdn}public/second.png}} {{red, blue}} boat --iw 2");
    let proposal = ada
        .slash_with_file("imagine", [("prompt", prompt.as_str())], file)
        .await
        .unwrap()
        .wait_for_message(|m| m.content().contains("4 jobs"), PATIENCE)
        .await
        .unwrap();
    let said = proposal.content();
    assert!(said.contains("they start from: 3"), "{said}");
    let noted = "SELECT count(*) FROM inputs";
    assert_eq!(world.platform.one::<i64>(noted).await, 3, "each once");
    // Whatever becomes of the addresses, and of the bot.
    server.shutdown().await;
    world.kill_bot().await;
    world.start_bot().await;
    ada.click(&proposal, "Run 4 jobs").await.unwrap();
    let mut begun = Vec::new();
    world.platform.job(4).await;
    for job in world.platform.jobs().await {
        let job = world.platform.snapshot(job).await;
        let RenderSpec::Repaint(spec) = job.spec else {
            panic!("not from pictures")
        };
        assert_eq!((spec.inputs[0].width, spec.inputs.len()), (8, 2));
        begun.push(spec.inputs[1].sha256.clone());
    }
    begun.sort();
    assert!(begun[0] == begun[1] && begun[1] != begun[2] && begun[2] == begun[3]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_several_jobs_that_are_none_or_too_many_are_told_before_anything_is_proposed() {
    let world = open_world().await;
    let ada = world.discord.user("ada");
    let six = format!(
        "{} a {{red, blue}} boat",
        ["https://e.org/a.png"; 6].join(" ")
    );
    let three = |n| format!("https://e.org/{n}a.png https://e.org/{n}b.png https://e.org/{n}c.png");
    let twelve = format!(
        "{{{}}} a boat",
        (0..4).map(three).collect::<Vec<_>>().join(", ")
    );
    let bad = "{http://10.0.0.1/a.png, https://e.org/a.png} a boat".to_owned();
    for (prompt, said) in [
        (six, "5 pictures at most"),
        (twelve, "10 different pictures at most"),
        (bad, "public internet"),
    ] {
        ada.slash("imagine", [("prompt", prompt.as_str())])
            .await
            .unwrap();
        let note = ada
            .wait_for_message(|m| m.content().contains(said), PATIENCE)
            .await
            .unwrap();
        assert!(note.is_ephemeral());
    }
    let proposed = "SELECT count(*) FROM proposals";
    assert_eq!(world.platform.one::<i64>(proposed).await, 0);
    assert_eq!(world.platform.jobs().await.len(), 0);
    world.close().await;
}
