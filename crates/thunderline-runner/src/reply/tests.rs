use std::{collections::BTreeMap, fs::File};

use thunderline_core::NodeId;
use thunderline_flower::{message, record::MetricValue};
use thunderline_numerics::{ArraySpec, DType, MemoryArrays, checkpoint::write_checkpoint};

use super::*;

fn request() -> wire::Metadata {
    wire::Metadata {
        run_id: 9,
        message_id: ObjectId::of(b"request").to_string(),
        src_node_id: 1,
        dst_node_id: 5,
        reply_to_message_id: String::new(),
        group_id: "3".into(),
        ttl: 600.0,
        message_type: "train".into(),
        created_at: 1_000.0,
        src_task_id: Some(4),
        dst_task_id: None,
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_100).unwrap()
}

fn model(folder: &std::path::Path, names: &[&str]) -> ModelFile {
    // The first is cut into three chunks, of which two are equal; the last is empty.
    let shape = |name: &str| if name == "big" { vec![3, 1 << 20] } else { vec![usize::from(name != "none")] };
    let arrays = names.iter().map(|name| ArraySpec::new(*name, DType::F32, &shape(name))).collect();
    let schema = ModelSchema::new(arrays).unwrap();
    let bytes = vec![0; schema.bytes() as usize];
    let arrays = MemoryArrays::new(schema.clone(), bytes).unwrap();
    let path = folder.join("model");
    write_checkpoint(File::create(&path).unwrap(), &schema, &BTreeMap::new(), &arrays).unwrap();
    ModelFile::open(&path).unwrap()
}

#[test]
fn every_listed_object_has_the_bytes_of_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = model(folder.path(), &["big", "one", "none"]).schema().clone();
    let file = model(folder.path(), &["none", "one", "big"]);
    let metrics = vec![("num-examples".to_owned(), MetricValue::Int(3))];
    let reply = success(&request(), now(), &wanted, Some(&file), &metrics).unwrap();
    let listed = tree::read(&reply.tree).unwrap();
    // Three chunks of the big array, one of each small one, three arrays, ArrayRecord, MetricRecord, RecordDict, Message.
    assert_eq!(listed.len(), 3 + 2 + 3 + 4);
    let mut names = Vec::new();
    let mut data = 0;
    for object in &listed {
        let bytes = reply.objects.get(&object.id).unwrap().unwrap();
        assert_eq!(ObjectId::of(&bytes), object.id);
        assert_eq!(reply.objects.missing(&[object.id]).unwrap()[0].length, bytes.len() as u64);
        let decoded = Object::decode(&bytes).unwrap();
        assert_eq!(decoded.children, object.children);
        match decoded.kind {
            Kind::ArrayChunk => data += decoded.body.len(),
            Kind::ArrayRecord => names = record::names_from_object(Kind::ArrayRecord, &decoded).unwrap(),
            _ => {}
        }
    }
    assert_eq!(names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["big", "one", "none"]);
    assert_eq!(data, (12 << 20) + 4 + 3 * 128);
    assert!(reply.objects.get(&ObjectId::of(b"other")).unwrap().is_none());
}

#[test]
fn the_server_reads_the_reply_as_an_answer_to_its_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = model(folder.path(), &["one"]);
    let node = NodeId::from_bits(5);
    let good = success(&request(), now(), file.schema(), Some(&file), &Metrics::new()).unwrap();
    let bad = failure(&request(), now(), &Failure::new(2, "x".repeat(5000))).unwrap();
    for (reply, error) in [(good, None), (bad, Some(2000))] {
        let read = message::Reply::read(node, &reply.message).unwrap();
        assert_eq!((read.run.get(), read.reply_to.to_string()), (9, request().message_id));
        assert_eq!(read.error.as_ref().map(|error| error.reason.len()), error);
        let object = Object::decode(&reply.objects.get(&read.id).unwrap().unwrap()).unwrap();
        assert_eq!(read.check_object(node, &object).unwrap().is_none(), error.is_some());
        let metadata = reply.message.metadata.unwrap();
        assert_eq!((metadata.ttl, metadata.created_at, metadata.dst_task_id), (500.0, 1_100.0, Some(4)));
    }
}
