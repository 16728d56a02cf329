//! The broker is killed and started again in the middle of a job. It is a broker of the test's own, in a stack of its
//! own, so that nobody else loses theirs.

use anyhow::{Context as _, Result, ensure};
use easel_tests::own_stack::OwnStack;
use easel_tests::real::Platform;

#[tokio::test]
async fn a_job_that_loses_its_broker_still_ends_with_one_grid() -> Result<()> {
    let stack = OwnStack::start("broker-restart").await?;
    let platform = Platform::at(stack.vhost().await?).await?;
    let _dispatcher = platform.dispatcher()?;
    let _node = platform.node("a").await?;
    let _bot = platform.bot().await?;
    let people = &platform.people;
    let drawn = people
        .imagine("ada", "a red sailboat on the sea at sunset")
        .await?;
    people.until_answered(&drawn, "▰").await?;
    let restarting = stack.restart_broker();
    // Asked for while there is no broker: accepted by its row alone.
    let asking = async {
        let asked = people
            .imagine("grace", "a green hill under a blue sky")
            .await?;
        people.until_answered(&asked, "Queued").await?;
        anyhow::Ok(asked)
    };
    let (restarted, asked) = tokio::join!(restarting, asking);
    restarted?;
    let asked = asked.with_context(|| platform.logs())?;
    for message in [&drawn, &asked] {
        people
            .until_answered(message, "[U1]")
            .await
            .with_context(|| platform.logs())?;
    }
    ensure!(
        people.count_of("ada", "[U1]") == 2,
        "there are not exactly two grids"
    );
    platform.world.close().await
}
