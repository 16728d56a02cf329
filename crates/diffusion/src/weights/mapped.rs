//! One safetensors file, mapped into memory.

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata};
use tch::Kind;

use crate::error::LoadError;

/// How files of Python's pickle begin, in an archive or bare.
const PICKLED: [&[u8]; 2] = [b"PK\x03\x04", b"\x80\x02"];

/// A file in memory as the system pages it in.
pub struct MappedFile {
    pub path: PathBuf,
    map: Mmap,
    data_start: usize,
    pub metadata: Metadata,
}

impl MappedFile {
    /// Maps it, and checks that its header fits what it holds.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let file =
            File::open(path).map_err(|error| LoadError::file(path, format!("open: {error}")))?;
        // SAFETY: the map is only read. A file that another process rewrites meanwhile would change under us; checkpoints
        // are installed by rename and never edited in place, and every tensor is copied out while loading.
        #[expect(
            unsafe_code,
            reason = "mapping a file is unsafe because others could write to it"
        )]
        let map = unsafe { Mmap::map(&file) }
            .map_err(|error| LoadError::file(path, format!("map: {error}")))?;
        // Checks that the header is sane and that the file is exactly as long as its tensors need.
        let other = |error| {
            let pickled = PICKLED.iter().any(|start| map.starts_with(start));
            LoadError::file(
                path,
                if pickled {
                    "a pickled file, which may run code as it is read: convert it to safetensors"
                        .to_owned()
                } else {
                    format!("not safetensors: {error}")
                },
            )
        };
        SafeTensors::deserialize(&map).map_err(other)?;
        let (header, metadata) = SafeTensors::read_metadata(&map).map_err(other)?;
        Ok(Self {
            path: path.to_owned(),
            data_start: 8 + header,
            map,
            metadata,
        })
    }

    /// A tensor's type, shape and bytes; none where its type is none that networks compute with.
    pub fn read(&self, name: &str) -> Option<(Kind, Vec<i64>, &[u8])> {
        let info = self.metadata.info(name)?;
        let kind = match info.dtype {
            Dtype::F64 => Kind::Double,
            Dtype::F32 => Kind::Float,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            Dtype::I64 => Kind::Int64,
            _ => return None,
        };
        let (start, end) = info.data_offsets;
        let shape = info.shape.iter().map(|&side| side as i64).collect();
        Some((
            kind,
            shape,
            &self.map[self.data_start + start..self.data_start + end],
        ))
    }
}
