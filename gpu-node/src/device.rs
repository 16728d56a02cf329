//! Options that say where and how to compute, shared by the commands.

use easel_diffusion::{Device, LoadError, LoadOptions, Precision, TaskError};

use crate::cli::CommandError;

/// Where and how to compute.
#[derive(Debug, clap::Args)]
pub struct DeviceArgs {
    /// Type of the weights: f32, bf16 or f16
    #[arg(long, default_value = "f32")]
    dtype: Precision,
    /// cpu or cuda:N
    #[arg(long, default_value = "cpu")]
    device: Device,
    /// Single-thread workers that share the work on a CPU; by default one for each core
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    threads: Option<u16>,
}

impl DeviceArgs {
    /// The same for the pipeline.
    pub fn load_options(&self) -> Result<LoadOptions, CommandError> {
        if !self.device.is_available() {
            return Err(CommandError::Bad(format!(
                "--device: this libtorch has no device {}",
                self.device
            )));
        }
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = self.threads.map_or_else(cores, usize::from);
        Ok(LoadOptions {
            device: self.device,
            precision: self.dtype,
            workers,
            ..LoadOptions::default()
        })
    }
}

/// A checkpoint that cannot be loaded is bad input.
pub fn bad_checkpoint(error: &LoadError) -> CommandError {
    CommandError::Bad(error.to_string())
}

/// Whether a task failed because of what was asked or because of the machine.
pub fn task_error(error: TaskError) -> CommandError {
    match error {
        TaskError::Bad { .. } => CommandError::Bad(error.to_string()),
        TaskError::Torch(_) => CommandError::Failed(error.into()),
    }
}
