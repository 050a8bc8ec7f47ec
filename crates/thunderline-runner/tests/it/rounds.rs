//! Whole rounds.

use std::{path::Path, sync::Arc, thread::JoinHandle};

use serde_json::{Value, json};
use thunderline_core::{Actor, Cx, Result, SystemClock, SystemRandom, TenantId};
use thunderline_flower::{
    message::TaskKind,
    record::{MetricValue, Metrics},
};
use thunderline_numerics::{
    ArraySpec, ModelSchema,
    checkpoint::CheckpointHeader,
    model::{ModelSpec, Network},
    random::Rng,
    variates::Variates,
};
use thunderline_runner::{Floor, NamedCommand, RunnerConfig, Stop, run};

use crate::{
    cohort::Cohort,
    server::{Server, State},
};

pub struct Site {
    pub folder: tempfile::TempDir,
    stop: Stop,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Site {
    /// A runner on a small data set of two clouds of points.
    pub fn start(server: &Server, change: impl FnOnce(&mut RunnerConfig, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("shard.csv");
        let mut rng = Rng::derive(1, &["clouds"]);
        let mut point = |place: i32| {
            let centre = f64::from(place % 2 * 4 - 2);
            format!("{},{},{}\n", centre + rng.normal(), centre + rng.normal(), place % 2)
        };
        std::fs::write(&data, (0..60).map(&mut point).collect::<String>()).unwrap();
        let mut config = RunnerConfig::new(server.url(), "site-1", folder.path().join("state"));
        config.data = Some(data);
        change(&mut config, folder.path());
        let stop = Stop::new();
        let thread = std::thread::spawn({
            let stop = stop.clone();
            let tenant = "00000000-0000-0000-0000-000000000001".parse::<TenantId>().unwrap();
            let cx = Cx::new(Actor::System("runner"), tenant, Arc::new(SystemClock), Arc::new(SystemRandom));
            move || run(&cx, &config, &stop)
        });
        Self { folder, stop, thread: Some(thread) }
    }

    pub fn end(&mut self) -> Result<()> {
        self.thread.take().unwrap().join().unwrap()
    }

    pub fn stop(&mut self) {
        self.stop.stop();
        self.end().unwrap();
    }
}

fn spec() -> ModelSpec {
    ModelSpec::new(&[2, 8, 2])
}

pub fn app() -> Value {
    json!({
        "kind": "builtin", "model": spec(), "learning_rate": 0.1, "momentum": 0.5, "batch_size": 8,
        "local_epochs": 3, "proximal_mu": 0.01, "seed": 42,
    })
}

pub fn initial() -> Network {
    Network::initial(&spec(), &mut Rng::derive(42, &["init"])).unwrap()
}

fn metric(metrics: &Metrics, name: &str) -> f64 {
    let found = metrics.iter().find(|(key, _)| key == name);
    found
        .and_then(|(_, value)| MetricValue::as_f64(value))
        .unwrap_or_else(|| panic!("no {name} in {metrics:?}"))
}

/// One training round; gives the trained model. The server dies at this pushed object.
fn train(crash_at_push: Option<usize>) -> (Vec<u8>, Vec<usize>) {
    let server = Server::start();
    server.state().crash_at_push = crash_at_push;
    server.ask(TaskKind::Train, 1, &app(), initial().schema(), &initial().to_bytes());
    let mut site = Site::start(&server, |_, _| {});
    let trained = server.wait(|state| state.received.pop_front());
    assert_eq!(trained.error, None);
    assert_eq!(metric(&trained.metrics, "num-examples"), 60.0);
    assert_eq!(metric(&trained.metrics, "epochs"), 3.0);
    assert!(metric(&trained.metrics, "duration_seconds") > 0.0);

    server.ask(TaskKind::Evaluate, 1, &app(), initial().schema(), &trained.model);
    let evaluated = server.wait(|state| state.received.pop_front());
    assert!(metric(&evaluated.metrics, "accuracy") > 0.9);
    assert!(evaluated.model.is_empty());

    site.stop();
    server.close();
    let state = server.state();
    assert!(state.calls.iter().any(|path| path == "/v1/fleet/deactivate-node"), "{:?}", state.calls);
    let uploads = state.calls.iter().filter(|path| path.contains("/uploads/")).count();
    assert!(uploads == 2 || crash_at_push.is_some(), "one for each small reply: {:?}", state.calls);
    assert_eq!(std::fs::read_dir(site.folder.path().join("state/work")).unwrap().count(), 0);
    (trained.model, state.wanted.clone())
}

#[test]
fn a_train_and_an_evaluate_round_come_to_their_ends() {
    let (model, wanted) = train(None);
    assert_ne!(model, initial().to_bytes());
    // Four arrays of one chunk each, the record, the metrics, the dictionary, the message; then no arrays.
    assert_eq!(wanted, [4 + 4 + 4, 3]);
    let (again, _) = train(None);
    assert!(model == again, "another key gave another model");
}

#[test]
fn a_server_that_dies_in_an_upload_gets_what_it_lacks_when_it_is_back() {
    let (model, wanted) = train(Some(6));
    assert_eq!(model, train(None).0);
    assert_eq!((wanted[0], wanted.last()), (12, Some(&3)));
    // What was stored before is not sent again. One or two objects were on their way when it died.
    assert!(wanted[1] < 12 && wanted[1] >= 12 - 6, "{wanted:?}");
}

#[test]
fn a_lease_that_the_server_did_not_sign_is_refused_before_anything_is_pulled() {
    let server = Server::start();
    server.state().manifest_seed = 9;
    server.ask(TaskKind::Train, 1, &app(), initial().schema(), &initial().to_bytes());
    let mut site = Site::start(&server, |_, _| {});
    let received = server.wait(|state| state.received.pop_front());
    assert!(received.error.unwrap().contains("signature is not the server's"));
    site.stop();
    server.close();
    let state = server.state();
    assert!(!state.calls.iter().any(|path| path.ends_with("pull-object")), "{:?}", state.calls);
}

#[test]
fn what_a_runner_cannot_do_is_answered_with_the_reason() {
    let server = Server::start();
    let other = ModelSpec::new(&[3, 2]);
    let cases = [
        (json!({"kind": "command", "name": "resnet"}), "named no program 'resnet'"),
        (json!({"kind": "shell"}), "unknown"),
        (
            json!({"kind": "builtin", "model": other, "learning_rate": 0.1, "batch_size": 8, "local_epochs": 1}),
            "another one",
        ),
    ];
    let mut site = Site::start(&server, |_, _| {});
    for (app, why) in cases {
        server.ask(TaskKind::Train, 1, &app, initial().schema(), &initial().to_bytes());
        let received = server.wait(|state| state.received.pop_front());
        let error = received.error.unwrap();
        assert!(error.contains(why), "{error}");
    }
    site.stop();
    server.close();
}

#[test]
fn a_runner_that_is_not_known_enrols_again_once_and_then_gives_up() {
    let server = Server::start();
    server.state().refuse_pulls = [401, 401].into();
    let error = Site::start(&server, |_, _| {}).end().unwrap_err();
    assert_eq!(error.code(), "unauthenticated");
    assert!(error.to_string().contains("go away"), "{error}");
    server.close();
    let enrolled = server.state().calls.iter().filter(|path| path.ends_with("enrol")).count();
    assert_eq!(enrolled, 2);
}

#[test]
fn a_runner_that_was_forgotten_enrols_again_and_goes_on() {
    let server = Server::start();
    server.state().refuse_pulls = [503, 401].into();
    server.ask(TaskKind::Evaluate, 1, &app(), initial().schema(), &initial().to_bytes());
    let mut site = Site::start(&server, |_, _| {});
    assert_eq!(server.wait(|state| state.received.pop_front()).error, None);
    site.stop();
    server.close();
}

#[test]
fn a_second_runner_in_the_same_state_folder_is_refused() {
    let server = Server::start();
    let mut first = Site::start(&server, |_, _| {});
    server.wait(|state| state.calls.iter().any(|path| path.ends_with("pull-messages")).then_some(()));
    let state = first.folder.path().join("state");
    let error = Site::start(&server, |config, _| config.state = state).end().unwrap_err();
    assert_eq!(error.code(), "conflict");
    assert!(error.to_string().contains("--name"), "{error}");
    first.stop();
    server.close();
}

#[test]
fn data_that_cannot_be_used_is_told_before_the_runner_enrols() {
    let server = Server::start();
    let start = |text: Option<&str>, change: fn(&mut RunnerConfig)| {
        let mut site = Site::start(&server, |config, folder| {
            let path = folder.join("other.csv");
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            config.evaluation_data = Some(path);
            change(config);
        });
        site.end().unwrap_err()
    };
    let with_program = |config: &mut RunnerConfig| {
        config.commands = vec![NamedCommand::parse("trainer=/bin/true").unwrap()];
    };
    for change in [(|_| {}) as fn(&mut RunnerConfig), with_program] {
        let missing = start(None, change);
        assert_eq!(missing.code(), "not_found");
        assert!(missing.to_string().contains("other.csv"), "{missing}");
    }
    let wrong = start(Some("1,2,0\n1,x,0\n"), |_| {});
    assert_eq!(wrong.code(), "invalid");
    assert!(wrong.chain().contains("other.csv") && wrong.chain().contains("line 2"), "{}", wrong.chain());
    assert_eq!(start(Some(""), |_| {}).code(), "invalid");
    assert!(server.state().calls.is_empty());
    server.close();
}

/// The values behind a safetensors header.
fn file_values(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    let header = CheckpointHeader::read(&mut bytes.as_slice()).unwrap();
    values(&bytes[header.data_offset as usize..])
}

fn values(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|raw| f32::from_le_bytes(*raw)).collect()
}

#[test]
fn control_variates_are_kept_here_and_correct_every_gradient() {
    let server = Server::start();
    let rate = 0.1f32;
    let mut app = app();
    (app["momentum"], app["proximal_mu"], app["control_variates"]) = (0.into(), 0.into(), true.into());
    let start = initial();
    let elements = start.parameters().len();
    let specs = start.schema().arrays().iter();
    let specs =
        specs.map(|spec| ArraySpec::new(format!("c/{}", spec.name), spec.dtype, &spec.shape)).collect();
    let schema = ModelSchema::new(specs).unwrap();
    let mut site = Site::start(&server, |_, _| {});
    let mut own = vec![0.0; elements];
    // No state in the first round; then one whose correction is large enough to be seen.
    for (round, c) in [(1, None), (2, Some(0.05f32)), (3, Some(0.05))] {
        let state: Vec<u8> = c.iter().flat_map(|c| c.to_le_bytes().repeat(elements)).collect();
        let model = start.to_bytes();
        let mut arrays = vec![("arrays", start.schema(), model.as_slice())];
        arrays.extend(c.map(|_| ("state", &schema, state.as_slice())));
        server.ask_with(TaskKind::Train, round, &app, &arrays);
        let trained = server.wait(|state| state.received.pop_front());
        assert_eq!(trained.error, None);
        let steps = metric(&trained.metrics, "num-steps");
        assert_eq!((steps, metric(&trained.metrics, "step-norm")), (24.0, 24.0));
        // As the built-in trainer would have done it here.
        let path = site.folder.path().join("shard.csv");
        let data = std::io::BufReader::new(std::fs::File::open(path).unwrap());
        let data = thunderline_numerics::dataset::Dataset::read_csv(data, 1.0).unwrap();
        let variates = Variates { server: vec![c.unwrap_or(0.0); elements], own };
        let mut network = start.clone();
        let config = thunderline_numerics::sgd::SgdConfig {
            learning_rate: rate,
            momentum: 0.0,
            batch_size: 8,
            local_epochs: 3,
            proximal_mu: 0.0,
        };
        let mut rng = Rng::derive(42, &["runner", "train", &round.to_string(), "site-1"]);
        let (correction, go_on) = (variates.correction(), || true);
        thunderline_numerics::sgd::train_while(
            &mut network,
            &data,
            &config,
            &correction,
            &[],
            &mut rng,
            &go_on,
        )
        .unwrap();
        assert_eq!(values(&trained.model), network.parameters(), "round {round}");
        own = variates.next(start.parameters(), network.parameters(), f64::from(rate) * steps);
        // Kept once the reply is there, which the runner learns after this test does.
        server.ask(TaskKind::Evaluate, round, &app, start.schema(), &start.to_bytes());
        server.wait(|state| state.received.pop_front());
        let kept = std::fs::read_dir(site.folder.path().join("state/control")).unwrap();
        let kept: Vec<_> = kept.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(file_values(&kept[0]), own, "round {round}");
    }
    site.stop();
    server.close();
}

#[test]
fn only_what_is_asked_for_is_told_about_the_data() {
    let server = Server::start();
    let mut site = Site::start(&server, |_, _| {});
    let tell = |report: Value| {
        let mut app = app();
        app["report"] = report;
        server.ask(TaskKind::Train, 1, &app, initial().schema(), &initial().to_bytes());
        server.wait(|state| state.received.pop_front())
    };
    let plain = tell(Value::Null);
    assert!(plain.metrics.iter().all(|(key, _)| key != "label-entropy" && key != "data-age"));
    assert!((metric(&tell(json!("label-entropy")).metrics, "label-entropy") - 2f64.ln()).abs() < 1e-12);
    assert!(metric(&tell(json!("data-age")).metrics, "data-age") >= 0.0);
    assert!(tell(json!("names")).error.unwrap().contains("cannot report 'names'"));
    site.stop();
    server.close();
}

#[test]
fn a_runner_that_is_ended_while_it_uploads_goes_on_when_it_is_back_and_does_not_work_anew() {
    let server = Server::start();
    (server.state().crash_at_push, server.state().busy_after_crash) = (Some(2), true);
    server.ask(TaskKind::Train, 1, &app(), initial().schema(), &initial().to_bytes());
    let state = tempfile::tempdir().unwrap();
    let mut first = Site::start(&server, |config, _| config.state = state.path().into());
    let announced = |state: &mut State| state.calls.iter().filter(|it| it.ends_with("push-messages")).count();
    server.wait(|state| (announced(state) > 1).then_some(()));
    first.stop();
    let work = state.path().join("work");
    assert_eq!(std::fs::read_dir(&work).unwrap().count(), 1);
    let before = {
        let mut state = server.state();
        state.busy = false;
        // The lease is alive: the node gets its message again.
        let task = state.handed[0];
        state.tasks.push_back(task);
        state.calls.clear();
        state.uploaded
    };
    let mut second = Site::start(&server, |config, _| config.state = state.path().into());
    let trained = server.wait(|state| state.received.pop_front());
    assert_eq!(trained.error, None);
    second.stop();
    server.close();
    assert_eq!(trained.model, train(None).0);
    let state = server.state();
    assert!(!state.calls.iter().any(|path| path.ends_with("pull-object")), "{:?}", state.calls);
    assert!(before > 0 && state.uploaded > before);
    assert_eq!(std::fs::read_dir(&work).unwrap().count(), 0);
}

#[test]
fn a_masked_update_goes_on_where_the_server_died_and_leads_to_the_same_mean() {
    let server = Server::start();
    let start = initial();
    let elements = start.parameters().len();
    {
        let mut state = server.state();
        (state.cohort, state.crash_at_push) = (Some(Cohort::new(elements)), Some(1));
    }
    let mut app = app();
    app["secure_agg"] = true.into();
    server.ask(TaskKind::Train, 1, &app, start.schema(), &start.to_bytes());
    let mut site = Site::start(&server, |_, _| {});
    let mean = server.wait(|state| state.cohort.as_mut().and_then(|cohort| cohort.mean.take()));
    site.stop();
    server.close();
    // The others weigh 1 each, and change nothing.
    assert_eq!(mean.weight, 62);
    let trained = values(&train(None).0);
    for (place, (start, trained)) in start.parameters().iter().zip(trained).enumerate() {
        let wanted = (trained - start) * 60.0 / 62.0;
        assert!(
            (mean.values[place] - wanted).abs() < 1e-5,
            "{place}: {} is not {wanted}",
            mean.values[place]
        );
    }
    let state = server.state();
    // Beside the numbers, a weight and less than 200 bytes; and none of it twice.
    assert!((4 * elements..4 * elements + 200).contains(&state.uploaded), "{}", state.uploaded);
    let said = state.calls.iter().filter(|path| path.ends_with("/mask")).count();
    assert!(said >= 4, "asked, begun, asked again, ended: {:?}", state.calls);
}

#[test]
fn a_site_that_hides_among_more_than_there_are_does_not_train() {
    let server = Server::start();
    let start = initial();
    server.state().cohort = Some(Cohort::new(start.parameters().len()));
    let mut app = app();
    app["secure_agg"] = true.into();
    server.ask(TaskKind::Train, 1, &app, start.schema(), &start.to_bytes());
    let asked = Floor { members: 4, ..Floor::default() };
    let mut site = Site::start(&server, |config, _| config.floor = Some(asked));
    let error = server.wait(|state| state.received.pop_front()).error.unwrap();
    assert!(error.contains("3 members, and it takes 4"), "{error}");
    site.stop();
    server.close();
    assert!(server.state().calls.iter().all(|path| !path.ends_with("/share") && !path.ends_with("/mask")));
}

#[test]
fn a_site_that_asks_anything_of_masks_does_not_train_without_them() {
    let server = Server::start();
    let start = initial();
    server.ask(TaskKind::Train, 1, &app(), start.schema(), &start.to_bytes());
    let mut site = Site::start(&server, |config, _| config.floor = Some(Floor::default()));
    let error = server.wait(|state| state.received.pop_front()).error.unwrap();
    assert!(error.contains("secure aggregation only"), "{error}");
    // Evaluation tells metrics alone.
    server.ask(TaskKind::Evaluate, 1, &app(), start.schema(), &start.to_bytes());
    assert_eq!(server.wait(|state| state.received.pop_front()).error, None);
    site.stop();
    server.close();
}

#[test]
fn what_was_finished_without_masks_is_not_sent_by_a_site_that_asks_for_them_now() {
    let (server, start) = (Server::start(), initial());
    let folder = tempfile::tempdir().unwrap();
    {
        let mut state = server.state();
        (state.busy_after_crash, state.crash_at_push) = (true, Some(2));
    }
    server.ask(TaskKind::Train, 1, &app(), start.schema(), &start.to_bytes());
    let mut site = Site::start(&server, |config, _| config.state = folder.path().into());
    let announced = |state: &mut State| state.calls.iter().filter(|it| it.ends_with("push-messages")).count();
    server.wait(|state| (announced(state) > 1).then_some(()));
    site.stop();
    {
        let mut state = server.state();
        state.busy = false;
        let task = state.handed[0];
        state.tasks.push_back(task);
    }
    let mut site = Site::start(&server, |config, _| {
        config.state = folder.path().into();
        config.floor = Some(Floor::default());
    });
    let error = server.wait(|state| state.received.pop_front()).error.unwrap();
    assert!(error.contains("secure aggregation only"), "{error}");
    site.stop();
    server.close();
}

/// What is sent, as `top_k` and with a rest, of training from a model at which it always begins.
fn ask_for_a_tenth(server: &Server, round: u64) {
    let (model, start) = (initial().to_bytes(), initial());
    let terms = json!({"encoding": {"by": "top_k", "fraction": 0.1}, "seed": 1, "last": false});
    server.ask_encoded(TaskKind::Train, round, &app(), Some(&terms), &[("arrays", start.schema(), &model)]);
}

fn rests(state: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(state.join("rest")) else { return Vec::new() };
    entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// What becomes of a first round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    /// The server has the update, and the runner hears of it.
    Heard,
    /// The server has it, and the runner is ended before it hears of it.
    Unheard,
    /// The runner is ended in the middle of the upload, and the server does not ask again.
    Lost,
    /// The runner is ended in the middle of the upload, and goes on when it is back.
    Resumed,
    /// There is none.
    None,
}

/// What is sent in a second round, and what is left out then.
fn second_after(first: First) -> (Vec<u8>, Vec<Vec<u8>>) {
    let server = Server::start();
    let state = tempfile::tempdir().unwrap();
    let start = || Site::start(&server, |config, _| config.state = state.path().into());
    let mut site = start();
    if first != First::None {
        {
            let mut state = server.state();
            state.busy_after_crash = true;
            state.crash_when_complete = first == First::Unheard;
            state.crash_at_push = matches!(first, First::Lost | First::Resumed).then_some(2);
        }
        ask_for_a_tenth(&server, 1);
    }
    if first == First::Heard {
        server.wait(|state| state.received.pop_front());
    } else if first != First::None {
        let announced =
            |state: &mut State| state.calls.iter().filter(|it| it.ends_with("push-messages")).count();
        server.wait(|state| (announced(state) > 1).then_some(()));
        site.stop();
        assert!(rests(state.path()).is_empty());
        let mut known = server.state();
        known.busy = false;
        if first == First::Resumed {
            let task = known.handed[0];
            known.tasks.push_back(task);
            known.calls.clear();
        }
        drop(known);
        site = start();
    }
    match first {
        First::Resumed => {
            server.wait(|state| state.received.pop_front());
            assert!(!server.state().calls.iter().any(|path| path.ends_with("pull-object")), "it worked anew");
        }
        First::Unheard => drop(server.wait(|state| state.received.pop_front())),
        First::Heard | First::Lost | First::None => {}
    }
    ask_for_a_tenth(&server, 2);
    let second = server.wait(|state| state.received.pop_front());
    assert_eq!(second.error, None);
    site.stop();
    server.close();
    assert_eq!(std::fs::read_dir(state.path().join("work")).unwrap().count(), 0);
    (second.model, rests(state.path()))
}

#[test]
fn what_was_left_out_is_kept_once_if_the_server_has_the_update_whenever_the_runner_is_ended() {
    let (sent, left) = second_after(First::Heard);
    assert_eq!(left.len(), 1);
    assert!((sent.clone(), left.clone()) == second_after(First::Unheard), "the server had the first update");
    assert!((sent.clone(), left.clone()) == second_after(First::Resumed), "the first update was sent later");
    let alone = second_after(First::None);
    assert!((sent, left) != alone, "the first round leaves nothing out");
    assert!(alone == second_after(First::Lost), "the server never had the first update");
}
