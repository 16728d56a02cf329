//! `RRDBNet`: residual in residual dense blocks (Wang et al. 2018, arXiv 1809.00219), enlarged four times; for smaller
//! factors pixels are first gathered into channels (Wang et al. 2021, arXiv 2107.10833).

use tch::Tensor;

use crate::error::LoadError;
use crate::layers::Conv2d;
use crate::weights::Weights;

/// Slope of the activation below 0.
const SLOPE: f64 = 0.2;

/// How much of each block's work is added to what it was given.
const RESIDUE: f64 = 0.2;

/// More blocks than this are no network of this family.
const MOST_BLOCKS: usize = 1000;

/// What checkpoints of one age call the layers.
struct Names {
    first: &'static str,
    /// Blocks are below this, by their numbers.
    blocks: &'static str,
    /// Of a block's three parts.
    dense: [&'static str; 3],
    /// Of a part's five layers: before and after its number.
    layer: (&'static str, &'static str),
    /// Behind the blocks; nothing where it is numbered like them.
    behind: Option<&'static str>,
    /// One for each doubling.
    doubling: &'static [&'static str],
    /// The last two layers.
    detail: &'static str,
    last: &'static str,
}

const DENSE: [&str; 3] = ["rdb1", "rdb2", "rdb3"];
const OLD_DENSE: [&str; 3] = ["RDB1", "RDB2", "RDB3"];

/// Real-ESRGAN; ESRGAN's own; and the numbered ones of its first release, of factor four and of factor two.
const LAYOUTS: [Names; 4] = [
    Names {
        first: "conv_first",
        blocks: "body",
        dense: DENSE,
        layer: ("conv", ""),
        behind: Some("conv_body"),
        doubling: &["conv_up1", "conv_up2"],
        detail: "conv_hr",
        last: "conv_last",
    },
    Names {
        first: "conv_first",
        blocks: "RRDB_trunk",
        dense: OLD_DENSE,
        layer: ("conv", ""),
        behind: Some("trunk_conv"),
        doubling: &["upconv1", "upconv2"],
        detail: "HRconv",
        last: "conv_last",
    },
    Names {
        first: "model.0",
        blocks: "model.1.sub",
        dense: OLD_DENSE,
        layer: ("conv", ".0"),
        behind: None,
        doubling: &["model.3", "model.6"],
        detail: "model.8",
        last: "model.10",
    },
    Names {
        first: "model.0",
        blocks: "model.1.sub",
        dense: OLD_DENSE,
        layer: ("conv", ".0"),
        behind: None,
        doubling: &["model.3"],
        detail: "model.5",
        last: "model.7",
    },
];

impl Names {
    fn fit(&self, weights: &Weights) -> bool {
        let ends = [self.first, self.detail, self.last];
        let all = ends.iter().chain(self.doubling).chain(&self.behind);
        let mut all = all.map(|name| format!("{name}.weight"));
        all.all(|name| weights.has(&name)) && weights.has(&self.in_block(0, 0, 1))
    }

    /// The weight of a layer, numbered from 1, of a part of a block.
    fn in_block(&self, block: usize, part: usize, layer: usize) -> String {
        let (before, after) = self.layer;
        let dense = self.dense[part];
        format!(
            "{}.{block}.{dense}.{before}{layer}{after}.weight",
            self.blocks
        )
    }
}

/// Five layers, each of which sees what all before it made.
struct Dense([Conv2d; 5]);

impl Dense {
    fn load(
        weights: &Weights,
        names: &Names,
        features: i64,
        growth: i64,
    ) -> Result<Self, LoadError> {
        let (before, after) = names.layer;
        let layer = |number: i64| {
            let outputs = if number == 5 { features } else { growth };
            let inputs = features + (number - 1) * growth;
            let weights = weights.child(format!("{before}{number}{after}"));
            Conv2d::load(&weights, inputs, outputs, 3)
        };
        Ok(Self([
            layer(1)?,
            layer(2)?,
            layer(3)?,
            layer(4)?,
            layer(5)?,
        ]))
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let [inner @ .., last] = &self.0;
        let mut seen = x.shallow_clone();
        for layer in inner {
            seen = Tensor::cat(&[&seen, &leaky(layer.forward(&seen))], 1);
        }
        last.forward(&seen) * RESIDUE + x
    }
}

fn leaky(mut x: Tensor) -> Tensor {
    // Only the layer's own fresh output is changed.
    let negative = x.clamp_max(0.0) * (1.0 - SLOPE);
    x -= negative;
    x
}

/// The network.
pub struct Rrdb {
    first: Conv2d,
    blocks: Vec<[Dense; 3]>,
    behind: Conv2d,
    doubling: Vec<Conv2d>,
    detail: Conv2d,
    last: Conv2d,
    /// Pixels of so many rows and columns become channels at first.
    gathered: i64,
}

impl Rrdb {
    /// Finds out from names and shapes what the network is.
    pub fn load(weights: &Weights) -> Result<Self, LoadError> {
        // Training keeps smoothed weights apart.
        let prefixes = ["", "params_ema", "params"];
        let inner = |prefix: &&str| {
            if prefix.is_empty() {
                weights.clone()
            } else {
                weights.child(prefix)
            }
        };
        let pairs = prefixes.iter().map(inner);
        let mut pairs =
            pairs.flat_map(|weights| LAYOUTS.iter().map(move |names| (weights.clone(), names)));
        let Some((weights, names)) = pairs.find(|(weights, names)| names.fit(weights)) else {
            let message = "its tensors are not those of an RRDBNet (ESRGAN, Real-ESRGAN)";
            return Err(LoadError::file(weights.path(), message));
        };
        let count = (0..MOST_BLOCKS).take_while(|&block| weights.has(&names.in_block(block, 0, 1)));
        let (count, shape) = (count.count(), |name: &str| {
            weights.shape(name).unwrap_or_default()
        });
        let first = shape(&format!("{}.weight", names.first));
        let growth = shape(&names.in_block(0, 0, 1)).first().copied();
        let (Some(growth), &[features, channels, 3, 3]) = (growth, first.as_slice()) else {
            let message = format!("shape is {first:?}, expected [_, _, 3, 3]");
            return Err(LoadError::key(weights.path(), names.first, message));
        };
        let gathered = match channels {
            3 => 1,
            12 => 2,
            48 => 4,
            other => {
                let message = format!("takes {other} channels, expected 3, 12 or 48");
                return Err(LoadError::key(weights.path(), names.first, message));
            }
        };
        let conv =
            |name: &str, outputs: i64| Conv2d::load(&weights.child(name), features, outputs, 3);
        let blocks = weights.child(names.blocks);
        let block = |index: usize| {
            let block = blocks.child(index);
            let dense =
                |part: usize| Dense::load(&block.child(names.dense[part]), names, features, growth);
            Ok([dense(0)?, dense(1)?, dense(2)?])
        };
        let behind = names
            .behind
            .map_or_else(|| format!("{}.{count}", names.blocks), str::to_owned);
        Ok(Self {
            first: Conv2d::load(&weights.child(names.first), channels, features, 3)?,
            blocks: (0..count).map(block).collect::<Result<_, LoadError>>()?,
            behind: conv(&behind, features)?,
            doubling: names
                .doubling
                .iter()
                .map(|name| conv(name, features))
                .collect::<Result<_, _>>()?,
            detail: conv(names.detail, features)?,
            last: conv(names.last, 3)?,
            gathered,
        })
    }

    /// Factor for both sides.
    pub fn scale(&self) -> i64 {
        (1 << self.doubling.len()) / self.gathered
    }

    /// `[batch, 3, height, width]` in 0..1 to `[batch, 3, height * scale, width * scale]` in 0..1.
    pub fn forward(&self, picture: &Tensor) -> Tensor {
        let (_, _, height, width) = picture.size4().expect("pictures have four dimensions");
        let x = self.first.forward(&self.gather(picture));
        let deep = self.blocks.iter().fold(x.shallow_clone(), |x, block| {
            let inner = block
                .iter()
                .fold(x.shallow_clone(), |inner, dense| dense.forward(&inner));
            inner * RESIDUE + x
        });
        let mut x = x + self.behind.forward(&deep);
        for layer in &self.doubling {
            let size = [2 * x.size()[2], 2 * x.size()[3]];
            x = leaky(layer.forward(&x.upsample_nearest2d(size, None, None)));
        }
        let large = self.last.forward(&leaky(self.detail.forward(&x)));
        let scale = self.scale();
        let large = large
            .narrow(2, 0, height * scale)
            .narrow(3, 0, width * scale);
        large.clamp(0.0, 1.0)
    }

    /// Pixels into channels; a picture of another size is continued by its mirror image first.
    fn gather(&self, picture: &Tensor) -> Tensor {
        if self.gathered == 1 {
            return picture.shallow_clone();
        }
        let missing = |side: i64| (self.gathered - side % self.gathered) % self.gathered;
        let (_, _, height, width) = picture.size4().expect("pictures have four dimensions");
        let padding = [0, missing(width), 0, missing(height)];
        let whole = if padding == [0; 4] {
            picture.shallow_clone()
        } else if height.min(width) >= self.gathered {
            picture.reflection_pad2d(padding)
        } else {
            // Too small to be mirrored.
            picture.replication_pad2d(padding)
        };
        whole.pixel_unshuffle(self.gathered)
    }
}
