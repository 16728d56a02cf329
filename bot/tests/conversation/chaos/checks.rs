//! What must hold when a story is over.

use std::collections::BTreeMap;
use std::time::Duration;

use easel_domain::JobId;
use easel_domain::job::JobState;
use easel_playground::StartedInteraction;

use super::story::Story;
use crate::setting::within;

/// Longest time that the end may take once all is healed.
const SETTLING: Duration = Duration::from_mins(1);

const OPEN: &str = "SELECT count(*) FROM intake WHERE state = 'open'";
const DUE: &str =
    "SELECT count(*) FROM deliveries WHERE shown_rev < desired_rev AND undeliverable IS NULL";
const GIVEN_UP: &str = "SELECT count(*) FROM deliveries WHERE undeliverable IS NOT NULL";

/// A tenth of what Discord's ban takes.
const MOST_INVALID: usize = 1_000;

/// Waits until nothing is under way: every interaction is answered or given up, every message shows what it should.
pub async fn settled(story: &Story) -> Result<(), String> {
    let platform = &story.world.platform;
    let left = || async {
        let open = |one: &&StartedInteraction| one.answer().is_none() && !one.failed();
        let waiting = story.started.iter().filter(open).count();
        (
            waiting,
            platform.one::<i64>(OPEN).await,
            platform.one::<i64>(DUE).await,
        )
    };
    let done = within(SETTLING, || async {
        (left().await == (0, 0, 0)).then_some(())
    })
    .await;
    if done.is_some() {
        return Ok(());
    }
    let (waiting, open, due) = left().await;
    Err(format!(
        "{waiting} interactions without an answer, {open} not settled, {due} messages that are not up to date"
    ))
}

/// Checks what people see; how many jobs' pictures they see.
pub async fn told(story: &Story) -> Result<usize, String> {
    let thinks = |one: &&StartedInteraction| one.message().is_some_and(|seen| seen.is_loading());
    if let Some(one) = story.started.iter().find(thinks) {
        return Err(format!(
            "a message thinks for ever: {}",
            history(story, one).await
        ));
    }
    let shown = shown_jobs(story);
    let mut missing = Vec::new();
    for job in story.world.platform.jobs().await {
        let state = story.world.platform.snapshot(job).await.state;
        match shown.get(&job).copied().unwrap_or_default() {
            0 if state == JobState::Completed => missing.push(job),
            0 | 1 => {}
            times => return Err(format!("{state:?} job {job} is shown {times} times")),
        }
    }
    let given_up = story.world.platform.one::<i64>(GIVEN_UP).await;
    // A person's deletion takes one message at most, and one that nobody could be sent is no more than that.
    if missing.len() > story.deleted || given_up as usize > story.deleted {
        let mut stories = Vec::new();
        for job in &missing {
            stories.push(asked(story, *job).await);
        }
        return Err(format!(
            "ended with pictures that nobody sees: {stories:?}, {given_up} given up; {} messages were deleted",
            story.deleted
        ));
    }
    let invalid = story.world.discord.invalid_requests();
    if invalid > MOST_INVALID {
        return Err(format!("{invalid} invalid requests"));
    }
    Ok(shown.len())
}

/// What became of the interaction that asked for a job, and what its message says.
async fn asked(story: &Story, job: JobId) -> String {
    let row =
        format!("SELECT coalesce((SELECT interaction_id FROM intake WHERE job_id = '{job}'), 0)");
    let id = story.world.platform.one::<i64>(&row).await.to_string();
    let Some(one) = story.started.iter().find(|one| one.id().to_string() == id) else {
        return format!("job {job}, whose interaction is not known");
    };
    let says = one.message().map(|message| message.all_text());
    format!("job {job}, {}, says {says:?}", history(story, one).await)
}

/// What became of an interaction: its row, and the requests about it.
async fn history(story: &Story, one: &StartedInteraction) -> String {
    let id = one.id().to_string();
    let row = format!(
        "SELECT coalesce((SELECT state || ', job ' || coalesce(job_id::text, 'none') FROM intake
                          WHERE interaction_id = {id}), 'no row')"
    );
    let row: String = story.world.platform.one(&row).await;
    let token = one.token();
    let requests = story.world.discord.requests();
    let requests = requests
        .iter()
        .filter(|request| request.path.contains(&token))
        .map(|request| format!("{} {}", request.template, request.status));
    format!(
        "interaction {id} ({row}): {:?}",
        requests.collect::<Vec<_>>()
    )
}

/// In how many messages each job's pictures stand: a message offers what can be done with them.
fn shown_jobs(story: &Story) -> BTreeMap<JobId, usize> {
    let mut shown = BTreeMap::new();
    for message in story.world.public_messages() {
        let ids = message
            .buttons()
            .into_iter()
            .filter_map(|button| button.custom_id);
        let jobs = ids.filter_map(|id| {
            let mut parts = id.split(':');
            let action = parts.nth(1)?;
            let job = parts.next()?.parse().ok()?;
            (action != "cancel").then_some(job)
        });
        let mut jobs: Vec<JobId> = jobs.collect();
        jobs.sort_unstable();
        jobs.dedup();
        for job in jobs {
            *shown.entry(job).or_default() += 1;
        }
    }
    shown
}
