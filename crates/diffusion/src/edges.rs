//! What convolutions see beyond the edges of a picture.
//!
//! Usually nothing: zeros. A seamless picture goes on at its opposite edge. Everything else in the networks treats all
//! places alike, so with such convolutions a picture has no edge at all: moved noise makes the picture moved, and copies
//! of it join without a seam.

use std::cell::Cell;

use tch::Tensor;

use crate::placement::carried;

thread_local! {
    static SEAMLESS: Cell<bool> = const { Cell::new(false) };
}

/// Puts back what was before, also when the work panics.
struct Before(bool);

impl Drop for Before {
    fn drop(&mut self) {
        SEAMLESS.set(self.0);
    }
}

/// Does `work`, which happens on this thread, with convolutions that go on at the opposite edge, or without.
///
/// A switch of the thread as libtorch's own for gradients: it concerns every convolution of a network and none of the
/// blocks between, which would otherwise all hand it on.
pub fn with<T>(seamless: bool, work: impl FnOnce() -> T) -> T {
    let _before = Before(SEAMLESS.replace(seamless));
    work()
}

/// `x`, `[batch, channels, height, width]`, with that many places more on each side, and the padding that is left for the
/// convolution to do.
pub fn padded(x: &Tensor, padding: i64) -> (Tensor, i64) {
    if padding == 0 || !SEAMLESS.get() {
        return (x.shallow_clone(), padding);
    }
    (around(x, padding), 0)
}

/// The same tensor with `places` more on each side, which repeat the opposite edge. More than it has are repeated again.
pub fn around(x: &Tensor, places: i64) -> Tensor {
    let size = x.size();
    let wrapped = |length: i64| -> Tensor {
        let places: Vec<i64> = (-places..length + places)
            .map(|place| place.rem_euclid(length))
            .collect();
        carried(&Tensor::from_slice(&places), x.device())
    };
    x.index_select(2, &wrapped(size[2]))
        .index_select(3, &wrapped(size[3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    #[test]
    fn what_lies_around_is_the_opposite_edge() {
        let x = Tensor::arange(6, (Kind::Int64, tch::Device::Cpu)).view([1, 1, 2, 3]);
        let around = around(&x, 2);
        assert_eq!(around.size(), [1, 1, 6, 7]);
        let row = |y: i64| -> Vec<i64> {
            Vec::try_from(around.select(2, y).flatten(0, -1)).expect("a row of numbers")
        };
        assert_eq!(row(0), [1, 2, 0, 1, 2, 0, 1]);
        assert_eq!(row(1), [4, 5, 3, 4, 5, 3, 4]);
        assert_eq!(row(2), row(0));
    }

    #[test]
    fn the_switch_is_put_back() {
        let x = Tensor::zeros([1, 1, 2, 2], (Kind::Float, tch::Device::Cpu));
        let left = || padded(&x, 1).1;
        with(true, || {
            assert_eq!(left(), 0);
            with(false, || assert_eq!(left(), 1));
            assert_eq!(left(), 0);
        });
        assert_eq!(left(), 1);
    }
}
