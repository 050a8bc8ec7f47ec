//! Streaming a blob in.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use thunderline_core::{Error, ErrorKind, Result};

use crate::{Area, Hasher, Sha256};

/// Collects a blob's bytes. Dropped without [`Writer::finish`], it leaves nothing behind.
pub struct Writer {
    area: Area,
    path: PathBuf,
    file: Option<BufWriter<File>>,
    hasher: Hasher,
    length: u64,
}

impl Writer {
    pub(crate) fn create(area: Area, path: PathBuf) -> Result<Self> {
        let file = File::create_new(&path)?;
        let file = Some(BufWriter::with_capacity(1 << 18, file));
        Ok(Self { area, path, file, hasher: Hasher::new(), length: 0 })
    }

    /// Makes the blob durable and gives it its name. `expected` is the digest that the sender claimed, if it did.
    ///
    /// # Errors
    /// `invalid` where the digest differs from the expected one; `internal` where the disk fails.
    pub fn finish(mut self, expected: Option<Sha256>) -> Result<(Sha256, u64)> {
        let digest = std::mem::take(&mut self.hasher).finish();
        if let Some(expected) = expected.filter(|expected| *expected != digest) {
            let message = format!("the bytes have the digest {digest}, not {expected} as announced");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let file = self.file.take().ok_or_else(|| Error::internal("a blob was finished twice"))?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_data()?;
        let target = self.area.path_of(&digest);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        self.area.name(&self.path, &digest)?;
        if let Some(folder) = target.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok((digest, self.length))
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = self.file.as_mut().ok_or_else(|| io::Error::other("the blob is finished"))?;
        file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After a successful rename there is nothing here any more; before it, the half-written file must go.
        drop(self.file.take());
        let _gone = fs::remove_file(&self.path);
    }
}
