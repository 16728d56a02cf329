//! Latent diffusion pipelines on libtorch.
