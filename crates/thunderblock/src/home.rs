//! The folder that an installation lives in.

use std::path::{Path, PathBuf};

use thunderline_core::{Error, Result};
use thunderline_objects::Objects;

use crate::{Block, backup::Underway};

/// The data folder, and what of it this domain looks after.
#[derive(Debug)]
pub struct Home {
    /// The folder.
    pub data: PathBuf,
    /// The blobs in it.
    pub objects: Objects,
    /// The backup that is being made.
    pub(crate) underway: Underway,
}

impl Home {
    /// The installation in this folder.
    #[must_use]
    pub fn new(data: &Path, objects: Objects) -> Self {
        Self { data: data.to_owned(), objects, underway: Underway::default() }
    }
}

impl Block {
    /// The installation's folder.
    ///
    /// # Errors
    /// `conflict` where this process was not given one.
    pub fn home(&self) -> Result<&Home> {
        self.home.as_deref().ok_or_else(|| Error::conflict("this process has no data folder"))
    }
}
