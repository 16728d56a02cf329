//! Kinds of nodes, and tiers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use easel_domain::tier::ServiceClass;

use super::reader::Table;
use super::{BadInput, Class, Scenario};
use crate::job::{BatchKey, ClassKey, ModelKey, Shape};
use crate::tier::TierRule;

/// A job that has waited so long goes first, where nobody says.
const DEFAULT_AGING_S: f64 = 300.0;
const DEFAULT_REGION: &str = "local";
/// What a batch may do against one picture.
const GAINS: RangeInclusive<f64> = 0.001..=100_000.0;

impl Scenario {
    /// Whether a class says how fast it runs a model.
    pub(super) fn has_times(&self, class: ClassKey, model: ModelKey) -> bool {
        self.classes
            .get(class.0 as usize)
            .is_some_and(|class| class.step_s.keys().any(|key| key.model == model))
    }

    fn region(&mut self, name: &str) -> u16 {
        if let Some(key) = self.region_key(name) {
            return key;
        }
        self.regions.push(name.into());
        u16::try_from(self.regions.len() - 1).unwrap_or(u16::MAX)
    }
}

pub(super) fn class(table: &Table<'_, '_>, scenario: &mut Scenario) -> Result<(), BadInput> {
    let name = table.text("name")?;
    let count = table.whole("count", 0)?;
    let memory = table.positive("memory_gib")?;
    let region = table.text("region")?.unwrap_or(DEFAULT_REGION);
    let load_s = load_times(table, scenario)?;
    let step_s = step_times(table, scenario)?;
    let gains = table.numbers("batch_gain")?;
    let relative_cost = table.positive("relative_cost")?.unwrap_or(1.0);
    let spot = table.flag("spot")?.unwrap_or(false);
    let fail = table.amount("fail_per_hour")?.unwrap_or(0.0);
    let hang = table.amount("hang_per_hour")?.unwrap_or(0.0);
    table.finish()?;
    let name = name.ok_or_else(|| table.missing("name"))?;
    if name.is_empty() || scenario.class_key(name).is_some() {
        return Err(table.error("name", "must be given, and only once"));
    }
    let gains = gains.unwrap_or_else(|| vec![1.0]);
    check_gains(&gains).map_err(|message| table.error("batch_gain", message))?;
    let region = scenario.region(region);
    scenario.classes.push(Class {
        name: name.into(),
        count: count.ok_or_else(|| table.missing("count"))?,
        memory_gib: memory.ok_or_else(|| table.missing("memory_gib"))?,
        region,
        load_s,
        step_s,
        batch_gain: gains,
        relative_cost,
        spot,
        fail_per_hour: fail,
        hang_per_hour: hang,
    });
    Ok(())
}

fn check_gains(gains: &[f64]) -> Result<(), String> {
    if gains.is_empty() || gains.len() > 1024 {
        return Err(
            "needs 1 to 1024 numbers: what a batch of 1, 2, … does against one picture".into(),
        );
    }
    match gains.iter().find(|gain| !GAINS.contains(*gain)) {
        Some(gain) => Err(format!(
            "has {gain}: each must be from {} to {}",
            GAINS.start(),
            GAINS.end()
        )),
        None => Ok(()),
    }
}

fn load_times(
    table: &Table<'_, '_>,
    scenario: &Scenario,
) -> Result<BTreeMap<ModelKey, f64>, BadInput> {
    let mut times = BTreeMap::new();
    for (name, at, seconds) in table.map("load_s")? {
        let error = |message: String| table.error_at(at, "load_s", name, message);
        let model = scenario
            .model_key(name)
            .ok_or_else(|| error(format!("there is no model {name:?}")))?;
        if seconds < 0.0 {
            return Err(error(format!(
                "is {seconds}: a load takes 0 seconds or more"
            )));
        }
        times.insert(model, seconds);
    }
    Ok(times)
}

fn step_times(
    table: &Table<'_, '_>,
    scenario: &Scenario,
) -> Result<BTreeMap<BatchKey, f64>, BadInput> {
    let mut times = BTreeMap::new();
    for (name, at, seconds) in table.map("step_s")? {
        let error = |message: String| table.error_at(at, "step_s", name, message);
        let wanted = || error("must be named MODEL@WIDTHxHEIGHT, such as \"sd15@512x512\"".into());
        let (model, shape) = name.rsplit_once('@').ok_or_else(wanted)?;
        let (width, height) = shape.split_once('x').ok_or_else(wanted)?;
        let side = |text: &str| text.parse::<u32>().ok().filter(|side| *side >= 8);
        let shape = Shape {
            width: side(width).ok_or_else(wanted)?,
            height: side(height).ok_or_else(wanted)?,
        };
        let model = scenario
            .model_key(model)
            .ok_or_else(|| error(format!("there is no model {model:?}")))?;
        if seconds <= 0.0 {
            return Err(error(format!(
                "is {seconds}: a step takes more than 0 seconds"
            )));
        }
        times.insert(BatchKey { model, shape }, seconds);
    }
    Ok(times)
}

pub(super) fn tier(table: &Table<'_, '_>, scenario: &mut Scenario) -> Result<(), BadInput> {
    let name = table.text("name")?;
    let class = table.text("service_class")?;
    let weight = table.positive("weight")?.unwrap_or(1.0);
    let running = table.whole("running", 1)?;
    let waiting = table.whole("waiting", 0)?;
    let aging_s = table.positive("aging_s")?.unwrap_or(DEFAULT_AGING_S);
    let shed_s = table.positive("shed_s")?;
    let slo_factor = table.positive("slo_factor")?;
    let slo_s = table.positive("slo_s")?;
    let reserved = table.amount("reserved")?.unwrap_or(0.0);
    table.finish()?;
    let name = name.ok_or_else(|| table.missing("name"))?;
    if name.is_empty() || scenario.tier_key(name).is_some() {
        return Err(table.error("name", "must be given, and only once"));
    }
    let class = class.ok_or_else(|| table.missing("service_class"))?;
    let class = ServiceClass::from_name(class).ok_or_else(|| {
        let message = format!("{class:?} is none of turbo, fast, standard, relax");
        table.error("service_class", message)
    })?;
    if reserved > 1.0 {
        let message = format!("is {reserved}: it is a share of the fleet, use 0 to 1");
        return Err(table.error("reserved", message));
    }
    scenario.tiers.push(TierRule {
        name: name.into(),
        class,
        weight,
        running: running.unwrap_or(u32::MAX),
        waiting: waiting.unwrap_or(u32::MAX),
        aging_s,
        shed_s,
        slo_factor,
        slo_s,
        reserved,
    });
    Ok(())
}
