//! Holding removals back: while somebody copies blobs, none of them may vanish.

use std::{
    collections::BTreeSet,
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use thunderline_core::Result;

/// What is held back, shared by all clones of an [`crate::Objects`].
#[derive(Debug, Default)]
pub(crate) struct Removals(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    holds: usize,
    waiting: BTreeSet<PathBuf>,
}

/// While this lives, nothing is removed: areas that are thrown away meanwhile are removed at its end, and single blobs
/// stay until they are removed anew. A process that dies with one forgets what waited; whoever threw it away sweeps.
#[derive(Debug)]
#[must_use = "dropping it lets removals go on"]
pub struct Hold(Arc<Removals>);

impl Removals {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves a list that is right.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        self.state().holds += 1;
        Hold(self.clone())
    }

    /// Removes the folder now, or at the end of the last hold.
    pub(crate) fn folder(&self, folder: PathBuf) -> Result<()> {
        let mut state = self.state();
        if state.holds > 0 {
            state.waiting.insert(folder);
            return Ok(());
        }
        Ok(remove_folder(&folder)?)
    }

    /// Runs the removal unless something holds it back; gives whether it ran. No hold begins meanwhile, and no blob gets
    /// its name.
    pub(crate) fn unless_held(&self, remove: impl FnOnce() -> Result<bool>) -> Result<bool> {
        let state = self.state();
        if state.holds > 0 { Ok(false) } else { remove() }
    }

    /// Gives a blob its name while no blob is removed.
    pub(crate) fn name(&self, rename: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let _state = self.state();
        rename()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.holds -= 1;
        if state.holds > 0 {
            return;
        }
        for folder in std::mem::take(&mut state.waiting) {
            // Nobody to tell; the sweep of what is over comes back to it.
            let _left = remove_folder(&folder);
        }
    }
}

fn remove_folder(folder: &std::path::Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
