//! How much of the disk a program takes in its folder.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant},
};

/// What an entry takes beside its content: a program may also make files without end and put nothing into them.
const ENTRY: u64 = 4096;
/// The unit of a file's blocks, whatever the file system's own.
const BLOCK: u64 = 512;
/// The shortest time between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// How many times as long as it took is waited after a look: a folder of very many files keeps nobody busy.
const REST: u32 = 10;

/// Looks now and then whether a folder has outgrown its room.
pub(crate) struct Watch<'a> {
    folder: &'a Path,
    most: u64,
    next: Instant,
}

impl<'a> Watch<'a> {
    /// The folder may take so many bytes more than it takes now.
    pub(crate) fn new(folder: &'a Path, room: u64) -> Self {
        let most = used(folder, u64::MAX).saturating_add(room);
        Self { folder, most, next: Instant::now() }
    }

    /// Whether it takes more. Between looks: no.
    pub(crate) fn is_outgrown(&mut self) -> bool {
        let now = Instant::now();
        if now < self.next {
            return false;
        }
        let outgrown = used(self.folder, self.most) > self.most;
        self.next = Instant::now() + PAUSE.max(REST * now.elapsed());
        outgrown
    }
}

/// Bytes of disk that everything in a folder takes, and 4 KiB for each entry; beyond `enough` nothing more is counted. What cannot
/// be looked at, since it was removed just now, takes nothing.
fn used(folder: &Path, enough: u64) -> u64 {
    let (mut used, mut folders) = (0_u64, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            // Links are not followed.
            let Ok(about) = entry.metadata() else { continue };
            used = used.saturating_add(ENTRY + about.blocks().saturating_mul(BLOCK));
            if used > enough {
                return used;
            }
            if about.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_deep_counts_and_what_links_lead_to_and_holes_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let (root, deep) = (folder.path().join("root"), folder.path().join("root/a/b"));
        fs::create_dir_all(&deep).unwrap();
        let before = used(&root, u64::MAX);
        fs::write(folder.path().join("elsewhere"), vec![1; 1 << 20]).unwrap();
        std::os::unix::fs::symlink(folder.path(), root.join("link")).unwrap();
        fs::File::create(root.join("hole")).unwrap().set_len(1 << 40).unwrap();
        assert!(used(&root, u64::MAX) < before + (1 << 18));
        fs::write(deep.join("file"), vec![1; 1 << 20]).unwrap();
        assert!(used(&root, u64::MAX) >= before + (1 << 20));
        assert!(used(&root, 1) < before + (1 << 20), "it goes on when it has seen enough");
    }

    #[test]
    fn files_without_content_take_room_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(folder.path(), 16 * ENTRY);
        assert!(!watch.is_outgrown());
        (0..17).for_each(|number| fs::write(folder.path().join(number.to_string()), "").unwrap());
        watch.next = Instant::now();
        assert!(watch.is_outgrown());
    }
}
