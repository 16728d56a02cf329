//! Weights whose channels lie innermost, as on a GPU in half precision, make the same networks.

#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

use std::path::{Path, PathBuf};

use easel_diffusion::Checkpoint;
use easel_diffusion::controlnet::{ControlNet, ControlNetConfig};
use easel_diffusion::unet::{Extra, UNet};
use easel_diffusion::vae::Vae;
use easel_diffusion::weights::{Layout, Weights};
use tch::{Device, Kind, Tensor};

/// Largest difference, where the largest value is 1: kernels for another order add up in another order.
const NEAR: f64 = 1e-5;

const STEM: &str = "diffusion_pytorch_model";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn random(size: &[i64]) -> Tensor {
    Tensor::randn(size, (Kind::Float, Device::Cpu))
}

/// What `compute` gives with weights as stored, and with channels innermost.
#[track_caller]
fn compare(directory: &Path, compute: impl Fn(&Weights) -> Vec<Tensor>) {
    let [stored, innermost] = [Layout::AsStored, Layout::ChannelsInnermost].map(|layout| {
        let open = Weights::open_laid_out(directory, STEM, Kind::Float, Device::Cpu, layout);
        let weights = open.unwrap();
        let found = compute(&weights);
        let turned = |weight: &&Tensor| weight.dim() == 4 && weight.stride()[1] == 1;
        let tensors = weights.tensors();
        let wide = |weight: &&Tensor| weight.dim() == 4 && weight.size()[2] > 1;
        let (turned, wide) = (
            tensors.values().filter(turned).count(),
            tensors.values().filter(wide).count(),
        );
        assert_eq!(
            turned >= wide,
            layout == Layout::ChannelsInnermost,
            "{turned} of {wide}"
        );
        found
    });
    for (index, (one, other)) in stored.iter().zip(&innermost).enumerate() {
        let scale = one.abs().max().double_value(&[]).max(1.0);
        let off = (one - other).abs().max().double_value(&[]) / scale;
        let name = directory.display();
        assert!(off <= NEAR, "{name}, output {index}: differs by {off:e}");
    }
}

fn extra(checkpoint: &Checkpoint, rows: i64) -> Extra {
    let text_time = checkpoint.unet.addition_embed_type.is_some();
    Extra {
        pooled: text_time.then(|| random(&[rows, checkpoint.texts[1].config.projection_dim])),
        time_ids: text_time.then(|| random(&[rows, 6]) * 16.0),
        guidance: None,
    }
}

#[test]
fn networks_give_the_same_in_either_order() {
    for name in ["classic", "velocity", "sd1", "sdxl", "inpaint", "tiny-vae"] {
        let checkpoint = Checkpoint::open(&fixture(name)).unwrap();
        let (unet, vae) = (&checkpoint.unet, &checkpoint.vae);
        let features: i64 = checkpoint
            .texts
            .iter()
            .map(|text| text.config.hidden_size)
            .sum();
        let timesteps = Tensor::from_slice(&[981.0_f32, 500.5, 1.0]);
        let sample = random(&[3, unet.in_channels, 6, 7]);
        let (context, extra) = (random(&[3, 77, features]), extra(&checkpoint, 3));
        let control = fixture(&format!("{name}-control-1"));
        let residuals = ControlNetConfig::read(&control).ok().map(|config| {
            let picture = random(&[3, 3, 6 * vae.factor(), 7 * vae.factor()]);
            let ask = |weights: &Weights| {
                let network = ControlNet::load(weights, &config).unwrap();
                let scales = Tensor::from_slice(&network.scales(0.8, false)).unsqueeze(0);
                let scales = scales.expand([3, -1], false);
                let hint = network.embed(&picture);
                network.forward(&sample, &hint, &timesteps, &context, &extra, &scales)
            };
            compare(&control, |weights| {
                let found = ask(weights);
                found.skips.into_iter().chain([found.middle]).collect()
            });
            ask(&ControlNet::open(&control, Kind::Float, Device::Cpu).unwrap())
        });
        compare(&fixture(name).join("unet"), |weights| {
            let network = UNet::load(weights, unet).unwrap();
            let residuals = residuals.as_ref();
            let (whole, deep) =
                network.forward_keeping(&sample, &timesteps, &context, &extra, residuals);
            let deep = deep.unwrap();
            let shallow = network.forward_shallow(&sample, &timesteps, &context, &extra, &deep);
            vec![whole, deep, shallow]
        });
        let picture = random(&[1, 3, 8 * vae.factor(), 12 * vae.factor()]);
        let latents = random(&[1, vae.latent_channels(), 8, 12]);
        compare(&fixture(name).join("vae"), |weights| {
            let network = Vae::load(weights, vae).unwrap();
            vec![
                network.encode(&picture).mean,
                network.decode(&latents, false),
            ]
        });
    }
}
