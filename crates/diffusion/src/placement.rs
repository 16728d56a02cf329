//! How tensors come to lie in a device's memory.
//!
//! What is copied to a GPU from memory that the system cannot move needs no waiting: the host goes on launching. It has not
//! been measured: there was no GPU.

use tch::{Device, Tensor};

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
    use tch::Kind;

    fn numbers(size: &[i64]) -> Tensor {
        let count = size.iter().product::<i64>();
        Tensor::arange(count, (Kind::Float, Device::Cpu)).view(size)
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
