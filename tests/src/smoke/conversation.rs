//! `/imagine`, U1, V1, with the time of everything that can be noticed.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Arguments;
use super::numbers::{memory, ms_between, percentile};
use super::records::Records;
use super::visitor::{Seen, Taken, Visitor, button, content, picture};

const PROMPT: &str = "a red sailboat on the sea at sunset";
/// What happens to a job, in order.
const EVENTS: [&str; 6] = [
    "ack",
    "queued",
    "leased",
    "first_preview",
    "finished",
    "visible",
];

/// A job that was asked for, with its finished message.
struct Drawn {
    job: easel_domain::JobId,
    message: Value,
    times_ms: Vec<(&'static str, f64)>,
}

/// Has the conversations; the report is that of the last, with the medians of all.
pub(super) async fn run(
    visitor: &mut Visitor,
    records: &Records,
    arguments: &Arguments,
) -> Result<Value> {
    let mut all: Vec<Vec<(&'static str, f64)>> = Vec::new();
    let mut report = Value::Null;
    for _ in 0..arguments.repeat.max(1) {
        let drawn = imagine(visitor, records).await?;
        let files = keep_pictures(visitor, records, &drawn, &arguments.out).await?;
        let events: Vec<Value> = drawn
            .times_ms
            .iter()
            .map(|(name, t_ms)| json!({"name": name, "t_ms": t_ms}))
            .collect();
        report = json!({"job_id": drawn.job, "events": events, "files": files});
        all.push(drawn.times_ms);
    }
    tell(&all);
    for (name, bytes) in memory(&arguments.processes)
        .as_object()
        .into_iter()
        .flatten()
    {
        let mib = bytes.as_f64().unwrap_or_default() / f64::from(1 << 20);
        eprintln!("{name:>14} {mib:>9.1} MiB resident");
    }
    if arguments.repeat > 1 {
        report["median_ms"] = EVENTS
            .into_iter()
            .map(|name| (name.to_owned(), percentile(&of(&all, name), 0.5)))
            .collect();
        report["p99_ms"] = EVENTS
            .into_iter()
            .map(|name| (name.to_owned(), percentile(&of(&all, name), 0.99)))
            .collect();
        report["memory_bytes"] = memory(&arguments.processes);
    }
    Ok(report)
}

fn of(all: &[Vec<(&'static str, f64)>], name: &str) -> Vec<f64> {
    all.iter()
        .flatten()
        .filter(|(other, _)| *other == name)
        .map(|(_, t_ms)| *t_ms)
        .collect()
}

/// The timeline for a person.
fn tell(all: &[Vec<(&'static str, f64)>]) {
    for name in EVENTS {
        let values = of(all, name);
        eprintln!(
            "{name:>14} {:>9} ms{}",
            percentile(&values, 0.5).to_string(),
            if all.len() > 1 {
                format!("   p99 {} ms", percentile(&values, 0.99))
            } else {
                String::new()
            }
        );
    }
}

async fn imagine(visitor: &mut Visitor, records: &Records) -> Result<Drawn> {
    let Taken {
        interaction,
        message_id,
        sent_at,
        acknowledged_at,
    } = visitor.imagine(PROMPT).await?;
    let mut first_preview: Option<OffsetDateTime> = None;
    let finished = loop {
        let seen = visitor.next().await?;
        if seen.message()["id"] != message_id {
            continue;
        }
        if button(seen.message(), "U1").is_some() {
            break seen;
        }
        let text = content(seen.message());
        ensure!(
            !seen.message()["components"]
                .to_string()
                .contains("Try again"),
            "the job did not end well: {text}"
        );
        if picture(seen.message()).is_some() {
            first_preview.get_or_insert(seen.at);
        }
    };
    let url = picture(finished.message()).context("the finished message shows a picture")?;
    visitor.fetch(url).await?;
    let visible = finished.at;
    let job = records
        .job_of(&interaction)
        .await?
        .context("the interaction has a job")?;
    let times = records.times(job).await?;
    let moments = [
        Some(acknowledged_at),
        Some(times.queued),
        times.leased,
        first_preview,
        times.ended,
        Some(visible),
    ];
    let known = EVENTS
        .into_iter()
        .zip(moments)
        .filter_map(|(name, at)| Some((name, ms_between(sent_at, at?))));
    Ok(Drawn {
        job,
        message: finished.message().clone(),
        times_ms: known.collect(),
    })
}

/// Saves the grid and its four pictures, then presses U1 and V1 and saves what comes of them.
async fn keep_pictures(
    visitor: &mut Visitor,
    records: &Records,
    drawn: &Drawn,
    out: &Path,
) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let grid = picture(&drawn.message)
        .context("the grid has an address")?
        .to_owned();
    files.push(keep(out, "grid", &visitor.fetch(&grid).await?)?);
    let (grid_key, pictures) = records.keys(drawn.job).await?;
    let base = grid
        .strip_suffix(&grid_key)
        .context("the grid is shown through the CDN")?
        .to_owned();
    for (number, key) in (1..).zip(&pictures) {
        files.push(keep(
            out,
            &number.to_string(),
            &visitor.fetch(&format!("{base}{key}")).await?,
        )?);
    }
    for (name, mark) in [("U1", "in large"), ("V1", "variations of picture 1")] {
        visitor.press(&drawn.message, name).await?;
        let is_done = |seen: &Seen| {
            let message = seen.message();
            content(message).contains(mark)
                && content(message).contains('×')
                && picture(message).is_some()
        };
        let done = visitor.until(name, is_done).await?;
        let url = picture(done.message()).context("the message shows a picture")?;
        files.push(keep(out, &name.to_lowercase(), &visitor.fetch(url).await?)?);
    }
    Ok(files)
}

fn keep(out: &Path, name: &str, body: &[u8]) -> Result<String> {
    let format = image::guess_format(body).with_context(|| format!("{name} is no picture"))?;
    image::load_from_memory(body).with_context(|| format!("read picture {name}"))?;
    let suffix = format.extensions_str().first().copied().unwrap_or("png");
    let file = out.join(format!("{name}.{suffix}"));
    std::fs::write(&file, body).with_context(|| format!("write {}", file.display()))?;
    Ok(file.display().to_string())
}
