//! How OpenMP threads wait, and what the allocator keeps.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// What libgomp has to be told: by default its threads spin, and on shared cores that costs ten times the work itself. And
/// glibc: by default it gives the memory of a step back and takes it again for the next, page by page, which is up to a
/// twentieth of a small network's time.
const SETTINGS: [(&str, &str); 4] = [
    ("OMP_WAIT_POLICY", "passive"),
    ("GOMP_SPINCOUNT", "0"),
    ("MALLOC_MMAP_THRESHOLD_", "33554432"),
    ("MALLOC_TRIM_THRESHOLD_", "134217728"),
];

/// Both read their settings before `main`, so a process that was started without them starts itself again, once.
/// Settings that are already there are left alone.
pub fn settle() {
    if SETTINGS
        .iter()
        .all(|(name, _)| std::env::var_os(name).is_some())
    {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let missing = SETTINGS
        .iter()
        .filter(|(name, _)| std::env::var_os(name).is_none());
    // Replaces this process; comes back only if that fails, and then we go on, only slower.
    let _ = Command::new(program)
        .args(std::env::args_os().skip(1))
        .envs(missing.copied())
        .exec();
}
