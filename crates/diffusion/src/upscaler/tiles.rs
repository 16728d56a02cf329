//! Enlarging piece by piece: the features of a whole picture would not fit into memory.

use tch::Tensor;

/// Side of the pieces that are put together, in pixels of the small picture. A multiple of every unshuffling factor.
const SIDE: i64 = 256;

/// What each piece sees beyond its edges, in the same pixels. What lies farther away changes nothing visible.
const OVERLAP: i64 = 16;

/// `[batch, 3, height, width]` to `scale` times the size, by `network` for pieces; at once where it is hardly larger than one.
pub fn enlarge(picture: &Tensor, scale: i64, network: impl Fn(&Tensor) -> Tensor) -> Tensor {
    enlarge_by(picture, scale, (SIDE, OVERLAP), network)
}

fn enlarge_by(
    picture: &Tensor,
    scale: i64,
    (side, overlap): (i64, i64),
    network: impl Fn(&Tensor) -> Tensor,
) -> Tensor {
    let (_, _, height, width) = picture.size4().expect("pictures have four dimensions");
    if height.max(width) <= side + 2 * overlap {
        return network(picture);
    }
    let spans = |whole: i64| {
        let starts = (0..whole).step_by(side as usize);
        starts.map(move |start| Span::new(start, side, overlap, whole))
    };
    let row = |down: Span| {
        let strip = picture.narrow(2, down.from, down.seen);
        let pieces: Vec<Tensor> = spans(width)
            .map(|across| {
                let large = network(&strip.narrow(3, across.from, across.seen));
                let large = large.narrow(2, down.margin * scale, down.kept * scale);
                large.narrow(3, across.margin * scale, across.kept * scale)
            })
            .collect();
        Tensor::cat(&pieces, 3)
    };
    Tensor::cat(&spans(height).map(row).collect::<Vec<_>>(), 2)
}

/// A piece along one side.
struct Span {
    /// Where what it sees begins, and how long that is.
    from: i64,
    seen: i64,
    /// What is cut off at the beginning, and how much stays.
    margin: i64,
    kept: i64,
}

impl Span {
    fn new(start: i64, side: i64, overlap: i64, whole: i64) -> Self {
        let from = (start - overlap).max(0);
        let end = (start + side).min(whole);
        Self {
            from,
            seen: (end + overlap).min(whole) - from,
            margin: start - from,
            kept: end - start,
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn pieces_make_up_what_the_whole_would_be() {
        let picture = Tensor::rand([1, 3, 37, 50], (Kind::Float, Device::Cpu));
        // Sees three pixels around each, with zeros beyond the picture, and enlarges twice.
        let network = |x: &Tensor| {
            let (_, _, height, width) = x.size4().expect("four dimensions");
            let near = x.avg_pool2d([7, 7], [1, 1], [3, 3], false, true, None::<i64>);
            near.upsample_nearest2d([2 * height, 2 * width], None, None)
        };
        let tiled = enlarge_by(&picture, 2, (8, 3), network);
        let off = (&tiled - network(&picture)).abs().max().double_value(&[]);
        assert!(off < 1e-6, "differs by {off}");
        let blind = enlarge_by(&picture, 2, (8, 0), network);
        assert!((blind - tiled).abs().max().double_value(&[]) > 1e-3);
    }
}
