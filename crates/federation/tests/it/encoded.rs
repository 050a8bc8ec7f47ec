//! Updates that are encoded, or of some arrays only.

use std::collections::BTreeMap;

use federation::{
    Federation, Federations,
    actions::{
        accept_reply::{self, Acceptance},
        read,
    },
    drive,
    layout::{ArrayLayout, Segment, UpdateLayout},
    spec::Scalar,
    state::FederationState,
    task::{NUM_EXAMPLES, Reply, Task},
};
use thunderline_core::{NodeId, Result};
use thunderline_numerics::{
    ArraySpec, DType, ModelSchema,
    checkpoint::CheckpointHeader,
    encoding::{
        encode,
        terms::{KEY, Terms},
    },
};
use thunderline_objects::{Objects, Sha256};
use thunderline_testkit::{TestDb, both};

use crate::site::Site;

fn spec(rounds: u32, update: &str, more: &str) -> String {
    format!(
        "model_ref: builtin:mlp(40,20,10)\nnum_rounds: {rounds}\nmin_clients: 2\nseed: 3\n\
         evaluation: {{federated: false}}\nupdate: {update}\n{more}"
    )
}

const ROTATION: &str = "{encoding: {by: rotation, bits: 4}}";
const FP16: &str = "{encoding: fp16}";

fn terms(task: &Task) -> Option<Terms> {
    let (_, value) = task.config.iter().find(|(key, _)| key == KEY)?;
    let Scalar::Text(text) = value else { panic!("terms are text") };
    Some(serde_json::from_str(text).unwrap())
}

async fn begun(t: TestDb, nodes: u64, spec: &str) -> Result<(Site, Federation)> {
    let site = Site::new(t)?;
    for number in 1..=nodes {
        site.join(number).await?;
    }
    let federation = site.submit(spec).await?;
    site.drive(&federation).await?;
    Ok((site, federation))
}

impl Site {
    fn schema(&self, digest: &Sha256) -> Result<ModelSchema> {
        Ok(CheckpointHeader::read(&mut self.domain.objects.checkpoints()?.open(digest)?)?.schema)
    }

    /// Puts an array among the task's uploads.
    fn upload(&self, task: &Task, spec: ArraySpec, bytes: &[u8]) -> Result<ArrayLayout> {
        let object = [b"head", bytes].concat();
        let digest = Sha256::of(&object);
        self.domain.objects.area(&task.uploads)?.put_checked(digest, &object)?;
        let segment = Segment { object: digest, offset: 4, length: bytes.len() as u64 };
        Ok(ArrayLayout { spec, segments: vec![segment] })
    }

    /// The model of the task with `by` added to all elements, sent as the task asks, or as it is.
    fn moved(&self, task: &Task, by: f32, encoded: bool) -> Result<Reply> {
        let (schema, elements) = (self.schema(&task.model)?, self.elements(&task.model.to_string())?);
        let terms = terms(task).filter(|_| encoded);
        let mut arrays = Vec::new();
        for (place, spec) in schema.arrays().iter().enumerate() {
            if terms.as_ref().is_some_and(|terms| !terms.sends(&spec.name)) {
                continue;
            }
            let start = schema.array_offset(place) as usize / 4;
            let old = &elements[start..start + spec.elements().unwrap()];
            let payload = match &terms {
                Some(terms) => encode(terms.encoding, spec, &vec![by; old.len()], terms.seed_of(&spec.name))?,
                None => None,
            };
            arrays.push(match payload {
                Some(bytes) => {
                    self.upload(task, ArraySpec::new(&spec.name, DType::U8, &[bytes.len()]), &bytes)?
                }
                None => {
                    let new: Vec<u8> = old.iter().flat_map(|value| (value + by).to_le_bytes()).collect();
                    self.upload(task, spec.clone(), &new)?
                }
            });
        }
        let metrics = BTreeMap::from([(NUM_EXAMPLES.to_owned(), 1.0)]);
        Ok(Reply { update: Some(UpdateLayout { arrays }), metrics, wire_bytes: 5000, ..Reply::default() })
    }

    async fn send(&self, task: &Task, reply: Reply) -> Result<Acceptance> {
        accept_reply::accept_reply(&self.t.node(task.node), &self.domain, task.lease, reply).await
    }

    async fn next(&self, number: u64) -> Result<Task> {
        Ok(self.claim(NodeId::from_bits(number)).await?.expect("the node has a task"))
    }

    /// By how much each element of the model has changed since the task began, from the least to the most.
    async fn change(&self, federation: &Federation, since: &Task) -> Result<Vec<f32>> {
        let now = self.elements(&self.get(federation).await?.model.expect("there is a model"))?;
        let before = self.elements(&since.model.to_string())?;
        Ok(now.iter().zip(before).map(|(now, before)| now - before).collect())
    }
}

fn near(change: &[f32], wanted: f32, tolerance: f32) {
    let worst = change.iter().map(|change| (change - wanted).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "{worst} from {wanted}");
}

both!(encoded_and_plain_updates_meet_in_one_mean_and_their_bytes_are_told, async |t: TestDb| {
    let (site, federation) = begun(t, 2, &spec(1, ROTATION, "")).await?;
    let (one, two) = (site.next(1).await?, site.next(2).await?);
    assert_ne!(terms(&one).unwrap().seed, terms(&two).unwrap().seed);
    assert!(terms(&one).unwrap().last);
    let encoded = site.moved(&one, 0.5, true)?;
    assert_eq!(site.send(&one, encoded.clone()).await?, Acceptance::Accepted);
    assert_eq!(site.send(&one, encoded).await?, Acceptance::Repeated);
    let plain = site.moved(&two, 0.25, false)?;
    assert_eq!(site.send(&two, plain).await?, Acceptance::Accepted);
    site.drive(&federation).await?;
    assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
    let change = site.change(&federation, &one).await?;
    let mean = change.iter().sum::<f32>() / change.len() as f32;
    assert!((mean - 0.375).abs() < 0.01, "{mean}");
    near(&change, 0.375, 0.2);
    let rollup = read::list_rollups(&site.t.viewer(), &site.domain, federation.id, 0).await?.remove(0).1;
    let whole = 4 * (20 * 40 + 20 + 10 * 20 + 10);
    assert_eq!((rollup.train.plain_bytes, rollup.train.wire_bytes), (2 * whole, 10_000));
    assert!((whole + whole / 8..whole + whole / 5).contains(&rollup.train.bytes), "{}", rollup.train.bytes);
});

both!(an_update_that_does_not_decode_is_refused_with_its_reason_and_the_round_goes_on, async |t: TestDb| {
    let (site, federation) = begun(t, 2, &spec(1, FP16, "")).await?;
    let (one, two) = (site.next(1).await?, site.next(2).await?);
    let mut reply = site.moved(&one, 0.5, true)?;
    let mut arrays = reply.update.take().unwrap().arrays;
    let object = site.domain.objects.area(&one.uploads)?.path_of(&arrays[0].segments[0].object);
    let mut bytes = std::fs::read(object)?[4..].to_vec();
    bytes[40..42].copy_from_slice(&0x7C00u16.to_le_bytes());
    arrays[0] = site.upload(&one, arrays[0].spec.clone(), &bytes)?;
    reply.update = Some(UpdateLayout { arrays });
    let Acceptance::Refused(reason) = site.send(&one, reply).await? else { panic!("it was taken") };
    assert!(reason.contains("array 'layers.0.weight': payload"), "{reason}");
    assert_eq!(site.send(&two, site.moved(&two, 0.25, true)?).await?, Acceptance::Accepted);
    site.drive(&federation).await?;
    assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
    near(&site.change(&federation, &two).await?, 0.25, 1e-6);
    let leases = read::list_leases(&site.t.viewer(), &site.domain, one.round).await?;
    let refused = leases.iter().find(|lease| lease.id == one.lease).unwrap();
    assert_eq!(refused.state.reason(), Some(reason.as_str()));
});

both!(payloads_are_taken_only_where_they_were_asked_for, async |t: TestDb| {
    let (site, _) = begun(t, 2, &spec(1, "{encoding: full}", "")).await?;
    let (one, two) = (site.next(1).await?, site.next(2).await?);
    assert_eq!(terms(&one), None);
    let mut reply = site.moved(&one, 0.5, false)?;
    let array = site.upload(&one, ArraySpec::new("layers.0.weight", DType::U8, &[9]), b"123456789")?;
    reply.update.as_mut().unwrap().arrays[0] = array;
    let Acceptance::Refused(reason) = site.send(&one, reply).await? else { panic!("it was taken") };
    assert_eq!(reason, "array 'layers.0.weight' is uint8, not float32");
    let mut reply = site.moved(&two, 0.5, false)?;
    reply.update.as_mut().unwrap().arrays.pop();
    let Acceptance::Refused(reason) = site.send(&two, reply).await? else { panic!("it was taken") };
    assert_eq!(reason, "3 arrays were sent; the model has 4");
});

both!(a_restart_while_an_update_is_decoded_loses_and_doubles_nothing, async |t: TestDb| {
    let (site, federation) = begun(t, 2, &spec(1, FP16, "")).await?;
    let (one, two) = (site.next(1).await?, site.next(2).await?);
    // What a killed server leaves of a decoded update: a file that no row names.
    let reply = site.moved(&one, 0.5, true)?;
    let area = site.domain.objects.area(&one.uploads)?;
    area.put(b"half of an update")?;
    assert_eq!(site.send(&one, reply.clone()).await?, Acceptance::Accepted);
    let objects = Objects::open(site.t.dir().join("objects"))?;
    let domain = Federations::new(site.t.reopen().await?, objects);
    let site = Site { domain, ..site };
    assert_eq!(site.send(&one, reply).await?, Acceptance::Repeated);
    assert_eq!(site.send(&two, site.moved(&two, 0.0, true)?).await?, Acceptance::Accepted);
    drive::sweep(&site.t.system(), &site.domain).await?;
    near(&site.change(&federation, &one).await?, 0.25, 1e-6);
    assert!(
        site.domain
            .objects
            .below("rounds")?
            .iter()
            .all(|round| { site.domain.objects.below(&format!("rounds/{round}")).unwrap().is_empty() })
    );
});

both!(every_kind_of_strategy_takes_encoded_updates, async |t: TestDb| {
    let site = Site::new(t)?;
    for number in 1..=3 {
        site.join(number).await?;
    }
    for (strategy, wanted) in [
        ("fedmedian", 0.25),
        ("krum", 0.25),
        ("{name: fedavgm, params: {server_momentum: 0.9}}", 0.5),
        ("fednova", 0.5),
    ] {
        let more = format!("strategy: {strategy}\nclient_fraction: 1\n");
        let federation = site.submit(&spec(1, FP16, &more)).await?;
        site.drive(&federation).await?;
        let mut last = None;
        for (number, by) in [(1, 0.25), (2, 0.25), (3, 1.0)] {
            let task = site.next(number).await?;
            let mut reply = site.moved(&task, by, true)?;
            reply.metrics.insert("num-steps".into(), 4.0);
            assert_eq!(site.send(&task, reply).await?, Acceptance::Accepted, "{strategy}");
            last = Some(task);
        }
        site.drive(&federation).await?;
        assert_eq!(site.get(&federation).await?.state, FederationState::Completed, "{strategy}");
        near(&site.change(&federation, &last.unwrap()).await?, wanted, 1e-6);
    }
});

both!(a_stale_update_is_decoded_onto_the_model_that_it_began_from, async |t: TestDb| {
    let buffer = "strategy: {name: fedbuff, params: {buffer_size: 1}}\n";
    let document = spec(2, FP16, buffer).replace("evaluation: {federated: false}\n", "");
    let (site, federation) = begun(t, 2, &document).await?;
    let (slow, quick) = (site.next(1).await?, site.next(2).await?);
    assert_eq!(site.send(&quick, site.moved(&quick, 1.0, true)?).await?, Acceptance::Accepted);
    site.drive(&federation).await?;
    near(&site.change(&federation, &slow).await?, 1.0, 1e-6);
    assert_eq!(site.send(&slow, site.moved(&slow, 0.5, true)?).await?, Acceptance::Accepted);
    site.drive(&federation).await?;
    near(&site.change(&federation, &slow).await?, 1.0 + 0.5 / 2f32.sqrt(), 1e-6);
});

both!(arrays_that_are_not_trained_stay_to_the_bit_whatever_strategy_and_privacy_do, async |t: TestDb| {
    let site = Site::new(t)?;
    site.join(1).await?;
    site.join(2).await?;
    let update = "{encoding: int8, trainable: ['*1.weight']}";
    for more in
        ["strategy: {name: fedadam, params: {eta: 0.5}}\n", "dp: {epsilon: 20, delta: 0.01, clip_norm: 5}\n"]
    {
        let federation = site.submit(&spec(2, update, more)).await?;
        site.drive(&federation).await?;
        let mut first = None;
        for _ in 0..2 {
            for number in 1..=2 {
                let task = site.next(number).await?;
                // One of them does not know what is not trained, and sends all.
                let reply = site.moved(&task, 0.5, number == 1)?;
                assert_eq!(site.send(&task, reply).await?, Acceptance::Accepted);
                first.get_or_insert(task);
            }
            site.drive(&federation).await?;
        }
        assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
        let change = site.change(&federation, &first.unwrap()).await?;
        let (before, trained, after) = (820, 200, 10);
        assert_eq!(change.len(), before + trained + after);
        for (place, change) in change.iter().enumerate() {
            let frozen = !(before..before + trained).contains(&place);
            assert_eq!(*change == 0.0, frozen, "element {place} with {more}");
        }
        let rounds = read::list_rounds(&site.t.viewer(), &site.domain, federation.id, 0, 9).await?;
        if let Some(state) = rounds[1].state_out.as_deref() {
            let state = site.schema(&state.parse()?)?;
            let names: Vec<_> = state.arrays().iter().map(|array| array.name.as_str()).collect();
            assert_eq!(names, ["m/layers.1.weight", "v/layers.1.weight"]);
        }
    }
});

both!(a_pattern_that_fits_nothing_is_refused_also_for_stored_models, async |t: TestDb| {
    let (site, federation) = begun(t, 2, &spec(1, FP16, "")).await?;
    let rounds = read::list_rounds(&site.t.viewer(), &site.domain, federation.id, 0, 9).await?;
    let stored = format!("sha256:{}", rounds[0].model_in.as_deref().unwrap());
    let document = spec(1, "{trainable: ['layers.*', 'lora_*']}", "app: {command: mine}\n")
        .replace("builtin:mlp(40,20,10)", &stored);
    let error = site.submit(&document).await.unwrap_err();
    assert_eq!(error.problems()[0].path, "update.trainable[1]");
    site.submit(&document.replace(", 'lora_*'", "")).await?;
});
