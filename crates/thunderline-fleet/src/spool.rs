//! Where a request's body is kept while it comes: in memory while there is room, on the disk otherwise.
//!
//! Nobody waits here for what another's request holds, so that no body, however slowly it comes, holds back another. A body
//! takes its part of the memory at once or not at all. One that gets none goes to a file without a name, which is gone with
//! the process, and comes into memory when all of it is there: for as long as it is dealt with, which depends on no client.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, Write},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::{Bytes, BytesMut};
use thunderline_core::{Error, ErrorKind, NodeId, Result};

use crate::{
    blocking::blocking,
    budget::{Budget, FREE, Share},
};

/// How many large bodies of one node may be on their way. Flower's clients send two at a time, runners one; what is more is
/// left over from broken connections, or meant to fill the disk.
const AT_ONCE: usize = 8;

/// All bodies that are on their way. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Spool(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    /// For bodies that are still coming. Nobody waits for a share of it.
    coming: Budget,
    /// For bodies that come from the disk. Whoever has a share of it waits for no client.
    complete: Budget,
    nodes: Mutex<HashMap<NodeId, usize>>,
}

/// A request's body, with its part of the memory.
pub(crate) struct Received {
    /// The serialized message.
    pub(crate) bytes: Bytes,
    /// Given back when the request is dealt with.
    pub(crate) share: Share,
}

/// A body that is on its way.
pub(crate) struct Incoming {
    spool: Arc<Inner>,
    node: NodeId,
    /// The most that it can come to have.
    most: usize,
    length: usize,
    kept: Kept,
}

enum Kept {
    Small(BytesMut),
    Memory(BytesMut, Share, Counted),
    Disk(File, Counted),
    /// A write has failed, or was left.
    Nowhere,
}

/// One of a node's large bodies.
struct Counted(Arc<Inner>, NodeId);

impl Spool {
    /// Files go to this folder, and at most so many bytes are in memory.
    pub(crate) fn new(folder: PathBuf, bytes: usize) -> Self {
        let (coming, complete) = (Budget::new(bytes / 2), Budget::new(bytes / 2));
        Self(Arc::new(Inner { folder, coming, complete, nodes: Mutex::default() }))
    }

    /// A body of at most `most` bytes, of which nothing is there yet.
    pub(crate) fn begin(&self, node: NodeId, most: usize) -> Incoming {
        Incoming { spool: self.0.clone(), node, most, length: 0, kept: Kept::Small(BytesMut::new()) }
    }

    /// A share for a body that was kept elsewhere, and is complete.
    pub(crate) async fn share(&self, bytes: usize) -> Share {
        self.0.complete.take(bytes).await
    }
}

impl Incoming {
    /// How much is there.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Adds what came.
    ///
    /// # Errors
    /// `unavailable` where the node has too many on their way; `internal` where the disk fails.
    pub(crate) async fn add(&mut self, data: Bytes) -> Result<()> {
        self.length += data.len();
        if let Kept::Small(bytes) = &mut self.kept
            && self.length > FREE
        {
            let bytes = std::mem::take(bytes);
            self.kept = self.large(bytes).await?;
        }
        self.kept = match std::mem::replace(&mut self.kept, Kept::Nowhere) {
            Kept::Small(bytes) => Kept::Small(with(bytes, &data)),
            Kept::Memory(bytes, share, counted) => Kept::Memory(with(bytes, &data), share, counted),
            Kept::Disk(file, counted) => Kept::Disk(written(file, data).await?, counted),
            Kept::Nowhere => return Err(Error::internal("a request's body was not kept")),
        };
        Ok(())
    }

    /// The whole.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub(crate) async fn end(self) -> Result<Received> {
        match self.kept {
            Kept::Small(bytes) => Ok(Received { bytes: bytes.freeze(), share: Share::none() }),
            Kept::Memory(bytes, share, _) => Ok(Received { bytes: bytes.freeze(), share }),
            Kept::Disk(mut file, _counted) => {
                let share = self.spool.complete.take(self.length).await;
                let read = move || {
                    let mut bytes = Vec::with_capacity(self.length);
                    file.rewind()?;
                    file.read_to_end(&mut bytes)?;
                    Ok(bytes.into())
                };
                Ok(Received { bytes: blocking(read).await?, share })
            }
            Kept::Nowhere => Err(Error::internal("a request's body was not kept")),
        }
    }

    /// A place for a body that has more than is kept without being counted.
    async fn large(&self, begun: BytesMut) -> Result<Kept> {
        let counted = Counted::one_more(&self.spool, self.node)?;
        if let Some(share) = self.spool.coming.try_take(self.most) {
            // Exactly what it needs: growing would need up to three times as much.
            let mut bytes = BytesMut::with_capacity(self.most);
            bytes.extend_from_slice(&begun);
            return Ok(Kept::Memory(bytes, share, counted));
        }
        let folder = self.spool.folder.clone();
        let file = blocking(move || Ok(tempfile::tempfile_in(folder)?)).await?;
        Ok(Kept::Disk(written(file, begun.freeze()).await?, counted))
    }
}

fn with(mut bytes: BytesMut, data: &[u8]) -> BytesMut {
    bytes.extend_from_slice(data);
    bytes
}

async fn written(mut file: File, data: Bytes) -> Result<File> {
    blocking(move || {
        file.write_all(&data)?;
        Ok(file)
    })
    .await
}

impl Counted {
    fn one_more(spool: &Arc<Inner>, node: NodeId) -> Result<Self> {
        let mut nodes = spool.nodes();
        let count = nodes.entry(node).or_default();
        if *count >= AT_ONCE {
            let why = format!("{AT_ONCE} large requests of this node are on their way already");
            return Err(Error::new(ErrorKind::Unavailable, why));
        }
        *count += 1;
        drop(nodes);
        Ok(Self(spool.clone(), node))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut nodes = self.0.nodes();
        let count = nodes.get_mut(&self.1).map(|count| {
            *count -= 1;
            *count
        });
        if count == Some(0) {
            nodes.remove(&self.1);
        }
    }
}

impl Inner {
    fn nodes(&self) -> MutexGuard<'_, HashMap<NodeId, usize>> {
        self.nodes.lock().expect("no code panics while holding the counts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    fn node(number: u64) -> NodeId {
        NodeId::from_bits(number)
    }

    fn spool(bytes: usize) -> (tempfile::TempDir, Spool) {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path().to_owned(), bytes);
        (folder, spool)
    }

    fn free(spool: &Spool) -> (usize, usize) {
        (spool.0.coming.available(), spool.0.complete.available())
    }

    #[tokio::test]
    async fn a_body_is_the_same_whether_it_waits_in_memory_or_on_the_disk() {
        let (_folder, spool) = spool(400 * KIB);
        let content: Vec<u8> = (0..150 * KIB).map(|at| (at % 251) as u8).collect();
        let mut bodies = Vec::new();
        for length in [0, 1, FREE, FREE + 1, 150 * KIB, 150 * KIB] {
            let mut body = spool.begin(node(1), 150 * KIB);
            for piece in content[..length].chunks(10_000) {
                body.add(Bytes::copy_from_slice(piece)).await.unwrap();
            }
            assert_eq!(body.length(), length);
            bodies.push((length, body));
        }
        let places: Vec<_> = bodies.iter().map(|(_, body)| matches!(body.kept, Kept::Disk(..))).collect();
        assert_eq!(places, [false, false, false, false, true, true]);
        assert_eq!(free(&spool), (50 * KIB, 200 * KIB));
        for (length, body) in bodies {
            let received = body.end().await.unwrap();
            assert_eq!(received.bytes, content[..length]);
        }
        assert_eq!(free(&spool), (200 * KIB, 200 * KIB));
        assert!(spool.0.nodes().is_empty());
    }

    #[tokio::test]
    async fn what_comes_from_the_disk_waits_for_its_turn_in_memory() {
        let (_folder, spool) = spool(200 * KIB);
        let complete = async |number| {
            let mut body = spool.begin(node(number), usize::MAX);
            body.add(vec![7; 80 * KIB].into()).await.unwrap();
            body
        };
        let (one, two) = (complete(1).await, complete(2).await);
        let first = one.end().await.unwrap();
        let mut second = std::pin::pin!(two.end());
        assert!(futures::poll!(&mut second).is_pending());
        // What is still coming has its own.
        assert_eq!(free(&spool).0, 100 * KIB);
        drop(first);
        assert_eq!(second.await.unwrap().bytes.len(), 80 * KIB);
    }

    #[tokio::test]
    async fn a_node_has_so_many_large_bodies_on_their_way_and_no_more() {
        let (_folder, spool) = spool(100 * KIB);
        let large = async |of| {
            let mut body = spool.begin(of, 90 * KIB);
            body.add(vec![7; FREE + 1].into()).await.map(|()| body)
        };
        let mut bodies = Vec::new();
        for _ in 0..AT_ONCE {
            bodies.push(large(node(1)).await.unwrap());
        }
        let error = large(node(1)).await.err().unwrap();
        assert_eq!(error.code(), "unavailable");
        assert!(error.external().contains("8 large requests"), "{error}");
        large(node(2)).await.unwrap();
        spool.begin(node(1), FREE).add(vec![7; FREE].into()).await.unwrap();
        bodies.pop();
        large(node(1)).await.unwrap();
    }
}
