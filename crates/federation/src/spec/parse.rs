//! From a document to a validated spec.

use serde_json::Value;
use thunderline_core::{Error, Result};

use super::{
    App, BuiltinApp, ClientSelector, CommandApp, DatasetSpec, Evaluation, FederationSpec, FlowerApp,
    ModelRef, RoundSpec, ServerEvaluation, Strategy, dp,
    fields::{Fields, Problems},
    secure, strategy, update, weighting,
};

const MODEL_REF: &str = "builtin:softmax(features,classes), builtin:mlp(features,hidden,…,classes) or sha256:<digest of a stored model>";
const DIGEST: &str = "sha256:<64 hex digits> of a stored file";

impl FederationSpec {
    /// Validates a document. `default_seed` is used, and recorded, where the document names no seed.
    ///
    /// # Errors
    /// `invalid` with every problem found: its path, its reason, and what is allowed.
    pub fn parse(document: &Value, default_seed: u64) -> Result<Self> {
        let mut problems = Problems::default();
        let spec = read(document, default_seed, &mut problems);
        match spec {
            Some(spec) if problems.0.is_empty() => Ok(spec),
            _ => {
                let count = problems.0.len();
                let noun = if count == 1 { "problem" } else { "problems" };
                Err(Error::invalid(format!("the spec has {count} {noun}"), problems.0))
            }
        }
    }
}

fn read(document: &Value, default_seed: u64, problems: &mut Problems) -> Option<FederationSpec> {
    let mut top = Fields::of("", Some(document), problems);
    let name = top.text("name", 100, problems).unwrap_or_else(|| "federation".into());
    let model_ref = read_model_ref(&mut top, problems);
    let app = read_app(&mut top, model_ref.as_ref(), problems);
    let strategy = strategy::read(&mut top, app.as_ref(), problems);
    let private = top.get("dp").is_some();
    let weighting = weighting::read(&mut top, &strategy, private, problems);
    let num_rounds = match top.get("num_rounds") {
        None => {
            problems.add("num_rounds", "missing", "a whole number from 1 to 100000");
            1
        }
        Some(_) => top.whole("num_rounds", 1..=100_000, 1, problems) as u32,
    };
    let fraction = |x: f64| x > 0.0 && x <= 1.0;
    let client_fraction = top.number("client_fraction", fraction, "above 0 and at most 1", 1.0, problems);
    let buffered = strategy.buffer().is_some();
    if buffered && client_fraction != 1.0 {
        let reason = "who is free trains: params.max_concurrency says how many at once";
        problems.add("client_fraction", reason, format!("with {}: 1", strategy.name()));
    }
    let least = strategy.build().least_updates() as u64;
    let hides = secure::wanted(&mut top);
    let usual = least.max(if hides { 3 } else { 2 });
    let min_clients = top.whole("min_clients", 1..=1_000_000, usual, problems) as u32;
    if u64::from(min_clients) < least {
        let reason = format!("{} needs {least} updates; {min_clients} clients bring fewer", strategy.name());
        problems.add("min_clients", reason, format!("{least} or more with this strategy"));
    }
    refuse_unbuilt(&mut top, problems);
    let client_selector = read_selector(&mut top, problems);
    let dataset_spec = read_dataset(&mut top, problems);
    let round = read_round(&mut top, &strategy, problems);
    let update = update::read(&mut top, model_ref.as_ref(), &strategy, problems);
    let evaluation = read_evaluation(&mut top, model_ref.as_ref(), (private, buffered), problems);
    if private && round.over_selection != 1.0 {
        let reason = "the first to answer are no fair sample, and dp accounts for one";
        problems.add("round.over_selection", reason, "with dp: 1");
    }
    let around =
        dp::Around { strategy: &strategy, rounds: num_rounds, fraction: client_fraction, min_clients, hides };
    let dp = dp::read(&mut top, &around, problems);
    let around = secure::Around {
        strategy: &strategy,
        weighting: weighting.as_ref(),
        norm: dp.as_ref().map(|dp| dp.clip_norm),
        private,
        min_clients,
        over_selection: round.over_selection,
    };
    let secure_agg = secure::read(&mut top, &around, problems);
    let seed = top.whole("seed", 0..=(1 << 53) - 1, default_seed & ((1 << 53) - 1), problems);
    top.refuse_unknown(problems);
    Some(FederationSpec {
        name,
        model_ref: model_ref?,
        strategy,
        weighting,
        num_rounds,
        client_fraction,
        min_clients,
        client_selector,
        dataset_spec,
        app: app?,
        round,
        update,
        evaluation,
        dp,
        secure_agg,
        seed,
    })
}

fn read_model_ref(top: &mut Fields<'_>, problems: &mut Problems) -> Option<ModelRef> {
    match top.get("model_ref").map(Value::as_str) {
        None => problems.add("model_ref", "missing", MODEL_REF),
        Some(None) => problems.add("model_ref", "not text", MODEL_REF),
        Some(Some(text)) => match ModelRef::try_from(text.trim().to_owned()) {
            Ok(reference) => return Some(reference),
            Err(reason) => problems.add("model_ref", reason, MODEL_REF),
        },
    }
    None
}

/// Keys of the contract whose protection is not built: a spec that asks for it must not run without it.
fn refuse_unbuilt(top: &mut Fields<'_>, problems: &mut Problems) {
    if top.flag("promote", false, problems) {
        problems.add("promote", "promotion is not available in this version", "false");
    }
}

fn read_selector(top: &mut Fields<'_>, problems: &mut Problems) -> ClientSelector {
    let mut group = top.group("client_selector", problems);
    let (tags, groups) = (group.texts("tags", problems), group.texts("groups", problems));
    let capabilities = group.scalars("capabilities", problems);
    if let Some(tenant) = group.get("tenant").filter(|tenant| *tenant != "default") {
        problems.add(group.path("tenant"), format!("{tenant} is not your tenant"), "default");
    }
    if group.get("embedding_query").is_some_and(|query| query.as_str() != Some("")) {
        let reason = "selection by embeddings is not available in this version";
        problems.add(group.path("embedding_query"), reason, "leave the key out");
    }
    group.refuse_unknown(problems);
    ClientSelector { tags, groups, capabilities }
}

fn read_dataset(top: &mut Fields<'_>, problems: &mut Problems) -> DatasetSpec {
    let mut group = top.group("dataset_spec", problems);
    let (uris, shards) = (group.texts("uris", problems), group.texts("shards", problems));
    let mut hashes = Vec::new();
    for (index, text) in group.texts("hashes", problems).iter().enumerate() {
        match text.parse() {
            Ok(digest) => hashes.push(digest),
            Err(_) => problems.add(format!("dataset_spec.hashes[{index}]"), "not a SHA-256", "64 hex digits"),
        }
    }
    if !shards.is_empty() && !hashes.is_empty() && shards.len() != hashes.len() {
        let reason = format!("{} hashes for {} shards", hashes.len(), shards.len());
        problems.add("dataset_spec.hashes", reason, "one hash for each shard, or none");
    }
    group.refuse_unknown(problems);
    DatasetSpec { uris, shards, hashes }
}

fn read_app(top: &mut Fields<'_>, model: Option<&ModelRef>, problems: &mut Problems) -> Option<App> {
    const ALLOWED: &str = "one of builtin, command, flower";
    let builtin_model = matches!(model, Some(ModelRef::Builtin(_)));
    let value = top.get("app");
    if value.is_none() {
        // Without a model it is not known whether something is missing here.
        if builtin_model || model.is_none() {
            return Some(App::Builtin(BuiltinApp::default()));
        }
        problems.add("app", "missing: a stored model does not say how it is trained", ALLOWED);
        return None;
    }
    if value.and_then(Value::as_str) == Some("builtin") {
        return builtin_app(Fields::of("app.builtin", None, problems), builtin_model, problems);
    }
    let mut group = top.group("app", problems);
    let (builtin, command, flower) = (group.get("builtin"), group.get("command"), group.get("flower"));
    group.refuse_unknown(problems);
    match (builtin, command, flower) {
        (Some(_), None, None) => builtin_app(group.group("builtin", problems), builtin_model, problems),
        (None, Some(value), None) => command_app(value, group.group_or_name("command", problems), problems),
        (None, None, Some(value)) => flower_app(value, group.group_or_name("flower", problems), problems),
        _ => {
            problems.add("app", "says not, or more than once, what the clients run", ALLOWED);
            None
        }
    }
}

fn builtin_app(mut group: Fields<'_>, builtin_model: bool, problems: &mut Problems) -> Option<App> {
    let default = BuiltinApp::default();
    let positive = |x: f64| x > 0.0;
    let app = BuiltinApp {
        learning_rate: group.number("learning_rate", positive, "above 0", default.learning_rate, problems),
        momentum: group.number(
            "momentum",
            |x| (0.0..1.0).contains(&x),
            "0 or more and below 1",
            default.momentum,
            problems,
        ),
        batch_size: group.whole("batch_size", 1..=1_000_000, default.batch_size.into(), problems) as u32,
        local_epochs: group.whole("local_epochs", 1..=10_000, default.local_epochs.into(), problems) as u32,
    };
    group.refuse_unknown(problems);
    if !builtin_model {
        let allowed = "a model_ref that begins with builtin:, or another app";
        problems.add("app.builtin", "the built-in trainer trains built-in models only", allowed);
    }
    Some(App::Builtin(app))
}

fn command_app(value: &Value, mut group: Fields<'_>, problems: &mut Problems) -> Option<App> {
    if let Some(name) = value.as_str() {
        return Some(App::Command(CommandApp { name: name.into(), config: Default::default() }));
    }
    let name = group.text("name", 100, problems);
    if name.is_none() {
        problems.add(
            "app.command.name",
            "missing",
            "the name that runners give the program (--command NAME=…)",
        );
    }
    let config = group.scalars("config", problems);
    group.refuse_unknown(problems);
    Some(App::Command(CommandApp { name: name?, config }))
}

fn flower_app(value: &Value, mut group: Fields<'_>, problems: &mut Problems) -> Option<App> {
    let (path, text) = match value.as_str() {
        Some(text) => ("app.flower", Some(text.to_owned())),
        None => ("app.flower.bundle", group.text("bundle", 100, problems)),
    };
    let config = group.scalars("config", problems);
    group.refuse_unknown(problems);
    match text.map(|text| text.parse()) {
        Some(Ok(bundle)) => Some(App::Flower(FlowerApp { bundle, config })),
        Some(Err(_)) => {
            problems.add(path, "not the digest of a stored bundle", DIGEST);
            None
        }
        None => {
            problems.add(path, "missing", DIGEST);
            None
        }
    }
}

fn read_round(top: &mut Fields<'_>, strategy: &Strategy, problems: &mut Problems) -> RoundSpec {
    let mut group = top.group("round", problems);
    let fraction = |x: f64| x > 0.0 && x <= 1.0;
    let over = |x: f64| (1.0..=10.0).contains(&x);
    let buffered = strategy.buffer().is_some();
    let quorum = if buffered { 1.0 } else { 0.5 };
    let round = RoundSpec {
        deadline: group.seconds("deadline", 1..=604_800, 600, problems) as u32,
        quorum: group.number("quorum", fraction, "above 0 and at most 1", quorum, problems),
        over_selection: group.number("over_selection", over, "1 to 10", 1.0, problems),
        max_failures: group.whole("max_failures", 0..=1000, 3, problems) as u32,
    };
    group.refuse_unknown(problems);
    if buffered && (round.quorum != 1.0 || round.over_selection != 1.0) {
        let allowed = format!("with {}: 1", strategy.name());
        if round.quorum != 1.0 {
            let reason =
                "a round ends when its buffer is full: params.buffer_size says with how many updates";
            problems.add("round.quorum", reason, allowed.as_str());
        }
        if round.over_selection != 1.0 {
            let reason = "nobody is asked in vain: what comes too late for one buffer goes into the next";
            problems.add("round.over_selection", reason, allowed.as_str());
        }
    }
    round
}

/// With differential privacy clients do not evaluate: what they would report has no noise. Nor where they are not asked in rounds:
/// whoever judges a version keeps others from training on it.
fn read_evaluation(
    top: &mut Fields<'_>,
    model: Option<&ModelRef>,
    (private, buffered): (bool, bool),
    problems: &mut Problems,
) -> Evaluation {
    let mut group = top.group("evaluation", problems);
    let federated = group.flag("federated", !private && !buffered, problems);
    if federated && private {
        let reason = "clients' metrics are told without noise";
        problems.add("evaluation.federated", reason, "with dp: false; use evaluation.server");
    }
    if federated && buffered {
        let reason = "clients train on while versions are made";
        problems.add("evaluation.federated", reason, "with fedbuff: false; use evaluation.server");
    }
    let every = group.whole("every", 1..=100_000, 1, problems) as u32;
    let server = group.get("server").map(|_| group.group("server", problems));
    group.refuse_unknown(problems);
    let server = server.and_then(|mut server| {
        if matches!(model, Some(ModelRef::Stored(_))) {
            let allowed = "a model_ref that begins with builtin:, or evaluation.federated";
            problems.add("evaluation.server", "the server can run built-in models only", allowed);
        }
        let data = server.text("data", 100, problems).map(|text| text.parse());
        let scale = server.number("scale", |x| x > 0.0, "above 0", 1.0, problems);
        server.refuse_unknown(problems);
        match data {
            Some(Ok(data)) => Some(ServerEvaluation { data, scale }),
            Some(Err(_)) => {
                problems.add("evaluation.server.data", "not the digest of a stored file", DIGEST);
                None
            }
            None => {
                problems.add("evaluation.server.data", "missing", DIGEST);
                None
            }
        }
    });
    Evaluation { federated, every, server }
}
