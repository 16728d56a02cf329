//! Latent diffusion pipelines on libtorch.
#[cfg(test)]
mod tests {
    #[test]
    fn rpath() {
        let t = tch::Tensor::randn([2, 2], (tch::Kind::Float, tch::Device::Cpu));
        println!("{t:?}");
    }
}
