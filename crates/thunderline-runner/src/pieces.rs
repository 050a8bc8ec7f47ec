//! What one request of an upload carries: pieces of objects, each after a line that says what it is (docs/fleet-api.md).

use std::{
    io::{self, Read},
    ops::Range,
};

use bytes::{Buf, Bytes};
use thunderline_core::Error;
use thunderline_flower::ObjectId;

use crate::{objects::Objects, stop::Stop};

/// An object that the server lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) id: ObjectId,
    /// Of the whole object, in bytes.
    pub(crate) length: u64,
    /// How many of them it has.
    pub(crate) offset: u64,
}

/// A piece of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    id: ObjectId,
    range: Range<u64>,
    length: u64,
}

impl Part {
    fn head(&self) -> String {
        format!("{} {} {}\n", self.id, self.range.start, self.length)
    }

    /// Whether the server has all of the object after this.
    pub(crate) fn completes(&self, missing: &Missing) -> bool {
        self.id == missing.id && self.range.end == self.length
    }
}

/// The next pieces, of at most `most` bytes together. What was begun comes first: a server keeps one incomplete object, and
/// forgets it when another is begun.
pub(crate) fn plan(missing: &[Missing], most: u64) -> Vec<Part> {
    let (begun, other): (Vec<&Missing>, Vec<&Missing>) = missing.iter().partition(|object| object.offset > 0);
    let (mut parts, mut room) = (Vec::new(), most);
    for object in begun.into_iter().chain(other) {
        if room == 0 {
            break;
        }
        let end = object.length.min(object.offset.saturating_add(room));
        room -= end - object.offset;
        parts.push(Part { id: object.id, range: object.offset..end, length: object.length });
    }
    parts
}

/// The length of a request with these pieces.
pub(crate) fn length(parts: &[Part]) -> u64 {
    parts.iter().map(|part| part.head().len() as u64 + part.range.end - part.range.start).sum()
}

/// The body of a request, of which one object at a time is in memory.
pub(crate) struct Body<'a> {
    objects: &'a Objects,
    stop: &'a Stop,
    parts: std::slice::Iter<'a, Part>,
    head: Bytes,
    content: Bytes,
    failure: Option<Error>,
}

impl<'a> Body<'a> {
    /// Ends early where the stop signal is given.
    pub(crate) fn new(objects: &'a Objects, parts: &'a [Part], stop: &'a Stop) -> Self {
        Self { objects, stop, parts: parts.iter(), head: Bytes::new(), content: Bytes::new(), failure: None }
    }

    /// Why it could not be read to its end, where that is not the connection's fault.
    pub(crate) fn failure(self) -> Option<Error> {
        self.failure
    }

    fn begin(&mut self, part: &Part) -> Result<(), Error> {
        let object = self.objects.get(&part.id)?;
        let place = |at: u64| usize::try_from(at).ok();
        let range = place(part.range.start).zip(place(part.range.end));
        let content = object.zip(range).filter(|(object, (_, end))| *end <= object.len());
        let (object, (start, end)) =
            content.ok_or_else(|| Error::internal(format!("{} is no object to be sent", part.id)))?;
        self.head = part.head().into();
        self.content = object.slice(start..end);
        Ok(())
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_stopped() {
            return Err(io::Error::other("this runner stops"));
        }
        while self.head.is_empty() && self.content.is_empty() {
            let Some(part) = self.parts.next() else { return Ok(0) };
            if let Err(error) = self.begin(part) {
                let message = error.chain();
                self.failure = Some(error);
                return Err(io::Error::other(message));
            }
        }
        let ready = if self.head.is_empty() { &mut self.content } else { &mut self.head };
        let count = ready.len().min(buffer.len());
        ready.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A server that keeps what came before a cut asks for no byte twice, and needs one request more per cut.
        #[test]
        fn whatever_the_cuts_everything_arrives_once(
            lengths in prop::collection::vec(1u64..5000, 1..20),
            cuts in prop::collection::vec((1u64..20_000, any::<prop::sample::Index>()), 0..12),
        ) {
            let mut missing: Vec<_> = lengths.iter().enumerate().map(|(number, &length)| {
                Missing { id: ObjectId::of(&number.to_le_bytes()), length, offset: 0 }
            }).collect();
            let total: u64 = lengths.iter().sum();
            let (mut arrived, mut requests) = (0, 0);
            let mut requested = cuts.iter();
            while !missing.is_empty() {
                let (most, cut) = requested.next().map_or((u64::MAX, None), |(most, cut)| (*most, Some(cut)));
                let parts = plan(&missing, most);
                let sent: u64 = parts.iter().map(|part| part.range.end - part.range.start).sum();
                prop_assert!(sent <= most && sent > 0 && sent == most.min(total - arrived));
                let mut left = cut.map_or(sent, |cut| cut.index(usize::try_from(sent).unwrap() + 1) as u64);
                for part in &parts {
                    let object = missing.iter_mut().find(|object| object.id == part.id).unwrap();
                    prop_assert_eq!(object.offset, part.range.start);
                    let came = left.min(part.range.end - part.range.start);
                    (object.offset, arrived, left) = (object.offset + came, arrived + came, left - came);
                }
                missing.retain(|object| object.offset < object.length);
                prop_assert!(missing.iter().filter(|object| object.offset > 0).count() <= 1);
                requests += 1;
            }
            prop_assert_eq!(arrived, total);
            prop_assert!(requests <= cuts.len() + 1);
        }
    }

    #[test]
    fn an_object_of_which_all_bytes_are_there_is_completed_by_a_head_alone() {
        let id = ObjectId::of(b"x");
        let parts = plan(&[Missing { id, length: 5, offset: 5 }], 10);
        assert_eq!(parts, [Part { id, range: 5..5, length: 5 }]);
        assert!(parts[0].completes(&Missing { id, length: 5, offset: 5 }));
        assert_eq!(length(&parts), format!("{id} 5 5\n").len() as u64);
    }
}
