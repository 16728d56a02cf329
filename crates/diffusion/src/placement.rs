//! How tensors come to lie in a device's memory.
//!
//! Kernels that multiply half floats in a GPU's tiles read convolutions' channels innermost: weights in another order are
//! turned in every call. Feature maps between them follow where nothing turns them back; libtorch's group normalisation on
//! CUDA does. What is copied to a GPU from memory that the system cannot move needs no waiting: the host goes on launching.
//!
//! None of it has been measured: there was no GPU.

use tch::{Device, Kind, Tensor};

/// In which order the numbers of weights of convolutions lie. Their values and shapes are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As in files: output channels, input channels, rows, columns.
    AsStored,
    /// Input channels innermost ("NHWC").
    ChannelsInnermost,
}

impl Layout {
    /// The order for computing in that precision on that device. On a CPU it does not pay (the crate's page has figures),
    /// and single precision has no such tiles.
    pub fn of(kind: Kind, device: Device) -> Self {
        match (device, kind) {
            (Device::Cuda(_), Kind::Half | Kind::BFloat16) => Self::ChannelsInnermost,
            _ => Self::AsStored,
        }
    }

    /// A weight in this order; only those of convolutions have one.
    pub(crate) fn applied(self, weight: Tensor) -> Tensor {
        match self {
            Self::ChannelsInnermost if weight.dim() == 4 => channels_innermost(&weight),
            Self::ChannelsInnermost | Self::AsStored => weight,
        }
    }
}

/// The same values in the same shape, `[a, channels, b, c]`, with the channels next to each other in memory.
fn channels_innermost(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// Whether a feature map, `[batch, channels, height, width]`, has its channels next to each other in memory.
pub(crate) fn is_channels_innermost(x: &Tensor) -> bool {
    let (size, stride) = (x.size(), x.stride());
    size.len() == 4 && size[1] > 1 && stride[1] == 1 && (size[2] > 1 || size[3] > 1)
}

/// A tensor of the host's on a device. To a GPU it goes from pinned memory and nobody waits: whatever is launched on the
/// same stream later finds it there, and libtorch keeps the pinned memory until the copy has been made. What is on the device
/// already stays as it is.
///
/// Weights do not come this way: pinned memory is kept for later, and gigabytes of it would be.
pub(crate) fn carried(x: &Tensor, device: Device) -> Tensor {
    match (x.device(), device) {
        (Device::Cpu, Device::Cuda(_)) => x
            .pin_memory(device)
            .internal_to_copy((x.kind(), device), true),
        _ => x.to_device(device),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(size: &[i64]) -> Tensor {
        let count = size.iter().product::<i64>();
        Tensor::arange(count, (Kind::Float, Device::Cpu)).view(size)
    }

    #[test]
    fn only_half_precision_on_a_gpu_has_channels_innermost() {
        for kind in [Kind::Float, Kind::Half, Kind::BFloat16] {
            assert_eq!(Layout::of(kind, Device::Cpu), Layout::AsStored);
            let on_card = Layout::of(kind, Device::Cuda(0));
            assert_eq!(on_card == Layout::AsStored, kind == Kind::Float);
        }
    }

    #[test]
    fn another_order_changes_neither_values_nor_shape() {
        let weight = numbers(&[3, 5, 2, 4]);
        let turned = Layout::ChannelsInnermost.applied(weight.shallow_clone());
        assert_eq!(turned.stride(), [40, 1, 20, 5]);
        assert!(is_channels_innermost(&turned) && !is_channels_innermost(&weight));
        assert_eq!(turned, weight);
        // In place, as adapters change weights.
        turned.shallow_clone().copy_(&(&weight * 2.0));
        assert!(is_channels_innermost(&turned));
        assert_eq!(turned, &weight * 2.0);
        let matrix = numbers(&[4, 6]);
        let same = Layout::ChannelsInnermost.applied(matrix.shallow_clone());
        assert_eq!(
            (same.stride(), same.data_ptr()),
            (matrix.stride(), matrix.data_ptr())
        );
    }

    #[test]
    fn what_is_there_already_is_not_copied() {
        let x = numbers(&[7]);
        assert_eq!(carried(&x, Device::Cpu).data_ptr(), x.data_ptr());
    }

    #[test]
    #[ignore = "needs a CUDA device"]
    fn a_card_gets_what_the_host_had() {
        let card = Device::Cuda(0);
        for round in 0..100 {
            // The host's copy is gone before the card's is read.
            let there = carried(&(numbers(&[1 << 20]) + f64::from(round)), card);
            assert_eq!(there.device(), card);
            let back = there.to_device(Device::Cpu);
            assert_eq!(back, numbers(&[1 << 20]) + f64::from(round));
        }
    }
}
