//! `kill -9` of any one process in the middle of a job: the message ends with its grid, exactly one.
//!
//! Real processes and the real model, so the tests run one after another: several at once would only wait for each other.

use anyhow::{Context as _, Result, ensure};
use easel_playground::{Failure, RouteFault, StartedInteraction};
use easel_tests::real::{Platform, Process};
use easel_tests::seen::seen;
use easel_tests::world::eventually;
use tokio::sync::Mutex;

const PROMPT: &str = "a red sailboat on the sea at sunset";
const GRID: &str = "[U1] [U2] [U3] [U4] [🔄]";

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

struct Processes {
    dispatcher: Process,
    node: Process,
    bot: Process,
}

async fn everything(platform: &Platform) -> Result<Processes> {
    let dispatcher = platform.dispatcher()?;
    let node = platform.node("a").await?;
    let bot = platform.bot().await?;
    Ok(Processes {
        dispatcher,
        node,
        bot,
    })
}

/// Asks for a grid and waits until it is being drawn.
async fn begin(platform: &Platform) -> Result<StartedInteraction> {
    let asked = platform.people.imagine("ada", PROMPT).await?;
    platform.people.until_answered(&asked, "▰").await?;
    Ok(asked)
}

/// Waits for the grid, and checks that it is the only one.
async fn end(platform: Platform, asked: &StartedInteraction) -> Result<()> {
    let grid = platform.people.until_answered(asked, GRID).await;
    let grid = grid.with_context(|| platform.logs())?;
    ensure!(seen(&grid).contains("<picture>"), "{}", seen(&grid));
    ensure!(
        platform.people.count_of("ada", PROMPT) == 1,
        "there is more than one message"
    );
    let job = platform.newest_job().await?;
    let path = platform.world.path(job).await?;
    ensure!(
        path.ends_with(&["finishing 1".to_owned(), "completed 1".to_owned()]),
        "{path:?}"
    );
    platform.world.close().await
}

#[tokio::test]
async fn of_the_node() -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().await;
    let platform = Platform::new().await?;
    let Processes {
        dispatcher: _dispatcher,
        node,
        bot: _bot,
    } = everything(&platform).await?;
    let asked = begin(&platform).await?;
    node.kill().await?;
    let _node = platform.node("a").await?;
    end(platform, &asked).await
}

#[tokio::test]
async fn of_the_dispatcher() -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().await;
    let platform = Platform::new().await?;
    let Processes {
        dispatcher,
        node: _node,
        bot: _bot,
    } = everything(&platform).await?;
    let asked = begin(&platform).await?;
    dispatcher.kill().await?;
    let _dispatcher = platform.dispatcher()?;
    end(platform, &asked).await
}

#[tokio::test]
async fn of_the_bot_while_it_shows_progress() -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().await;
    let platform = Platform::new().await?;
    let Processes {
        dispatcher: _dispatcher,
        node: _node,
        bot,
    } = everything(&platform).await?;
    let asked = begin(&platform).await?;
    bot.kill().await?;
    platform.people.until_alone().await?;
    let _bot = platform.bot().await?;
    end(platform, &asked).await
}

#[tokio::test]
async fn of_the_bot_between_its_answer_and_the_commit() -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().await;
    let platform = Platform::new().await?;
    let Processes {
        dispatcher: _dispatcher,
        node: _node,
        bot,
    } = everything(&platform).await?;
    // Discord takes the answer, and the bot never hears that it did.
    platform.people.discord.fail(RouteFault {
        method: Some("POST".into()),
        route: "/callback".into(),
        times: 1,
        failure: Failure::Hang,
        takes_effect: true,
    });
    let asked = platform.people.imagine("ada", PROMPT).await?;
    ensure!(asked.answer() == Some(5), "{:?}", asked.answer());
    // The bot notes beside its answer that somebody waits.
    let noted = || async {
        Ok((platform.world.number("SELECT count(*) FROM intake").await? == 1).then_some(()))
    };
    eventually("the interaction to be noted", noted).await?;
    bot.kill().await?;
    ensure!(
        platform.world.number("SELECT count(*) FROM jobs").await? == 0,
        "the job was committed already"
    );
    platform.people.until_alone().await?;
    let _bot = platform.bot().await?;
    // Nothing was accepted, and the message does not go on "thinking".
    let told = platform
        .people
        .until_answered(&asked, "please try again")
        .await?;
    ensure!(!told.is_loading(), "{}", seen(&told));
    ensure!(platform.world.number("SELECT count(*) FROM jobs").await? == 0);
    let again = begin(&platform).await?;
    end(platform, &again).await
}
