//! Values for weights that no file holds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use tch::{Device, Kind, Tensor};

use super::{Layout, Shared, Weights};

impl Weights {
    /// Weights of no file: every tensor that is asked for is made up, of the kind of values that networks start training
    /// with.
    pub fn random(kind: Kind, device: Device) -> Self {
        let shared = Rc::new(Shared {
            files: Vec::new(),
            index: HashMap::new(),
            path: PathBuf::new(),
            kind,
            device,
            layout: Layout::of(kind, device),
            read: RefCell::default(),
            asked: RefCell::default(),
            random: true,
            problems: None,
        });
        Self {
            shared,
            prefix: String::new(),
        }
    }
}

/// Normalisations leave their input alone; other weights keep its variance.
pub fn random(name: &str, shape: &[i64], kind: Kind, device: Device) -> Tensor {
    let options = (kind, device);
    match shape {
        [_] if name.ends_with("weight") => Tensor::ones(shape, options),
        [_] | [] => Tensor::zeros(shape, options),
        [_, inner @ ..] => {
            let bound = (3.0 / inner.iter().product::<i64>().max(1) as f64).sqrt();
            tch::no_grad(|| Tensor::empty(shape, options).uniform_(-bound, bound))
        }
    }
}
