//! The newest models' indices.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use thunderline_core::Result;
use thunderline_objects::{Area, Sha256};
use tokio::sync::OnceCell;

use super::ModelIndex;
use crate::blocking::blocking;

/// Two per running federation (train and evaluate) for a few federations. An index is small, but holds its file open.
const MODELS: usize = 16;

type Slot = Arc<OnceCell<Arc<ModelIndex>>>;

/// Indices by checkpoint, the least recently used first. Many nodes that ask for a new model at once compute it once.
pub(crate) struct ModelCache {
    checkpoints: Area,
    slots: Mutex<VecDeque<(Sha256, Slot)>>,
}

impl ModelCache {
    /// Nothing read yet.
    pub(crate) fn new(checkpoints: Area) -> Self {
        Self { checkpoints, slots: Mutex::default() }
    }

    /// The index of a stored checkpoint.
    ///
    /// # Errors
    /// `not_found` where it is not stored; otherwise as [`ModelIndex::build`].
    pub(crate) async fn get(&self, model: Sha256) -> Result<Arc<ModelIndex>> {
        let slot = self.slot(model);
        let build = || async {
            let checkpoints = self.checkpoints.clone();
            let work = move || ModelIndex::build(checkpoints.open(&model)?).map(Arc::new);
            blocking(work).await
        };
        slot.get_or_try_init(build).await.cloned()
    }

    fn slot(&self, model: Sha256) -> Slot {
        let mut slots = self.slots.lock().expect("no code panics while holding the slots");
        let found =
            slots.iter().position(|(digest, _)| *digest == model).and_then(|place| slots.remove(place));
        let entry = found.unwrap_or_else(|| (model, Slot::default()));
        let slot = entry.1.clone();
        slots.push_back(entry);
        if slots.len() > MODELS {
            slots.pop_front();
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use thunderline_numerics::DType;
    use thunderline_objects::Objects;

    use super::*;
    use crate::publish::index::tests::checkpoint;

    #[tokio::test]
    async fn a_model_is_read_once_and_a_missing_one_is_asked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let area = Objects::open(folder.path()).unwrap().checkpoints().unwrap();
        let mut bytes = Vec::new();
        checkpoint(&[("w", DType::U8, &[2])], &[1, 2]).read_to_end(&mut bytes).unwrap();
        let digest = Sha256::of(&bytes);
        let cache = ModelCache::new(area.clone());
        assert_eq!(cache.get(digest).await.err().unwrap().code(), "not_found");
        area.put(&bytes).unwrap();
        let first = cache.get(digest).await.unwrap();
        std::fs::remove_file(area.path_of(&digest)).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.get(digest).await.unwrap()));
    }
}
