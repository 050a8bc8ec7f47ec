//! Trees of objects: what belongs to a message.

use std::collections::{HashMap, HashSet};

use thunderline_core::Result;

use crate::{ObjectId, malformed, wire};

/// Message, record dictionary, record, array, chunk.
pub const MAX_DEPTH: usize = 5;

/// The most objects of one message, repeats included. A model of 100 000 arrays is larger than any known one.
pub const MAX_OBJECTS: usize = 262_144;

/// An object and its distinct children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The object.
    pub id: ObjectId,
    /// Its children in first-use order.
    pub children: Vec<ObjectId>,
}

/// The tree that starts at `root`, for objects that are `listed` in post-order (children before parents).
///
/// # Errors
/// `invalid` where an object is not listed or not after its children.
pub fn build(listed: &[Listed], root: ObjectId) -> Result<wire::ObjectTree> {
    let mut built: HashMap<ObjectId, wire::ObjectTree> = HashMap::new();
    for object in listed {
        let children = object
            .children
            .iter()
            .map(|child| {
                built.get(child).cloned().ok_or_else(|| {
                    malformed("object_tree", format!("{child} is listed too late"), "children first")
                })
            })
            .collect::<Result<_>>()?;
        built.insert(object.id, wire::ObjectTree { object_id: object.id.to_string(), children });
    }
    built
        .remove(&root)
        .ok_or_else(|| malformed("object_tree", format!("{root} is not listed"), "a listed root"))
}

/// Reads a received tree: the distinct objects in post-order; the last one is the root.
///
/// # Errors
/// `invalid` where an id is malformed, a parent lists a child twice, an object appears with different children, or the
/// tree is deeper than [`MAX_DEPTH`] or larger than [`MAX_OBJECTS`].
pub fn read(tree: &wire::ObjectTree) -> Result<Vec<Listed>> {
    let mut reader = Reader { seen: HashMap::new(), listed: Vec::new(), count: 0 };
    reader.visit(tree, 1)?;
    Ok(reader.listed)
}

struct Reader {
    /// Where each object stands in `listed`.
    seen: HashMap<ObjectId, usize>,
    listed: Vec<Listed>,
    count: usize,
}

impl Reader {
    fn visit(&mut self, tree: &wire::ObjectTree, depth: usize) -> Result<ObjectId> {
        self.count += 1;
        if depth > MAX_DEPTH || self.count > MAX_OBJECTS {
            return Err(malformed(
                "object_tree",
                "the tree is too large",
                "at most 5 levels and 262144 objects",
            ));
        }
        let id: ObjectId = tree.object_id.parse()?;
        let children =
            tree.children.iter().map(|child| self.visit(child, depth + 1)).collect::<Result<Vec<_>>>()?;
        let mut distinct = HashSet::new();
        if let Some(twice) = children.iter().find(|child| !distinct.insert(**child)) {
            return Err(malformed("object_tree", format!("{twice} is listed twice"), "distinct children"));
        }
        match self.seen.get(&id) {
            None => {
                self.seen.insert(id, self.listed.len());
                self.listed.push(Listed { id, children });
            }
            Some(&position) if self.listed[position].children != children => {
                return Err(malformed("object_tree", format!("{id} has two sets of children"), "one"));
            }
            Some(_) => {}
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use thunderline_core::Sha256;

    fn id(n: u8) -> ObjectId {
        ObjectId(Sha256::from_bytes([n; 32]))
    }

    fn listed(n: u8, children: &[u8]) -> Listed {
        Listed { id: id(n), children: children.iter().map(|&child| id(child)).collect() }
    }

    #[test]
    fn a_shared_object_is_listed_once_and_before_its_parents() {
        let list = [listed(1, &[]), listed(2, &[1]), listed(3, &[1]), listed(4, &[3, 2]), listed(5, &[4])];
        let tree = build(&list, id(5)).unwrap();
        let read = read(&tree).unwrap();
        assert_eq!(
            read,
            [listed(1, &[]), listed(3, &[1]), listed(2, &[1]), listed(4, &[3, 2]), listed(5, &[4])]
        );
    }

    #[test]
    fn inconsistent_deep_and_malformed_trees_are_refused() {
        let leaf = |n| wire::ObjectTree { object_id: id(n).to_string(), children: vec![] };
        let node = |n, children| wire::ObjectTree { object_id: id(n).to_string(), children };
        for (tree, reason) in [
            (node(1, vec![leaf(2), leaf(2)]), "twice"),
            (node(1, vec![leaf(2), node(3, vec![node(2, vec![leaf(4)])])]), "two sets"),
            (node(1, vec![leaf(1)]), "two sets"),
            ((0..5).fold(leaf(9), |tree, n| node(n, vec![tree])), "too large"),
            (wire::ObjectTree { object_id: "12".into(), children: vec![] }, "not an object id"),
        ] {
            let error = read(&tree).unwrap_err().to_string();
            assert!(error.contains(reason), "{error} does not say '{reason}'");
        }
        assert!(build(&[listed(2, &[1]), listed(1, &[])], id(2)).is_err());
        assert!(build(&[listed(1, &[])], id(2)).is_err());
    }

    #[test]
    fn a_flood_of_repeats_is_refused() {
        let leaf = |n: u32| wire::ObjectTree {
            object_id: ObjectId::of(&n.to_le_bytes()).to_string(),
            children: vec![],
        };
        let wide: Vec<_> = (0..600).map(leaf).collect();
        let parents =
            (0..600).map(|n| wire::ObjectTree { children: wide.clone(), ..leaf(1000 + n) }).collect();
        let tree = wire::ObjectTree { children: parents, ..leaf(9999) };
        assert!(read(&tree).unwrap_err().to_string().contains("too large"));
    }

    proptest! {
        #[test]
        fn a_tree_that_was_read_is_built_again(shape in proptest::collection::vec(proptest::collection::vec(0u8..6, 0..4), 0..5)) {
            let mut list: Vec<Listed> = Vec::new();
            for children in &shape {
                let mut children = children.clone();
                children.sort_unstable();
                children.dedup();
                for &child in &children {
                    if !list.iter().any(|object| object.id == id(child)) {
                        list.push(listed(child, &[]));
                    }
                }
                list.push(listed(100 + list.len() as u8, &children));
            }
            let tops: Vec<u8> = list.iter().map(|o| o.id.0.as_bytes()[0]).filter(|id| *id >= 100).collect();
            list.push(listed(250, &tops));
            let again = read(&build(&list, id(250)).unwrap()).unwrap();
            prop_assert_eq!(build(&again, id(250)).unwrap(), build(&list, id(250)).unwrap());
        }
    }
}
