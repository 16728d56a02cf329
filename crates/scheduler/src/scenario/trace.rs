//! Traces: one job a line.

use easel_domain::tier::ServiceClass;
use rustc_hash::FxHashMap;

use super::reader::MOST;
use super::{BadInput, Scenario, TraceJob};
use crate::job::{BatchKey, ClassKey, Shape};

const REQUIRED: [&str; 9] = [
    "t_s", "user", "guild", "tier", "model", "width", "height", "steps", "count",
];
const OPTIONAL: [&str; 4] = ["region", "kind", "class", "deadline_s"];
/// Pixels of a side.
const SIDE: std::ops::RangeInclusive<u32> = 8..=65_536;
/// More pictures in one job are a slip of the pen, and would keep a simulated fleet busy for centuries.
const MOST_PICTURES: u32 = 10_000;
/// What a job may be called; only the last means anything to the simulator.
const KINDS: [&str; 25] = [
    "imagine",
    "generate",
    "text",
    "txt2img",
    "img2img",
    "image",
    "pictures",
    "reroll",
    "vary",
    "variation",
    "upscale",
    "zoom",
    "pan",
    "region",
    "inpaint",
    "outpaint",
    "square",
    "tile",
    "blend",
    "describe",
    "shorten",
    "remix",
    "draft",
    "preview",
    "poison",
];

struct Columns<'a> {
    file: &'a str,
    line: usize,
    names: &'a [&'a str],
    fields: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn error(&self, key: &str, message: impl Into<String>) -> BadInput {
        BadInput {
            file: self.file.into(),
            line: self.line,
            key: key.into(),
            message: message.into(),
        }
    }

    /// The text of a column; nothing where it is absent or empty.
    fn get(&self, key: &str) -> Option<&'a str> {
        let at = self.names.iter().position(|name| *name == key)?;
        self.fields.get(at).copied().filter(|text| !text.is_empty())
    }

    fn text(&self, key: &str) -> Result<&'a str, BadInput> {
        self.get(key).ok_or_else(|| self.error(key, "is empty"))
    }

    fn seconds(&self, key: &str) -> Result<Option<f64>, BadInput> {
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        match text.parse::<f64>() {
            Ok(number) if (0.0..=MOST).contains(&number) => Ok(Some(number)),
            _ => Err(self.error(
                key,
                format!("{text:?} is not a number of seconds from 0 to {MOST}"),
            )),
        }
    }

    fn whole(&self, key: &str, range: std::ops::RangeInclusive<u32>) -> Result<u32, BadInput> {
        let text = self.text(key)?;
        match text.parse::<u32>() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(self.error(
                key,
                format!(
                    "{text:?} is not a whole number from {} to {}",
                    range.start(),
                    range.end()
                ),
            )),
        }
    }
}

/// Reads a trace against the names of a scenario.
///
/// # Errors
///
/// [`BadInput`] with the line and the column, for unknown columns and names, bad values, and times that go back.
pub fn parse(file: &str, text: &str, scenario: &Scenario) -> Result<Vec<TraceJob>, BadInput> {
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = text.lines().enumerate();
    let header = lines.next().map_or("", |(_, line)| line);
    let names: Vec<&str> = header.split(',').map(str::trim).collect();
    check_header(file, &names)?;
    let (mut users, mut guilds) = (FxHashMap::default(), FxHashMap::default());
    let mut jobs: Vec<TraceJob> = Vec::new();
    for (index, line) in lines {
        if line.trim().is_empty() {
            continue;
        }
        let row = Columns {
            file,
            line: index + 1,
            names: &names,
            fields: line.split(',').map(str::trim).collect(),
        };
        if row.fields.len() != names.len() {
            let message = format!(
                "the line has {} fields and the header {}",
                row.fields.len(),
                names.len()
            );
            let key = names.get(row.fields.len()).copied().unwrap_or("t_s");
            return Err(row.error(key, message));
        }
        let job = read(&row, scenario, &mut users, &mut guilds)?;
        if let Some(last) = jobs.last()
            && job.t_s < last.t_s
        {
            let message = format!(
                "is {}, before the {} of the job above: sort the trace by time",
                job.t_s, last.t_s
            );
            return Err(row.error("t_s", message));
        }
        jobs.push(job);
    }
    Ok(jobs)
}

fn check_header(file: &str, names: &[&str]) -> Result<(), BadInput> {
    let error = |key: &str, message: String| BadInput {
        file: file.into(),
        line: 1,
        key: key.into(),
        message,
    };
    if names == [""] {
        let required = REQUIRED.join(",");
        return Err(error(
            "t_s",
            format!("there is no header; it has at least {required}"),
        ));
    }
    for (at, name) in names.iter().enumerate() {
        if !REQUIRED.contains(name) && !OPTIONAL.contains(name) {
            let known = [REQUIRED.as_slice(), OPTIONAL.as_slice()]
                .concat()
                .join(",");
            return Err(error(
                name,
                format!("is no column of a trace; known are {known}"),
            ));
        }
        if names[..at].contains(name) {
            return Err(error(name, "is there twice".into()));
        }
    }
    match REQUIRED.iter().find(|name| !names.contains(name)) {
        Some(name) => Err(error(name, "is missing from the header".into())),
        None => Ok(()),
    }
}

fn read<'a>(
    row: &Columns<'a>,
    scenario: &Scenario,
    users: &mut FxHashMap<&'a str, u32>,
    guilds: &mut FxHashMap<&'a str, u32>,
) -> Result<TraceJob, BadInput> {
    let number = |names: &mut FxHashMap<&'a str, u32>, name: &'a str| {
        let next = u32::try_from(names.len()).unwrap_or(u32::MAX);
        *names.entry(name).or_insert(next)
    };
    let t_s = row
        .seconds("t_s")?
        .ok_or_else(|| row.error("t_s", "is empty"))?;
    let user = row.text("user")?;
    // A direct message has no guild: it counts as one of the member's own.
    let guild = row.get("guild").unwrap_or(user);
    let tier = row.text("tier")?;
    let model = row.text("model")?;
    let shape = Shape {
        width: row.whole("width", SIDE)?,
        height: row.whole("height", SIDE)?,
    };
    let model_key = scenario
        .model_key(model)
        .ok_or_else(|| row.error("model", format!("there is no model {model:?}")))?;
    if !(0..u16::MAX)
        .take(scenario.classes.len())
        .any(|at| scenario.has_times(ClassKey(at), model_key))
    {
        let message = format!("no class says in `step_s` how fast it runs {model:?}");
        return Err(row.error("model", message));
    }
    let (lane, only) = lane_or_class(row, scenario)?;
    let kind = row.get("kind").unwrap_or("imagine");
    if !KINDS.contains(&kind) {
        return Err(row.error("kind", format!("{kind:?} is none of {}", KINDS.join(", "))));
    }
    Ok(TraceJob {
        t_s,
        user: number(users, user),
        guild: number(guilds, guild),
        tier: scenario
            .tier_key(tier)
            .ok_or_else(|| row.error("tier", format!("there is no tier {tier:?}")))?,
        key: BatchKey {
            model: model_key,
            shape,
        },
        steps: row.whole("steps", 1..=u32::MAX)?,
        count: row.whole("count", 1..=MOST_PICTURES)?,
        region: match row.get("region") {
            None => None,
            Some(name) => {
                Some(scenario.region_key(name).ok_or_else(|| {
                    row.error("region", format!("no class is in region {name:?}"))
                })?)
            }
        },
        lane,
        only,
        deadline_s: row.seconds("deadline_s")?,
        poison: kind == "poison",
    })
}

/// `class` is a lane that was asked for, or the only kind of node that will do.
fn lane_or_class(
    row: &Columns<'_>,
    scenario: &Scenario,
) -> Result<(Option<ServiceClass>, Option<ClassKey>), BadInput> {
    let Some(name) = row.get("class") else {
        return Ok((None, None));
    };
    if let Some(lane) = ServiceClass::from_name(name) {
        return Ok((Some(lane), None));
    }
    match scenario.class_key(name) {
        Some(class) => Ok((None, Some(class))),
        None => Err(row.error(
            "class",
            format!("{name:?} is neither a lane nor a class of nodes"),
        )),
    }
}
