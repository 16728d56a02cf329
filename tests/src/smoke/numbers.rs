//! Medians, percentiles and memory.

use serde_json::{Value, json};
use time::OffsetDateTime;

/// Milliseconds from one moment to another.
pub(super) fn ms_between(from: OffsetDateTime, to: OffsetDateTime) -> f64 {
    ((to - from).as_seconds_f64() * 10_000.0).round() / 10.0
}

/// The value below which `share` of the values lie (nearest rank), or null of none.
pub(super) fn percentile(values: &[f64], share: f64) -> Value {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .map_or(Value::Null, |value| json!(value))
}

/// Median and 99th percentile.
pub(super) fn spread(values: &[f64]) -> Value {
    json!({"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)})
}

/// Resident memory of a process in bytes.
fn resident_bytes(pid: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Resident memory of each process, given as `NAME=PID`.
pub(super) fn memory(processes: &[String]) -> Value {
    let known = processes.iter().filter_map(|process| {
        let (name, pid) = process.split_once('=')?;
        Some((name.to_owned(), json!(resident_bytes(pid)?)))
    });
    Value::Object(known.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), json!(100.0));
        assert_eq!(percentile(&values, 0.99), json!(198.0));
        assert_eq!(percentile(&[7.0], 0.99), json!(7.0));
        assert_eq!(percentile(&[], 0.5), Value::Null);
    }
}
