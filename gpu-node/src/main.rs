//! The node's process: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    easel_gpu_node::threads::settle();
    easel_gpu_node::cli::main()
}
