//! Named tensors out of memory-mapped safetensors files.

mod files;
mod mapped;
mod random;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tch::{Device, Kind, Tensor};

use crate::error::LoadError;
pub use crate::placement::Layout;
use files::locate;
use mapped::MappedFile;
use random::random;

/// Tensors by their names, sharing storage with the modules that were built from them.
pub type Tensors = HashMap<String, Tensor>;

/// Buffers that some tools write and nobody reads.
const IGNORED: [&str; 3] = [
    "position_ids",
    "num_batches_tracked",
    "text_projection.weight",
];

/// A tensor of a checkpoint lies within one of its files; a view is a module's part of them.
///
/// Each tensor is read once: asking again gives a shallow clone of the same storage, which is how several workers come
/// to own a model each without a second copy of the weights.
#[derive(Clone)]
pub struct Weights {
    shared: Rc<Shared>,
    prefix: String,
}

struct Shared {
    files: Vec<MappedFile>,
    index: HashMap<String, usize>,
    /// Named in errors about tensors that are in no file.
    path: PathBuf,
    kind: Kind,
    device: Device,
    layout: Layout,
    read: RefCell<Tensors>,
    /// Names that modules asked for.
    asked: RefCell<HashSet<String>>,
    /// Whether tensors are made up instead of read.
    random: bool,
    /// Filled instead of failing when a checkpoint is only inspected.
    problems: Option<RefCell<Vec<LoadError>>>,
}

/// How the weights of a part are stored, for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// Numbers in all tensors.
    pub parameters: u64,
    /// Bytes in all tensors.
    pub bytes: u64,
    /// The most common storage type, such as `F16`.
    pub dtype: String,
}

impl Weights {
    /// Opens `<stem>.safetensors` in `directory`, or its fp16 variant, or the shards that its index lists. Tensors are
    /// converted to `kind` and moved to `device` as they are read.
    pub fn open(
        directory: &Path,
        stem: &str,
        kind: Kind,
        device: Device,
    ) -> Result<Self, LoadError> {
        Self::open_with(directory, stem, kind, device, None)
    }

    /// The same with weights of convolutions in another order than the usual one for this precision on this device.
    pub fn open_laid_out(
        directory: &Path,
        stem: &str,
        kind: Kind,
        device: Device,
        layout: Layout,
    ) -> Result<Self, LoadError> {
        let mut opened = Self::open(directory, stem, kind, device)?;
        let shared = Rc::get_mut(&mut opened.shared);
        shared.expect("nobody else has seen it yet").layout = layout;
        Ok(opened)
    }

    /// Opens the files to check names and shapes only: no tensor is read, and [`Self::problems`] collects what is wrong.
    pub fn inspect(directory: &Path, stem: &str) -> Result<Self, LoadError> {
        Self::open_with(
            directory,
            stem,
            Kind::Float,
            Device::Cpu,
            Some(RefCell::new(Vec::new())),
        )
    }

    /// Opens one file by its path, in fp32 on the CPU: adapters and learnt words.
    pub fn open_file(path: &Path) -> Result<Self, LoadError> {
        Self::open_file_on(path, Kind::Float, Device::Cpu)
    }

    /// The same, converted to `kind` and moved to `device`.
    pub fn open_file_on(path: &Path, kind: Kind, device: Device) -> Result<Self, LoadError> {
        Self::of_files(vec![path.to_owned()], kind, device, None)
    }

    /// The names of all tensors in the files, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.shared.index.keys().cloned().collect();
        names.sort();
        names
    }

    /// A text that the first file's header carries under this key.
    pub fn note(&self, key: &str) -> Option<&str> {
        let notes = self.shared.files.first()?.metadata.metadata().as_ref()?;
        notes.get(key).map(String::as_str)
    }

    fn open_with(
        directory: &Path,
        stem: &str,
        kind: Kind,
        device: Device,
        problems: Option<RefCell<Vec<LoadError>>>,
    ) -> Result<Self, LoadError> {
        Self::of_files(locate(directory, stem)?, kind, device, problems)
    }

    fn of_files(
        paths: Vec<PathBuf>,
        kind: Kind,
        device: Device,
        problems: Option<RefCell<Vec<LoadError>>>,
    ) -> Result<Self, LoadError> {
        let files = paths
            .iter()
            .map(|path| MappedFile::open(path))
            .collect::<Result<Vec<_>, _>>()?;
        let mut index = HashMap::new();
        for (number, file) in files.iter().enumerate() {
            index.extend(
                file.metadata
                    .offset_keys()
                    .into_iter()
                    .map(|name| (name, number)),
            );
        }
        let path = paths.into_iter().next().unwrap_or_default();
        let read = RefCell::new(HashMap::new());
        let shared = Rc::new(Shared {
            files,
            index,
            path,
            kind,
            device,
            layout: Layout::of(kind, device),
            read,
            asked: RefCell::default(),
            random: false,
            problems,
        });
        Ok(Self {
            shared,
            prefix: String::new(),
        })
    }

    /// The part of the weights below `name`.
    #[must_use]
    pub fn child(&self, name: impl Display) -> Self {
        let prefix = if self.prefix.is_empty() {
            name.to_string()
        } else {
            format!("{}.{name}", self.prefix)
        };
        Self {
            shared: Rc::clone(&self.shared),
            prefix,
        }
    }

    fn full_name(&self, name: &str) -> String {
        if self.prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.prefix)
        }
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.shared.index.contains_key(&self.full_name(name))
    }

    /// The shape of the tensor of this name, where there is one.
    pub fn shape(&self, name: &str) -> Option<Vec<i64>> {
        let name = self.full_name(name);
        let file = &self.shared.files[*self.shared.index.get(&name)?];
        let info = file.metadata.info(&name)?;
        Some(info.shape.iter().map(|&side| side as i64).collect())
    }

    /// The first of `names` that has a `weight`: checkpoints of different ages name the same layer differently.
    #[must_use]
    pub fn child_of(&self, names: &[&'static str]) -> Self {
        let found = names
            .iter()
            .find(|name| self.has(&format!("{name}.weight")));
        self.child(found.unwrap_or(&names[0]))
    }

    /// The tensor of this name, which must have this shape.
    pub fn tensor(&self, name: &str, shape: &[i64]) -> Result<Tensor, LoadError> {
        let name = self.full_name(name);
        match (self.read(&name, shape), &self.shared.problems) {
            (Err(error), Some(problems)) => {
                problems.borrow_mut().push(error);
                Ok(Tensor::new())
            }
            (result, _) => result,
        }
    }

    fn read(&self, name: &str, shape: &[i64]) -> Result<Tensor, LoadError> {
        let shared = &self.shared;
        shared.asked.borrow_mut().insert(name.to_owned());
        if let Some(tensor) = shared.read.borrow().get(name) {
            return Ok(tensor.shallow_clone());
        }
        if shared.random {
            let tensor = random(name, shape, shared.kind, shared.device);
            let tensor = shared.layout.applied(tensor);
            let mut read = shared.read.borrow_mut();
            read.insert(name.to_owned(), tensor.shallow_clone());
            return Ok(tensor);
        }
        let Some(&number) = shared.index.get(name) else {
            return Err(LoadError::key(
                &shared.path,
                name,
                format!("missing tensor (expected shape {shape:?})"),
            ));
        };
        let file = &shared.files[number];
        let Some((kind, found, bytes)) = file.read(name) else {
            return Err(LoadError::key(
                &file.path,
                name,
                "storage type is not F64, F32, F16 or BF16",
            ));
        };
        // Attention layers of converted checkpoints may be stored as 1x1 convolutions, or the other way round.
        let squeezed = |shape: &[i64]| {
            shape
                .iter()
                .copied()
                .filter(|&side| side != 1)
                .collect::<Vec<_>>()
        };
        if found != shape && squeezed(&found) != squeezed(shape) {
            return Err(LoadError::key(
                &file.path,
                name,
                format!("shape is {found:?}, expected {shape:?}"),
            ));
        }
        if shared.problems.is_some() {
            return Ok(Tensor::new());
        }
        let tensor = Tensor::from_data_size(bytes, shape, kind)
            .to_device(shared.device)
            .to_kind(shared.kind);
        let tensor = shared.layout.applied(tensor);
        shared
            .read
            .borrow_mut()
            .insert(name.to_owned(), tensor.shallow_clone());
        Ok(tensor)
    }

    /// Everything that was read, for those who change weights in place.
    pub fn tensors(&self) -> Tensors {
        let read = self.shared.read.borrow();
        read.iter()
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
            .collect()
    }

    /// Tensors in the files that no module asked for, each with its file: of another model, or of a newer one.
    pub fn unasked(&self) -> Vec<LoadError> {
        let asked = self.shared.asked.borrow();
        let extra = |name: &&String| {
            !asked.contains(*name) && !IGNORED.iter().any(|ignored| name.ends_with(ignored))
        };
        let mut extras: Vec<&String> = self.shared.index.keys().filter(extra).collect();
        extras.sort();
        let describe = |name: &String| {
            let file = &self.shared.files[self.shared.index[name]].path;
            LoadError::key(
                file,
                name.as_str(),
                "extra tensor: the configuration has no use for it",
            )
        };
        extras.into_iter().map(describe).collect()
    }

    /// What was wrong with the tensors asked for so far; empty unless opened by [`Self::inspect`].
    pub fn problems(&self) -> Vec<LoadError> {
        self.shared
            .problems
            .as_ref()
            .map(|problems| problems.borrow().clone())
            .unwrap_or_default()
    }

    /// A file to name in errors.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Sizes of everything in the files; of made-up weights, of everything that was asked for.
    pub fn stored(&self) -> StoredPart {
        let (mut parameters, mut bytes) = (0, 0);
        if self.shared.random {
            let read = self.shared.read.borrow();
            parameters = read.values().map(|tensor| tensor.numel() as u64).sum();
        }
        let mut by_type = HashMap::<String, u64>::new();
        for file in &self.shared.files {
            for info in file.metadata.tensors().values() {
                let count = info.shape.iter().product::<usize>() as u64;
                parameters += count;
                bytes += (info.data_offsets.1 - info.data_offsets.0) as u64;
                *by_type.entry(format!("{:?}", info.dtype)).or_default() += count;
            }
        }
        let dtype = by_type
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .map(|(dtype, _)| dtype)
            .unwrap_or_default();
        StoredPart {
            parameters,
            bytes,
            dtype,
        }
    }
}
