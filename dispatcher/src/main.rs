//! `easel-dispatcher`: moves jobs through their states and leases them to nodes.

use std::process::ExitCode;

fn main() -> ExitCode {
    easel_dispatcher::main()
}
