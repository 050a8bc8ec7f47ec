//! An installation in a folder, under test.

use std::fs;

use thunderblock::{Block, Home};
use thunderline_core::Result;
use thunderline_objects::Objects;
use thunderline_testkit::TestDb;

/// The domain over a test database, with blobs and secrets in the test's folder.
pub struct Site {
    pub t: TestDb,
    pub block: Block,
    pub objects: Objects,
}

impl Site {
    pub fn new(t: TestDb) -> Result<Self> {
        let data = t.dir().join("data");
        fs::create_dir_all(&data)?;
        fs::write(data.join("manifest.key"), b"a key")?;
        fs::write(data.join("operator.token"), b"a token")?;
        fs::write(data.join("server.json"), b"where it is")?;
        let objects = Objects::open(data.join("objects"))?;
        let block = Block::new(t.db().clone()).at_home(Home::new(&data, objects.clone()));
        Ok(Self { t, block, objects })
    }

    /// The folder.
    pub fn data(&self) -> std::path::PathBuf {
        self.t.dir().join("data")
    }
}
