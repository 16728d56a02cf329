//! What the bench prints.

use serde::Serialize;
use tokio::time::Instant;

use super::takeover::Takeover;

/// Names of the hops, in order.
const NAMES: [&str; 5] = ["submit", "lane", "lease", "done", "end"];

/// Milliseconds of each hop of each job that was sent alone.
///
/// - `submit`: the submit transaction.
/// - `lane`: from its commit to the broker's confirm of the hint.
/// - `lease`: from there to the offer on the node, the lease row being committed in between.
/// - `done`: from there to the node's last report, its grant and upload being in between.
/// - `end`: from there to the answer that the job has ended.
#[derive(Debug, Default)]
pub(super) struct Hops([Vec<f64>; 5]);

impl Hops {
    /// Adds one job by its six moments.
    pub fn add(&mut self, moments: &[Instant; 6]) {
        for (hop, pair) in self.0.iter_mut().zip(moments.windows(2)) {
            hop.push(pair[1].saturating_duration_since(pair[0]).as_secs_f64() * 1000.0);
        }
    }
}

#[derive(Debug, Serialize)]
struct Percentiles {
    p50: f64,
    p99: f64,
}

/// The bench's result.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    jobs_per_s: f64,
    hops_ms: std::collections::BTreeMap<&'static str, Percentiles>,
    lost: i64,
    duplicated: i64,
    /// Seconds from the leader's death until its standby led.
    #[serde(skip_serializing_if = "Option::is_none")]
    takeover_s: Option<f64>,
    /// The most memory that the leader's process had, in bytes, where the system tells: without `--kill-leader` it is
    /// this process, nodes and members included.
    #[serde(skip_serializing_if = "Option::is_none")]
    leader_peak_rss_bytes: Option<u64>,
}

/// The most memory that a process has had, in bytes, or nothing where the system does not tell.
pub(super) fn peak_rss_bytes(process: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

impl Report {
    pub fn new(jobs_per_s: f64, hops: Hops, lost: i64, duplicated: i64) -> Self {
        let hops_ms = NAMES
            .into_iter()
            .zip(hops.0)
            .map(|(name, mut values)| {
                values.sort_by(f64::total_cmp);
                (
                    name,
                    Percentiles {
                        p50: percentile(&values, 50),
                        p99: percentile(&values, 99),
                    },
                )
            })
            .collect();
        Self {
            jobs_per_s,
            hops_ms,
            lost,
            duplicated,
            takeover_s: None,
            leader_peak_rss_bytes: peak_rss_bytes(std::process::id()),
        }
    }

    pub fn takeover(mut self, takeover: Option<Takeover>) -> Self {
        if let Some(takeover) = takeover {
            self.takeover_s = Some(takeover.took.as_secs_f64());
            self.leader_peak_rss_bytes = takeover.leader_peak_rss_bytes;
        }
        self
    }

    #[expect(clippy::print_stdout, reason = "the report is this command's result")]
    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        println!(
            "{:.0} jobs/s, {} lost, {} duplicated",
            self.jobs_per_s, self.lost, self.duplicated
        );
        if let Some(took) = self.takeover_s {
            println!("the standby led {took:.2} s after the leader was killed");
        }
        if let Some(bytes) = self.leader_peak_rss_bytes {
            println!("the leader's process had {} MiB at most", bytes >> 20);
        }
        for name in NAMES {
            if let Some(hop) = self.hops_ms.get(name) {
                println!("{name:>8}  p50 {:6.2} ms  p99 {:6.2} ms", hop.p50, hop.p99);
            }
        }
        Ok(())
    }
}

/// The nearest-rank percentile of sorted values; 0 of none.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_this_process_is_known_and_that_of_none_is_not() {
        let own = peak_rss_bytes(std::process::id());
        assert!(own.is_some_and(|bytes| bytes > 1 << 20), "{own:?}");
        assert_eq!(peak_rss_bytes(u32::MAX), None);
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(
            (
                percentile(&values, 50) as u32,
                percentile(&values, 99) as u32
            ),
            (100, 198)
        );
        assert_eq!(percentile(&[7.0], 99) as u32, 7);
        assert_eq!(percentile(&[], 50) as u32, 0);
    }
}
