//! Checkpoints in other forms.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Seek},
};

use thunderline_core::{Error, Result};
use thunderline_numerics::{FileArrays, checkpoint::CheckpointHeader, npz};
use thunderline_objects::{Area, Sha256};

/// The checkpoint as NumPy's `.npz`, in a file without a name that vanishes when it is closed. Blocking.
///
/// # Errors
/// `not_found` where there is no such checkpoint; `conflict` where its bytes are no longer those that were stored;
/// `invalid` for arrays that NumPy does not have.
pub fn as_npz(area: &Area, digest: &Sha256) -> Result<File> {
    // The converted bytes have no digest by which the caller could find the damage.
    if !area.verify(digest)? {
        return Err(Error::conflict(format!(
            "the checkpoint {digest} is damaged: its bytes have another digest"
        )));
    }
    let mut file = area.open(digest)?;
    let header = CheckpointHeader::read(&mut BufReader::new(&mut file))?;
    let arrays = FileArrays::new(file, header.ranges());
    let out = BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(area.folder())?);
    let out = npz::write_npz(out, &header.schema, &arrays)?;
    let mut file = out.into_inner().map_err(|error| Error::from(error.into_error()))?;
    file.rewind()?;
    Ok(file)
}
