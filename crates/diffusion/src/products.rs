//! Which of libtorch's two libraries multiplies matrices.
//!
//! libtorch asks MKL for every product in fp32, and MKL computes with half the width of the registers on processors that are
//! not Intel's: on an AMD EPYC with AVX-512 its products run at 80 to 100 GFLOP/s a core where oneDNN's run at 140 to 230. There
//! linear layers go to oneDNN, as convolutions do anyhow. Which way a product goes depends on the processor and on its
//! sizes alone, so that equal runs stay equal.

use std::sync::OnceLock;

use tch::{Device, Kind, Tensor};

/// Products with fewer rows are small enough for the cost of a call to count.
const FEWEST_ROWS: i64 = 32;

/// Products of fewer multiplications likewise.
const FEWEST_MULTIPLICATIONS: i64 = 4 << 20;

/// How a product is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As libtorch does it.
    Usual,
    /// As a convolution of one row of pixels: reads the inputs in place, and orders the weights anew.
    Convolution,
    /// As oneDNN's inner product: reads the weights in place, and copies inputs and outputs.
    InnerProduct,
}

impl Way {
    /// For `rows` times `inputs` numbers, to `rows` times `outputs`.
    fn of(rows: i64, inputs: i64, outputs: i64) -> Self {
        if rows < FEWEST_ROWS || rows * inputs * outputs < FEWEST_MULTIPLICATIONS {
            Self::Usual
        } else if rows * (inputs + outputs) >= inputs * outputs {
            Self::Convolution
        } else {
            Self::InnerProduct
        }
    }
}

/// Whether MKL leaves half of this processor's registers idle, and this libtorch has oneDNN.
fn is_better_elsewhere() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| has_wide_foreign_registers() && has_other_library())
}

#[cfg(target_arch = "x86_64")]
fn has_wide_foreign_registers() -> bool {
    let maker = std::arch::x86_64::__cpuid(0);
    // "GenuineIntel", as its three parts are ordered.
    let intel =
        [maker.ebx, maker.edx, maker.ecx].map(u32::to_le_bytes) == [*b"Genu", *b"ineI", *b"ntel"];
    !intel && std::arch::is_x86_feature_detected!("avx512f")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_wide_foreign_registers() -> bool {
    false
}

fn has_other_library() -> bool {
    let one = Tensor::ones([1, 1, 1, 1], (Kind::Float, Device::Cpu));
    one.f_mkldnn_convolution(&one, None::<&Tensor>, [0, 0], [1, 1], [1, 1], 1)
        .is_ok()
}

fn is_plain(x: &Tensor) -> bool {
    x.kind() == Kind::Float && x.device() == Device::Cpu
}

/// `x W^T + b`: `x` is `[..., inputs]`, `weight` `[outputs, inputs]`, the result `[..., outputs]`.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
    let mut size = x.size();
    let (outputs, inputs) = weight
        .size2()
        .expect("weights of linear layers are matrices");
    let rows = x.numel() as i64 / inputs.max(1);
    let way = if is_plain(x) && is_better_elsewhere() {
        Way::of(rows, inputs, outputs)
    } else {
        Way::Usual
    };
    let product = match way {
        Way::Usual => return x.linear(weight, bias),
        Way::Convolution => {
            // A picture of one column whose channels lie innermost.
            let pixels = x.reshape([1, rows, 1, inputs]).permute([0, 3, 1, 2]);
            let kernel = weight.reshape([outputs, inputs, 1, 1]);
            pixels
                .mkldnn_convolution(&kernel, bias, [0, 0], [1, 1], [1, 1], 1)
                .permute([0, 2, 3, 1])
        }
        Way::InnerProduct => x
            .reshape([rows, inputs])
            .to_mkldnn()
            .mkldnn_linear(weight, bias)
            .to_dense(None::<Kind>, false),
    };
    if let Some(last) = size.last_mut() {
        *last = outputs;
    }
    product.reshape(size)
}

/// A convolution of kernel 1: `x` is `[batch, inputs, height, width]`, `weight` `[outputs, inputs, 1, 1]`.
pub fn pointwise(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
    let size = weight.size();
    let places = x.numel() as i64 / size[1].max(1);
    let small = Way::of(places, size[1], size[0]) == Way::Usual;
    // With one thread libtorch leaves these, of all convolutions, to MKL.
    if small || !is_plain(x) || !is_better_elsewhere() {
        return x.conv2d(weight, bias, [1, 1], [0, 0], [1, 1], 1);
    }
    x.mkldnn_convolution(weight, bias, [0, 0], [1, 1], [1, 1], 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(size: &[i64]) -> Tensor {
        Tensor::randn(size, (Kind::Float, Device::Cpu))
    }

    fn apart(found: &Tensor, wanted: &Tensor) -> f64 {
        assert_eq!(found.size(), wanted.size());
        (found - wanted).abs().max().double_value(&[]) / wanted.abs().max().double_value(&[])
    }

    #[test]
    fn every_way_of_multiplying_gives_the_same_product() {
        let sizes = [
            (vec![2, 8, 64], 96, Way::Usual),
            (vec![2, 300, 128], 96, Way::Convolution),
            (vec![700, 128], 130, Way::Convolution),
            (vec![2, 40, 320], 640, Way::InnerProduct),
        ];
        for (size, outputs, way) in sizes {
            let inputs = size[size.len() - 1];
            let rows = size.iter().product::<i64>() / inputs;
            assert_eq!(Way::of(rows, inputs, outputs), way);
            let (x, weight) = (random(&size), random(&[outputs, inputs]));
            let bias = random(&[outputs]);
            for bias in [None, Some(&bias)] {
                let off = apart(&linear(&x, &weight, bias), &x.linear(&weight, bias));
                assert!(off < 1e-5, "{size:?} to {outputs}: {off:e}");
            }
            // As after a permutation: not one row behind the other.
            let turned = x.transpose(-2, -1).contiguous().transpose(-2, -1);
            let off = apart(
                &linear(&turned, &weight, None),
                &x.linear(&weight, None::<&Tensor>),
            );
            assert!(off < 1e-5, "{size:?} to {outputs}, turned: {off:e}");
        }
    }

    #[test]
    fn pixels_are_mixed_alike_by_both_libraries() {
        for (channels, side) in [(8, 4), (128, 20)] {
            let x = random(&[2, channels, side, side]);
            let (weight, bias) = (random(&[96, channels, 1, 1]), random(&[96]));
            let wanted = x.conv2d(&weight, Some(&bias), [1, 1], [0, 0], [1, 1], 1);
            let off = apart(&pointwise(&x, &weight, Some(&bias)), &wanted);
            assert!(off < 1e-5, "{channels} channels: {off:e}");
        }
    }
}
