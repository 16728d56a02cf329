//! Named tensors out of memory-mapped safetensors files.

mod files;
mod mapped;
mod original;
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
use original::Piece;
pub(crate) use original::beside;
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
    index: HashMap<String, Stored>,
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

/// Where a tensor is.
struct Stored {
    file: usize,
    /// Its name there.
    name: String,
    piece: Piece,
}

impl Stored {
    /// Whether no one need ask for it: `OpenCLIP`'s text encoders keep a last layer that Stable Diffusion 2 does without.
    fn is_spare(&self) -> bool {
        self.name.contains(".resblocks.")
    }
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
    /// Opens `<stem>.safetensors` in `directory`, or its fp16 variant, or the shards that its index lists; where there are
    /// none of these, the part of that name in the one file beside the directory that holds a whole checkpoint, as Stable
    /// Diffusion's first code wrote it. Tensors are converted to `kind` and moved to `device` as they are read.
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
        Self::of_files(vec![path.to_owned()], None, kind, device, None)
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
        let missing = match locate(directory, stem) {
            Ok(paths) => return Self::of_files(paths, None, kind, device, problems),
            Err(missing) => missing,
        };
        let part = directory.file_name().and_then(|part| part.to_str());
        match (part, original::beside(directory)?) {
            (Some(part), Some(file)) if original::PARTS.contains(&part) => {
                Self::of_files(vec![file], Some(part), kind, device, problems)
            }
            _ => Err(missing),
        }
    }

    /// The tensors of files; of one in the original layout, those of a `part` under the names that diffusers has for them.
    fn of_files(
        paths: Vec<PathBuf>,
        part: Option<&str>,
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
            let names = file.metadata.offset_keys();
            let found = match part {
                Some(part) => original::names(part, &names),
                None => names
                    .into_iter()
                    .map(|name| (name.clone(), name, Piece::Whole))
                    .collect(),
            };
            index.extend(found.into_iter().map(|(known, name, piece)| {
                let file = number;
                (known, Stored { file, name, piece })
            }));
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
        let stored = self.shared.index.get(&self.full_name(name))?;
        let info = self.shared.files[stored.file].metadata.info(&stored.name)?;
        let shape: Vec<i64> = info.shape.iter().map(|&side| side as i64).collect();
        stored.piece.shape(&shape)
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
        let Some(stored) = shared.index.get(name) else {
            return Err(LoadError::key(
                &shared.path,
                name,
                format!("missing tensor (expected shape {shape:?})"),
            ));
        };
        let file = &shared.files[stored.file];
        let Some((kind, whole, bytes)) = file.read(&stored.name) else {
            return Err(LoadError::key(
                &file.path,
                stored.name.as_str(),
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
        let found = stored.piece.shape(&whole);
        if !found.is_some_and(|found| found == shape || squeezed(&found) == squeezed(shape)) {
            let message = format!(
                "shape is {whole:?}, expected {:?}",
                stored.piece.whole(shape)
            );
            return Err(LoadError::key(&file.path, stored.name.as_str(), message));
        }
        if shared.problems.is_some() {
            return Ok(Tensor::new());
        }
        let tensor = stored
            .piece
            .tensor(bytes, shape, kind)
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
        let extra = |(name, stored): &(&String, &Stored)| {
            let ignored = IGNORED.iter().any(|ignored| name.ends_with(ignored));
            !asked.contains(*name) && !ignored && !stored.is_spare()
        };
        let mut extras: Vec<_> = self.shared.index.iter().filter(extra).collect();
        extras.sort_by_key(|(name, _)| *name);
        let describe = |(_, stored): (&String, &Stored)| {
            let file = &self.shared.files[stored.file].path;
            let message = "extra tensor: the configuration has no use for it";
            LoadError::key(file, stored.name.as_str(), message)
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
        for stored in self.shared.index.values() {
            let Some(info) = self.shared.files[stored.file].metadata.info(&stored.name) else {
                continue;
            };
            let share = stored.piece.share();
            let count = info.shape.iter().product::<usize>() as u64 / share;
            parameters += count;
            bytes += (info.data_offsets.1 - info.data_offsets.0) as u64 / share;
            *by_type.entry(format!("{:?}", info.dtype)).or_default() += count;
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
