//! Scenarios.

use toml::de::DeTable;

use super::reader::{Source, Table};
use super::{Arrivals, BadInput, Fault, FaultKind, FaultTarget, Model, Rhythm, Scenario, rules};
use crate::job::{BatchKey, ClassKey, ModelKey, Shape, TierKey};

/// How long a fault lasts where nobody says: the worst that a takeover may take.
const DEFAULT_FAULT_S: f64 = 5.0;
/// How long nodes are away after a fault, where nobody says.
const DEFAULT_OUTAGE_S: f64 = 300.0;
/// How much busier a day's noon is than its midnight, where nobody says.
const DEFAULT_SWING: f64 = 4.0;
/// Most nodes of a scenario.
const MOST_NODES: u64 = 100_000;
/// Most members that ask for something, and most guilds.
const MOST_MEMBERS: u64 = 4_000_000;
/// Most jobs of a scenario, as it draws them.
const MOST_JOBS: f64 = 2e7;

/// Reads a scenario.
///
/// # Errors
///
/// [`BadInput`] with the line and the key, for unknown keys and names, wrong types and impossible values.
pub fn parse(file: &str, text: &str) -> Result<Scenario, BadInput> {
    let source = Source { file, text };
    let document = source.document()?;
    let entries: &DeTable<'_> = document.get_ref();
    let top = Table::new(source, "", 0, entries);
    let mut scenario = Scenario {
        duration_s: 0.0,
        seed: 0,
        classes: Vec::new(),
        models: Vec::new(),
        tiers: Vec::new(),
        arrivals: Vec::new(),
        faults: Vec::new(),
        regions: Vec::new(),
    };
    // The names of the lists, before anything else: a mistyped one is more telling than what is missing for it.
    let (classes, models) = (top.tables("class")?, top.tables("model")?);
    let (tiers, arrivals) = (top.tables("tier")?, top.tables("arrivals")?);
    let faults = top.tables("fault")?;
    let duration = top.positive("duration_s")?;
    let seed = top.number("seed")?;
    top.finish()?;
    scenario.duration_s = duration.ok_or_else(|| top.missing("duration_s"))?;
    scenario.seed = match seed {
        None => 0,
        Some(seed) if seed.fract() == 0.0 && (0.0..9e15).contains(&seed) => seed as u64,
        Some(_) => return Err(top.error("seed", "must be a whole number of 0 or more")),
    };
    for table in &models {
        let model = model(table, &scenario)?;
        scenario.models.push(model);
    }
    for table in &classes {
        rules::class(table, &mut scenario)?;
    }
    for table in &tiers {
        rules::tier(table, &mut scenario)?;
    }
    check(&top, &scenario, &tiers)?;
    for table in &arrivals {
        let arrivals = arrival(table, &scenario)?;
        scenario.arrivals.push(arrivals);
        check_amount(table, &scenario)?;
    }
    for table in &faults {
        let fault = fault(table, &scenario)?;
        scenario.faults.push(fault);
    }
    Ok(scenario)
}

/// What concerns several entries at once.
fn check(
    top: &Table<'_, '_>,
    scenario: &Scenario,
    tiers: &[Table<'_, '_>],
) -> Result<(), BadInput> {
    let lists = [
        ("class", scenario.classes.len()),
        ("model", scenario.models.len()),
        ("tier", scenario.tiers.len()),
    ];
    for (key, length) in lists {
        if length == 0 {
            let message = format!("is missing: write at least one [[{key}]]");
            return Err(top.error(key, message));
        }
    }
    let nodes: u64 = scenario
        .classes
        .iter()
        .map(|class| u64::from(class.count))
        .sum();
    if nodes > MOST_NODES {
        let message = format!("has {nodes} nodes in all: use {MOST_NODES} at most");
        return Err(top.error("class", message));
    }
    let reserved: f64 = scenario.tiers.iter().map(|tier| tier.reserved).sum();
    if reserved > 1.0 + 1e-9 {
        let message = format!("the tiers reserve {reserved} of the fleet in all: use 1 at most");
        let last = tiers
            .iter()
            .rev()
            .find(|tier| tier.get("reserved").is_some());
        return Err(match last {
            Some(tier) => tier.error("reserved", message),
            None => top.error("tier", message),
        });
    }
    Ok(())
}

fn model(table: &Table<'_, '_>, scenario: &Scenario) -> Result<Model, BadInput> {
    let name = table.text("name")?;
    let memory = table.amount("memory_gib")?;
    table.finish()?;
    let name = name.ok_or_else(|| table.missing("name"))?;
    if name.is_empty() || scenario.models.iter().any(|other| other.name == name) {
        return Err(table.error("name", "must be given, and only once"));
    }
    Ok(Model {
        name: name.into(),
        memory_gib: memory.ok_or_else(|| table.missing("memory_gib"))?,
    })
}

impl Scenario {
    /// The model of a name.
    pub fn model_key(&self, name: &str) -> Option<ModelKey> {
        let at = self.models.iter().position(|model| model.name == name)?;
        u32::try_from(at).ok().map(ModelKey)
    }

    /// The tier of a name.
    pub fn tier_key(&self, name: &str) -> Option<TierKey> {
        let at = self.tiers.iter().position(|tier| tier.name == name)?;
        u16::try_from(at).ok().map(TierKey)
    }

    /// The kind of node of a name.
    pub fn class_key(&self, name: &str) -> Option<ClassKey> {
        let at = self.classes.iter().position(|class| class.name == name)?;
        u16::try_from(at).ok().map(ClassKey)
    }

    /// The region of a name.
    pub fn region_key(&self, name: &str) -> Option<u16> {
        let at = self.regions.iter().position(|region| region == name)?;
        u16::try_from(at).ok()
    }
}

fn arrival(table: &Table<'_, '_>, scenario: &Scenario) -> Result<Arrivals, BadInput> {
    let kind = table.text("kind")?;
    let tier = table.text("tier")?;
    let rate = table.amount("rate_per_s")?;
    let users = table.whole("users", 1)?;
    let guilds = table.whole("guilds", 1)?;
    let model = table.text("model")?;
    let width = table.whole("width", 8)?;
    let height = table.whole("height", 8)?;
    let steps = table.whole("steps", 1)?;
    let count = table.whole("count", 1)?;
    let from = table.amount("from_s")?.unwrap_or(0.0);
    let to = table.amount("to_s")?.unwrap_or(scenario.duration_s);
    let factor = table.positive("factor")?;
    let region = table.text("region")?;
    table.finish()?;
    let rhythm = match kind.ok_or_else(|| table.missing("kind"))? {
        "poisson" => Rhythm::Poisson,
        "burst" => Rhythm::Burst,
        "diurnal" => Rhythm::Diurnal,
        other => {
            return Err(table.error(
                "kind",
                format!("{other:?} is none of poisson, burst, diurnal"),
            ));
        }
    };
    let tier = tier.ok_or_else(|| table.missing("tier"))?;
    let model_key = model_of(table, model, scenario)?;
    if to < from {
        return Err(table.error("to_s", format!("is {to}, before `from_s`, {from}")));
    }
    let shape = Shape {
        width: width.ok_or_else(|| table.missing("width"))?,
        height: height.ok_or_else(|| table.missing("height"))?,
    };
    Ok(Arrivals {
        rhythm,
        tier: scenario
            .tier_key(tier)
            .ok_or_else(|| table.error("tier", format!("there is no tier {tier:?}")))?,
        rate_per_s: rate.ok_or_else(|| table.missing("rate_per_s"))?,
        users: users.unwrap_or(1),
        guilds: guilds.unwrap_or(1),
        key: BatchKey {
            model: model_key,
            shape,
        },
        steps: steps.ok_or_else(|| table.missing("steps"))?,
        count: count.unwrap_or(1),
        from_s: from,
        to_s: to.min(scenario.duration_s),
        factor: factor.unwrap_or(if rhythm == Rhythm::Diurnal {
            DEFAULT_SWING
        } else {
            1.0
        }),
        region: region
            .map(|name| region_of(table, name, scenario))
            .transpose()?,
    })
}

/// Refuses what would be too much to draw, with all that was asked for before.
fn check_amount(table: &Table<'_, '_>, scenario: &Scenario) -> Result<(), BadInput> {
    let jobs: f64 = scenario.arrivals.iter().map(most_jobs).sum();
    if jobs > MOST_JOBS {
        let message =
            format!("with those above, {jobs:.0} jobs are asked for: use {MOST_JOBS} at most");
        return Err(table.error("rate_per_s", message));
    }
    let total = |of: fn(&Arrivals) -> u32| -> u64 {
        scenario.arrivals.iter().map(|a| u64::from(of(a))).sum()
    };
    for (key, total) in [
        ("users", total(|a| a.users)),
        ("guilds", total(|a| a.guilds)),
    ] {
        if total > MOST_MEMBERS {
            let message = format!("is {total} with those above: use {MOST_MEMBERS} at most");
            return Err(table.error(key, message));
        }
    }
    Ok(())
}

/// Jobs that arrivals come to.
fn most_jobs(arrivals: &Arrivals) -> f64 {
    let length_s = arrivals.to_s - arrivals.from_s;
    // A burst runs at its plain rate outside its bounds, for no longer than the scenario lasts.
    let factor = if arrivals.rhythm == Rhythm::Burst {
        arrivals.factor
    } else {
        1.0
    };
    arrivals.rate_per_s * length_s * factor
}

fn model_of(
    table: &Table<'_, '_>,
    name: Option<&str>,
    scenario: &Scenario,
) -> Result<ModelKey, BadInput> {
    let name = name.ok_or_else(|| table.missing("model"))?;
    let key = scenario
        .model_key(name)
        .ok_or_else(|| table.error("model", format!("there is no model {name:?}")))?;
    let classes = u16::try_from(scenario.classes.len()).unwrap_or(u16::MAX);
    if !(0..classes).any(|class| scenario.has_times(ClassKey(class), key)) {
        let message = format!("no class says in `step_s` how fast it runs {name:?}");
        return Err(table.error("model", message));
    }
    Ok(key)
}

fn region_of(table: &Table<'_, '_>, name: &str, scenario: &Scenario) -> Result<u16, BadInput> {
    scenario
        .region_key(name)
        .ok_or_else(|| table.error("region", format!("no class is in region {name:?}")))
}

fn fault(table: &Table<'_, '_>, scenario: &Scenario) -> Result<Fault, BadInput> {
    let t_s = table.amount("t_s")?;
    let kind = table.text("kind")?;
    let target = table.text("target")?;
    let for_s = table.amount("for_s")?;
    table.finish()?;
    let kind = match kind.ok_or_else(|| table.missing("kind"))? {
        "node" => FaultKind::Node,
        "region" => FaultKind::Region,
        "broker" => FaultKind::Broker,
        "leader" => FaultKind::Leader,
        "spot" => FaultKind::Spot,
        other => {
            let message = format!("{other:?} is none of node, region, broker, leader, spot");
            return Err(table.error("kind", message));
        }
    };
    let default = match kind {
        FaultKind::Broker | FaultKind::Leader => DEFAULT_FAULT_S,
        FaultKind::Node | FaultKind::Region | FaultKind::Spot => DEFAULT_OUTAGE_S,
    };
    Ok(Fault {
        t_s: t_s.ok_or_else(|| table.missing("t_s"))?,
        kind,
        target: fault_target(kind, target.filter(|name| !name.is_empty()), scenario)
            .map_err(|message| table.error("target", message))?,
        for_s: for_s.unwrap_or(default),
    })
}

fn fault_target(
    kind: FaultKind,
    target: Option<&str>,
    scenario: &Scenario,
) -> Result<FaultTarget, String> {
    let class_or_node = |name: &str| {
        if let Some(class) = scenario.class_key(name) {
            return Some((class, None));
        }
        // A node is its class and a number, however the two are joined.
        let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (head, number) = name.split_at(name.len() - digits);
        let class =
            scenario.class_key(head.trim_end_matches(['-', '/', ':', '#', '.', '_', ' ']))?;
        let number: u32 = number.parse().ok()?;
        (number <= scenario.classes[class.0 as usize].count).then_some((class, Some(number)))
    };
    match (kind, target) {
        (FaultKind::Broker | FaultKind::Leader, _) | (FaultKind::Spot, None) => {
            Ok(FaultTarget::None)
        }
        (FaultKind::Node, None) => Ok(FaultTarget::Node(ClassKey(0), 0)),
        (FaultKind::Region, None) => Err("is missing: name the region".into()),
        (FaultKind::Region, Some(name)) => scenario
            .region_key(name)
            .map(FaultTarget::Region)
            .ok_or_else(|| format!("no class is in region {name:?}")),
        (FaultKind::Node | FaultKind::Spot, Some(name)) => match class_or_node(name) {
            Some((class, Some(number))) => Ok(FaultTarget::Node(class, number)),
            Some((class, None)) if kind == FaultKind::Spot => Ok(FaultTarget::Class(class)),
            Some((class, None)) => Ok(FaultTarget::Node(class, 0)),
            None => Err(format!(
                "there is no class or node {name:?}: use CLASS or CLASS-NUMBER"
            )),
        },
    }
}
