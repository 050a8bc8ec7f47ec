use prost::Message as _;
use thunderline_core::RunId;
use thunderline_flower::{
    message::{self, ReplyError},
    record::MetricValue,
    wire,
};
use thunderline_objects::Objects;

use super::*;

const DATA: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// A node's stored objects and what was announced.
struct Stored {
    _folder: tempfile::TempDir,
    area: Area,
    node: NodeId,
}

impl Stored {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let area = Objects::open(folder.path()).unwrap().area("rounds/1").unwrap();
        Self { _folder: folder, area, node: NodeId::from_bits(9) }
    }

    fn put(&self, object: &Object) -> ObjectId {
        let bytes = object.encode();
        let id = ObjectId::of(&bytes);
        self.area.put_checked(digest(&id), &bytes).unwrap();
        id
    }

    fn npy(&self) -> Vec<u8> {
        [npy::header(DType::F32, &[2, 2]).unwrap(), DATA.to_vec()].concat()
    }

    /// An array object over these pieces of data.
    fn array(&self, pieces: &[&[u8]], change: impl FnOnce(&mut Array)) -> ObjectId {
        let chunks = pieces.iter().map(|piece| self.put(&Object::leaf(Kind::ArrayChunk, piece.to_vec())));
        let mut array = Array {
            dtype: "float32".into(),
            shape: vec![2, 2],
            stype: NUMPY.into(),
            chunks: chunks.collect(),
        };
        change(&mut array);
        self.put(&array.to_object())
    }

    fn arrays(&self, array: ObjectId) -> ObjectId {
        self.put(&record::names_object(Kind::ArrayRecord, &[("w".into(), array)]))
    }

    fn metrics(&self) -> ObjectId {
        let metrics = [
            ("num-examples".to_owned(), MetricValue::from(7)),
            ("loss".to_owned(), MetricValue::Double(0.5)),
            ("history".to_owned(), MetricValue::Doubles(vec![1.0])),
        ];
        self.put(&record::metrics_object(&metrics))
    }

    fn announced(&self, children: Vec<ObjectId>, error: Option<wire::Error>) -> Announced {
        let metadata = wire::Metadata {
            run_id: 3,
            src_node_id: self.node.get(),
            dst_node_id: 1,
            reply_to_message_id: ObjectId::of(b"task").to_string(),
            ttl: 1.0,
            message_type: "train".into(),
            ..wire::Metadata::default()
        };
        let body = wire::Message { metadata: Some(metadata), content: None, error: error.clone() };
        let id = self.put(&Object { kind: Kind::Message, children, body: body.encode_to_vec().into() });
        let reply = message::Reply {
            id,
            run: RunId::from_bits(3),
            reply_to: ObjectId::of(b"task"),
            kind: "train".into(),
            error: error.map(|error| ReplyError { code: error.code, reason: error.reason }),
        };
        Announced::new(&reply, &[id])
    }

    /// Reads a reply with these records.
    fn read(&self, records: &[ObjectId]) -> Result<task::Reply> {
        let names: Vec<_> = records.iter().enumerate().map(|(place, id)| (place.to_string(), *id)).collect();
        let content = self.put(&record::names_object(Kind::RecordDict, &names));
        read(&self.area, &self.announced(vec![content], None), self.node)
    }

    /// The bytes that a layout points at.
    fn elements(&self, layout: &ArrayLayout) -> Vec<u8> {
        let mut elements = Vec::new();
        for segment in &layout.segments {
            let bytes = std::fs::read(self.area.path_of(&segment.object)).unwrap();
            elements.extend_from_slice(&bytes[segment.offset as usize..][..segment.length as usize]);
        }
        elements
    }
}

#[test]
fn a_layout_points_at_the_elements_however_the_data_was_cut() {
    let stored = Stored::new();
    let npy = stored.npy();
    for cuts in [vec![npy.len()], vec![5, npy.len()], vec![128, npy.len()], vec![60, 131, 132, npy.len()]] {
        let mut start = 0;
        let mut pieces = Vec::new();
        for cut in &cuts {
            pieces.push(&npy[start..*cut]);
            start = *cut;
        }
        let array = stored.array(&pieces, |_| {});
        let reply = stored.read(&[stored.arrays(array), stored.metrics()]).unwrap();
        let layout = &reply.update.as_ref().unwrap().arrays[0];
        assert_eq!(layout.spec, ArraySpec::new("w", DType::F32, &[2, 2]));
        assert_eq!(stored.elements(layout), DATA, "cut at {cuts:?}");
        assert_eq!(reply.metrics, BTreeMap::from([("loss".into(), 0.5), ("num-examples".into(), 7.0)]));
    }
}

#[test]
fn an_empty_array_has_no_segments() {
    let stored = Stored::new();
    let data = npy::header(DType::F32, &[0]).unwrap();
    let array = stored.array(&[&data], |array| array.shape = vec![0]);
    let reply = stored.read(&[stored.arrays(array)]).unwrap();
    assert!(reply.update.unwrap().arrays[0].segments.is_empty());
}

#[test]
fn replies_that_do_not_hold_together_are_refused_with_the_reason() {
    let stored = Stored::new();
    let npy = stored.npy();
    let good = stored.array(&[&npy], |_| {});
    let cases = [
        (stored.array(&[&npy], |array| array.shape = vec![4]), "differs"),
        (stored.array(&[&npy], |array| array.dtype = "float64".into()), "differs"),
        (stored.array(&[&npy], |array| array.stype = "pickle".into()), "'pickle'"),
        (stored.array(&[&npy[..npy.len() - 1]], |_| {}), "bytes"),
        (stored.array(&[&npy, b"x"], |_| {}), "bytes"),
        (stored.array(&[b"nonsense"], |_| {}), "NUMPY"),
        (stored.array(&[&npy], |array| array.chunks = vec![ObjectId::of(b"absent")]), "not announced"),
        (stored.array(&[&npy], |array| array.chunks = vec![good]), "array 'w'"),
        (stored.metrics(), "array 'w'"),
    ];
    for (array, reason) in cases {
        let error = stored.read(&[stored.arrays(array)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(reason), "{error} does not say '{reason}'");
    }
    let arrays = stored.arrays(good);
    let twice = stored.read(&[arrays, stored.arrays(good)]).unwrap_err();
    assert!(twice.to_string().contains("more than one"), "{twice}");
    assert!(stored.read(&[good]).unwrap_err().to_string().contains("no record"));
    let no_content = read(&stored.area, &stored.announced(vec![], None), stored.node).unwrap_err();
    assert!(no_content.to_string().contains("children"), "{no_content}");
}

#[test]
fn an_error_is_told_with_its_code() {
    let stored = Stored::new();
    let error = wire::Error { code: 2, reason: "ValueError".into() };
    let reply = read(&stored.area, &stored.announced(vec![], Some(error)), stored.node).unwrap();
    assert_eq!(reply.error.as_deref(), Some("code 2: ValueError"));
}
