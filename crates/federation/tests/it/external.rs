//! Strategies that are programs: real processes, from the spec to the stored model, and everything that can go wrong with them.

use std::{fs, io::Read, path::PathBuf, process::Command, time::Duration};

use federation::{
    Federation, Federations, Round,
    actions::{cancel, read},
    drive::{self, Driven},
    external::Programs,
    spec::FederationSpec,
    state::FederationState,
};
use serde_json::{Value, json};
use thunderline_bridge::NamedCommand;
use thunderline_core::{NodeId, Result, SignedDuration};
use thunderline_numerics::{
    ArraySpec, DType, MemoryArrays, ModelSchema,
    checkpoint::{CheckpointHeader, write_checkpoint},
};
use thunderline_objects::Sha256;
use thunderline_store::{JobFilter, JobState};
use thunderline_testkit::{Engine, TestDb, both, run};
use tokio_util::sync::CancellationToken;

use crate::site::{SPEC, Site};

const LONG: Duration = Duration::from_secs(600);

/// What every script begins with: the document, and where things are.
const HEAD: &str =
    "cat > told.json; updates=updates; model=output-model.safetensors; state=output-state.safetensors\n";

/// A site of two nodes whose server has these strategies, each a shell script; `$files` is a folder of the test's.
async fn site(t: TestDb, limit: Duration, scripts: &[(&str, &str)]) -> Result<Site> {
    let mut site = Site::new(t)?;
    let files = files(&site);
    fs::create_dir_all(&files)?;
    let shell = |(name, script): &(&str, &str)| {
        let script = format!("files={}; {HEAD}{script}", files.display());
        NamedCommand { name: (*name).into(), program: "/bin/sh".into(), arguments: vec!["-c".into(), script] }
    };
    let programs = Programs::new(scripts.iter().map(shell).collect(), work(&site), limit)?;
    site.domain = site.domain.with_programs(programs);
    site.join(1).await?;
    site.join(2).await?;
    Ok(site)
}

fn files(site: &Site) -> PathBuf {
    site.t.dir().join("files")
}

fn work(site: &Site) -> PathBuf {
    site.t.dir().join("strategies")
}

/// A safetensors file for scripts to copy.
fn write(site: &Site, name: &str, arrays: &[(&str, &[usize], f32)]) {
    let specs = arrays.iter().map(|(name, shape, _)| ArraySpec::new(*name, DType::F32, shape)).collect();
    let schema = ModelSchema::new(specs).unwrap();
    let mut bytes = Vec::new();
    for (array, (_, _, value)) in schema.arrays().iter().zip(arrays) {
        bytes.extend(value.to_le_bytes().repeat(array.elements().unwrap()));
    }
    let arrays = MemoryArrays::new(schema.clone(), bytes).unwrap();
    let file = fs::File::create(files(site).join(name)).unwrap();
    write_checkpoint(file, &schema, &Default::default(), &arrays).unwrap();
}

const WEIGHT: (&str, &[usize], f32) = ("layers.0.weight", &[2, 1], 7.0);
const BIAS: (&str, &[usize], f32) = ("layers.0.bias", &[2], 9.0);

fn spec(strategy: &str, more: &str) -> String {
    format!("{SPEC}strategy: {{external: {strategy}}}\nseed: 5\n{more}")
}

impl Site {
    /// Both nodes answer the open round, 1 and 5, and the round is carried on.
    async fn both_answer(&self, federation: &Federation) -> Result<()> {
        self.both_have_answered(federation).await?;
        self.drive(federation).await
    }

    /// The same, but nobody carries the round on.
    async fn both_have_answered(&self, federation: &Federation) -> Result<()> {
        self.drive(federation).await?;
        for (number, value) in [(1, 1.0), (2, 5.0)] {
            let task = self.claim(NodeId::from_bits(number)).await?.expect("every node has a task");
            self.answer(&task, value, value.into()).await?;
        }
        Ok(())
    }

    async fn every_round(&self, federation: &Federation) -> Result<Vec<Round>> {
        read::list_rounds(&self.t.viewer(), &self.domain, federation.id, 0, 100).await
    }

    fn no_folder_is_left(&self) {
        let left: Vec<_> = fs::read_dir(work(self)).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

both!(a_program_is_told_everything_and_what_it_writes_is_the_next_model, async |t: TestDb| {
    let site = site(
        t,
        LONG,
        &[(
            "keeper",
            "cp told.json $files/told-$(ls $files | wc -l).json
         cp $files/new.safetensors $model
         [ -e state.safetensors ] && cp state.safetensors $files/was.safetensors
         cp updates/1.safetensors $state
         echo '{\"metrics\": {\"kept\": 2, \"spread\": 0.5}}'",
        )],
    )
    .await?;
    // Another order than the model's, and something beside the arrays.
    write(&site, "new.safetensors", &[BIAS, WEIGHT]);
    let params = "params: {trim: 0.1, names: [a, b], deep: {er: null}}";
    let federation = site
        .submit(&spec(&format!("keeper, {params}"), "").replace("num_rounds: 1", "num_rounds: 2"))
        .await?;
    for _ in 0..2 {
        site.both_answer(&federation).await?;
    }
    let done = site.get(&federation).await?;
    assert_eq!(done.state, FederationState::Completed, "{:?}", site.every_round(&federation).await?[0].state);
    assert_eq!(site.elements(&done.model.clone().unwrap())?, [7.0, 7.0, 9.0, 9.0]);
    let rounds = site.every_round(&federation).await?;
    // The state is the second update of each round: of the same bytes, hence the same file.
    let state: Sha256 = rounds[1].state_out.as_deref().unwrap().parse()?;
    assert_eq!(rounds[0].state_out, rounds[1].state_out);
    let kept = site.domain.objects.checkpoints()?;
    assert_eq!(site.elements(&state.to_string())?, [5.0; 4]);
    assert_eq!(fs::read(files(&site).join("was.safetensors"))?, fs::read(kept.path_of(&state))?);
    let names = |digest: &str| -> Result<Vec<String>> {
        let header = CheckpointHeader::read(&mut kept.open(&digest.parse()?)?)?;
        Ok(header.schema.arrays().iter().map(|array| array.name.clone()).collect())
    };
    assert_eq!(names(&done.model.unwrap())?, ["layers.0.weight", "layers.0.bias"]);

    let told = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(files(&site).join(name)).unwrap()).unwrap()
    };
    let (first, second) = (told("told-1.json"), told("told-2.json"));
    assert_eq!((&first["version"], &first["round"], &second["round"]), (&json!(1), &json!(1), &json!(2)));
    assert_eq!(first["params"], json!({"trim": 0.1, "names": ["a", "b"], "deep": {"er": null}}));
    assert!(first["input_state"].is_null() && second["input_state"].is_string(), "{second}");
    assert_ne!(first["seed"], second["seed"]);
    assert!(first["seed"].as_u64().unwrap() < 1 << 32);
    let updates = first["updates"].as_array().unwrap();
    let of = |place: usize, key: &str| &updates[place][key];
    assert_eq!((of(0, "node"), of(1, "node")), (&json!(NodeId::from_bits(1)), &json!(NodeId::from_bits(2))));
    assert_eq!((of(0, "weight"), of(1, "num_examples")), (&json!(1.0), &json!(5.0)));
    assert_eq!(of(1, "metrics")["loss"], json!(5.0));
    assert!(of(1, "model").as_str().unwrap().ends_with("/updates/1.safetensors"), "{first}");

    let rollups = read::list_rollups(&site.t.viewer(), &site.domain, federation.id, 0).await?;
    let (_, last) = rollups.last().unwrap();
    assert_eq!((last.aggregate_metrics["kept"], last.aggregate_metrics["spread"]), (2.0, 0.5));
    let artifacts =
        read::list_artifacts(&site.t.viewer(), &site.domain, Some(federation.id), None, 10).await?;
    let made = artifacts.iter().find(|artifact| artifact.round == Some(rounds[1].id)).unwrap();
    assert_eq!(made.metadata["strategy"]["external"], "keeper");
    assert_eq!(made.metadata["optimiser_state"]["before"], state.to_string());
    site.no_folder_is_left();
});

/// Each of these fails the round with its reason, and leaves nothing of it.
const FAULTS: &[(&str, &str, &str)] = &[
    ("crash", "echo 'division by zero' >&2; exit 3", "exit status: 3; it said: division by zero"),
    ("signal", "kill -SEGV $$", "signal: 11"),
    ("silent", "echo '{}'", "wrote no model to output_model"),
    ("mute", "cp $files/new.safetensors $model", "did not answer as agreed"),
    ("chatty", "cp $files/new.safetensors $model; echo hello", "did not answer as agreed"),
    ("strange", "cp $files/new.safetensors $model; echo '{\"model\": 1}'", "did not answer as agreed"),
    (
        "wordy",
        "cp $files/new.safetensors $model; echo '{\"metrics\": {\"mood\": \"fine\"}}'",
        "'mood', which is not a number",
    ),
    ("nonsense", "echo nonsense > $model; echo '{}'", "output-model.safetensors what is no safetensors file"),
    ("short", "head -c 150 $files/new.safetensors > $model; echo '{}'", "whose header announces"),
    ("pipe", "mkfifo $model; echo '{}'", "output-model.safetensors that is no file"),
    ("nan", "cp $files/nan.safetensors $model; echo '{}'", "'layers.0.bias' has at element 0 a NaN"),
    (
        "wide",
        "cp $files/wide.safetensors $model; echo '{}'",
        "'layers.0.bias' float32[3], which is to be 'layers.0.bias' float32[2]",
    ),
    ("less", "cp $files/less.safetensors $model; echo '{}'", "without the array 'layers.0.bias'"),
    ("more", "cp $files/more.safetensors $model; echo '{}'", "3 arrays instead of 2"),
    (
        "hoard",
        "cp $files/new.safetensors $model; cp $files/huge.safetensors $state; echo '{}'",
        "wrote a state of 8",
    ),
    (
        "endless",
        "echo hoarding >&2; exec cat /dev/zero > hoard",
        "to its folder and was killed; it said: hoarding",
    ),
    (
        "torn",
        "cp $files/new.safetensors $model; echo x > $state; echo '{}'",
        "output-state.safetensors what is no",
    ),
];

async fn every_fault(t: TestDb) -> Result<()> {
    let scripts: Vec<_> = FAULTS.iter().map(|(name, script, _)| (*name, *script)).collect();
    let site = site(t, LONG, &scripts).await?;
    write(&site, "new.safetensors", &[WEIGHT, BIAS]);
    write(&site, "nan.safetensors", &[WEIGHT, ("layers.0.bias", &[2], f32::NAN)]);
    write(&site, "wide.safetensors", &[WEIGHT, ("layers.0.bias", &[3], 0.0)]);
    write(&site, "less.safetensors", &[WEIGHT]);
    write(&site, "more.safetensors", &[WEIGHT, BIAS, ("third", &[], 0.0)]);
    write(&site, "huge.safetensors", &[("all", &[20 << 20], 0.0)]);
    for (name, _, why) in FAULTS {
        let federation = site.submit(&spec(name, "round: {max_failures: 0}\n")).await?;
        site.both_answer(&federation).await?;
        let failed = site.get(&federation).await?;
        let rounds = site.every_round(&federation).await?;
        let reason = rounds[0].state.reason().unwrap_or_default();
        assert!(reason.contains(why), "{name}: {reason}");
        assert_eq!((failed.state, rounds.len()), (FederationState::Failed, 1), "{name}");
        assert_eq!((&rounds[0].model_out, &rounds[0].state_out), (&None, &None), "{name}");
        assert_eq!(failed.model, rounds[0].model_in, "{name}");
        site.no_folder_is_left();
    }
    // Nothing but the models that the federations began from: one, since all have the same seed.
    assert_eq!(site.domain.objects.checkpoints()?.walk()?.len(), 1);
    Ok(())
}

/// On one engine: what a program writes has nothing to do with the database.
#[test]
fn whatever_a_program_does_wrong_fails_the_round_with_its_reason_and_stores_nothing() {
    run(Engine::Sqlite, crate::MIGRATIONS, every_fault);
}

both!(a_program_that_hangs_is_killed_at_its_limit_and_the_round_is_tried_again, async |t: TestDb| {
    let script = "echo thinking >&2
        if mkdir $files/once; then sleep 3600 & sleep 3600; fi
        cp $files/new.safetensors $model; echo '{}'";
    // What does not hang is far quicker than this, also where all others want the processors.
    let site = site(t, Duration::from_millis(3_500), &[("slow", script)]).await?;
    write(&site, "new.safetensors", &[WEIGHT, BIAS]);
    let federation = site.submit(&spec("slow", "round: {max_failures: 1}\n")).await?;
    site.both_answer(&federation).await?;
    let rounds = site.every_round(&federation).await?;
    let reason = rounds[0].state.reason().unwrap();
    assert!(reason.contains("longer than 3.5 s and was killed; it said: thinking"), "{reason}");
    let now = site.get(&federation).await?;
    assert_eq!(now.reason, Some(format!("round 1 failed (attempt 1): {reason}")), "{:?}", now.state);
    site.both_answer(&federation).await?;
    let rounds = site.every_round(&federation).await?;
    assert_eq!((rounds[1].number, rounds[1].attempt, rounds[1].state.name()), (1, 2, "completed"));
    let done = site.get(&federation).await?;
    assert_eq!((done.state, done.reason), (FederationState::Completed, None));
});

/// A pipe that programs hold open while they live.
struct Alive(fs::File);

impl Alive {
    /// Makes it, and resolves when somebody has written a line to it.
    fn expect(site: &Site) -> tokio::task::JoinHandle<Self> {
        let path = files(site).join("alive");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        tokio::task::spawn_blocking(move || {
            let mut pipe = fs::File::open(path).unwrap();
            pipe.read_exact(&mut [0]).unwrap();
            Self(pipe)
        })
    }

    /// Resolves when all who held it are gone.
    async fn gone(mut self) {
        tokio::task::spawn_blocking(move || self.0.read_to_end(&mut Vec::new()).unwrap()).await.unwrap();
    }
}

async fn driven_until(site: &Site, federation: &Federation, stopping: &CancellationToken) -> Result<Driven> {
    drive::drive_until(&site.t.system(), &site.domain, federation.id, stopping).await
}

const HOLDS: &str = "exec 3> $files/alive; echo >&3; sleep 3600";

both!(a_cancelled_federation_ends_its_program_at_once, async |t: TestDb| {
    let site = site(t, LONG, &[("holder", HOLDS)]).await?;
    let alive = Alive::expect(&site);
    let federation = site.submit(&spec("holder", "")).await?;
    let cancelled = async {
        let alive = alive.await.unwrap();
        cancel::cancel(&site.t.operator(), &site.domain, federation.id, "enough").await?;
        Ok(alive)
    };
    let (driven, alive) = tokio::join!(site.both_answer(&federation), cancelled);
    driven?;
    let alive: Result<Alive> = alive;
    alive?.gone().await;
    let rounds = site.every_round(&federation).await?;
    assert_eq!(site.get(&federation).await?.state, FederationState::Cancelled);
    assert_eq!((rounds.len(), rounds[0].state.reason()), (1, Some("the federation was cancelled")));
});

both!(
    a_server_that_stops_takes_its_programs_along_and_runs_them_again_at_the_next_start,
    async |t: TestDb| {
        let script =
            format!("if mkdir $files/once; then {HOLDS}; fi; cp $files/new.safetensors $model; echo '{{}}'");
        let site = site(t, LONG, &[("holder", &script)]).await?;
        write(&site, "new.safetensors", &[WEIGHT, BIAS]);
        let alive = Alive::expect(&site);
        let federation = site.submit(&spec("holder", "")).await?;
        let alive = tokio::select! {
            driven = site.both_answer(&federation) => panic!("it ended: {driven:?}"),
            alive = alive => alive.unwrap(),
        };
        // The work was dropped where it stood, as by a server that does not wait any longer.
        alive.gone().await;
        site.drive(&federation).await?;
        let rounds = site.every_round(&federation).await?;
        assert_eq!((rounds.len(), rounds[0].attempt, rounds[0].state.name()), (1, 1, "completed"));
        assert_eq!(site.elements(&site.get(&federation).await?.model.unwrap())?, [7.0, 7.0, 9.0, 9.0]);
    }
);

both!(
    a_server_that_is_told_to_stop_ends_its_program_at_once_and_the_round_is_as_if_it_had_not_run,
    async |t: TestDb| {
        let script = format!(
            "echo >> $files/runs; if mkdir $files/once; then sleep 3600 & {HOLDS}; fi
             cp $files/new.safetensors $model; echo '{{}}'"
        );
        let site = site(t, LONG, &[("holder", &script)]).await?;
        write(&site, "new.safetensors", &[WEIGHT, BIAS]);
        let alive = Alive::expect(&site);
        let federation = site.submit(&spec("holder", "round: {max_failures: 0}\n")).await?;
        site.both_have_answered(&federation).await?;
        let stopping = CancellationToken::new();
        let told = async {
            let alive = alive.await.unwrap();
            stopping.cancel();
            alive
        };
        let (driven, alive) = tokio::join!(driven_until(&site, &federation, &stopping), told);
        assert_eq!(driven?, Driven::Stopped);
        alive.gone().await;
        site.no_folder_is_left();
        let rounds = site.every_round(&federation).await?;
        assert_eq!((rounds.len(), rounds[0].attempt, rounds[0].state.name()), (1, 1, "aggregating"));
        // Who is told before it begins does not begin.
        assert_eq!(driven_until(&site, &federation, &stopping).await?, Driven::Stopped);
        assert_eq!(fs::read_to_string(files(&site).join("runs"))?.lines().count(), 1);

        let goes_on = CancellationToken::new();
        assert_eq!(driven_until(&site, &federation, &goes_on).await?, Driven::Through);
        let rounds = site.every_round(&federation).await?;
        assert_eq!((rounds.len(), rounds[0].attempt, rounds[0].state.name()), (1, 1, "completed"));
        assert_eq!(site.elements(&site.get(&federation).await?.model.unwrap())?, [7.0, 7.0, 9.0, 9.0]);
    }
);

both!(a_spec_can_only_name_what_the_operator_named, async |t: TestDb| {
    let site = site(t, LONG, &[("median", "exit 1"), ("trimmed", "exit 1")]).await?;
    let refused = site.submit(&spec("mean", "")).await.unwrap_err();
    let problem = &refused.problems()[0];
    assert_eq!((problem.path.as_str(), problem.allowed.as_str()), ("strategy.external", "median, trimmed"));
    let none = Site { domain: Federations::new(site.t.reopen().await?, site.domain.objects.clone()), ..site };
    let refused = none.submit(&spec("median", "")).await.unwrap_err();
    assert!(refused.problems()[0].allowed.contains("--strategy NAME=PROGRAM"), "{refused:?}");
});

both!(a_server_without_the_program_fails_the_round_and_says_how_it_would_have_it, async |t: TestDb| {
    let mut site = site(t, LONG, &[("median", "exit 1")]).await?;
    let federation = site.submit(&spec("median", "round: {max_failures: 0}\n")).await?;
    site.domain = Federations::new(site.t.reopen().await?, site.domain.objects.clone());
    site.both_answer(&federation).await?;
    let rounds = site.every_round(&federation).await?;
    let reason = rounds[0].state.reason().unwrap();
    assert!(reason.contains("without the strategy 'median' (--strategy median=PROGRAM)"), "{reason}");
});

both!(the_sweep_leaves_programs_to_a_job_because_others_wait_for_it, async |t: TestDb| {
    let script = "cp $files/new.safetensors $model; echo '{}'";
    let site = site(t, LONG, &[("median", script)]).await?;
    write(&site, "new.safetensors", &[WEIGHT, BIAS]);
    let federation = site.submit(&spec("median", "round: {deadline: 60}\n")).await?;
    site.drive(&federation).await?;
    let task = site.claim(NodeId::from_bits(1)).await?.unwrap();
    site.answer(&task, 1.0, 1.0).await?;
    site.t.clock.advance(SignedDuration::from_secs(60));
    drive::sweep(&site.t.system(), &site.domain).await?;
    assert_eq!(site.every_round(&federation).await?[0].state.name(), "aggregating");
    let waiting = JobFilter { state: Some(JobState::Available), ..JobFilter::default() };
    let jobs = site.t.db().jobs().list(&waiting, 10).await?;
    assert!(jobs.iter().any(|job| job.name == "fl.federation.drive"), "{jobs:?}");
    site.drive(&federation).await?;
    assert_eq!(site.get(&federation).await?.state, FederationState::Completed);
});

both!(with_privacy_a_program_sees_the_private_mean_and_nothing_else_of_the_round, async |t: TestDb| {
    let script =
        "cp told.json $files; cp updates/0.safetensors $files; cp updates/0.safetensors $model; echo '{}'";
    let site = site(t, LONG, &[("mean", script)]).await?;
    let dp = "dp: {epsilon: 1000, delta: 0.1, clip_norm: 1, accountant: rdp}\n";
    let federation = site.submit(&spec("mean", dp)).await?;
    site.both_answer(&federation).await?;
    let done = site.get(&federation).await?;
    assert_eq!(done.state, FederationState::Completed);
    let told: Value = serde_json::from_slice(&fs::read(files(&site).join("told.json"))?).unwrap();
    let updates = told["updates"].as_array().unwrap();
    let keys: Vec<_> = updates[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((updates.len(), keys), (1, vec!["model", "weight", "metrics"]), "{told}");
    assert_eq!(updates[0]["metrics"], json!({}));
    let model: Sha256 = done.model.unwrap().parse()?;
    let kept = fs::read(site.domain.objects.checkpoints()?.path_of(&model))?;
    assert!(kept == fs::read(files(&site).join("0.safetensors"))?, "the mean became another model");
});

#[test]
fn an_external_strategy_is_written_down_as_it_is_read() {
    let document = json!({
        "model_ref": "builtin:softmax(1,2)", "num_rounds": 1, "weighting": {"by": "uniform"},
        "strategy": {"external": "median", "params": {"beta": 0.5, "names": ["a"]}},
    });
    let spec = FederationSpec::parse(&document, 1).unwrap();
    assert_eq!(
        (spec.strategy.name(), spec.strategy.program().unwrap().name.as_str()),
        ("external:median", "median")
    );
    let written = serde_json::to_value(&spec).unwrap();
    assert_eq!(written["strategy"], document["strategy"]);
    assert_eq!(FederationSpec::parse(&written, 1).unwrap(), spec);
    assert_eq!(serde_json::from_value::<FederationSpec>(written).unwrap(), spec);
    let refused = |strategy: Value| {
        let mut document = document.clone();
        document["strategy"] = strategy;
        let error = FederationSpec::parse(&document, 1).unwrap_err();
        error.problems().iter().map(|problem| problem.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(refused(json!({"external": "x", "name": "fedavg"})), ["strategy.name"]);
    assert_eq!(refused(json!({"external": " "})), ["strategy.external"]);
    assert_eq!(
        refused(json!({"external": "x", "params": 3, "command": "rm"})),
        ["strategy.params", "strategy.command"]
    );
    assert_eq!(refused(json!("external")), ["strategy"]);
}
