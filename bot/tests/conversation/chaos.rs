//! Conversations in which Discord, the connection to it and the bot itself fail at random. Whatever happens, everybody
//! is told the end of every job once, and nobody is left waiting.
//!
//! `EASEL_CHAOS_SEEDS=FROM..TO` chooses the conversations, `EASEL_CHAOS_TOGETHER` how many run at once; `make chaos` tells
//! two hundred. A failure names its seed.

mod checks;
mod story;

use std::ops::Range;

use futures::{StreamExt, stream};
use tokio::task::JoinSet;

use story::Story;

/// Told by every run of the tests.
const USUAL: Range<u64> = 0..3;

fn wanted() -> Range<u64> {
    let Ok(text) = std::env::var("EASEL_CHAOS_SEEDS") else {
        return USUAL;
    };
    let ends = text
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    ends.unwrap_or_else(|| panic!("EASEL_CHAOS_SEEDS is {text:?}, not a range such as 0..200"))
}

fn together() -> usize {
    let text = std::env::var("EASEL_CHAOS_TOGETHER").unwrap_or_else(|_| "3".to_owned());
    text.parse()
        .unwrap_or_else(|_| panic!("EASEL_CHAOS_TOGETHER is {text:?}, not a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_every_job_is_told_once_and_nobody_is_left_waiting() {
    let stories = wanted().map(|seed| async move {
        // In a task of its own, so that a panic is one story's and says whose.
        let mut told = JoinSet::new();
        told.spawn(Story::tell(seed));
        match told.join_next().await? {
            Ok(Ok(summary)) => {
                println!("seed {seed}: {summary}");
                None
            }
            Ok(Err(wrong)) => Some(format!("seed {seed}: {wrong}")),
            Err(panic) => Some(format!("seed {seed}: {panic}")),
        }
    });
    let wrong: Vec<String> = stream::iter(stories)
        .buffer_unordered(together())
        .filter_map(|outcome| async { outcome })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
