//! Accept a spec.

use serde_json::Value;
use thunderline_contracts::federation::FederationCreated;
use thunderline_core::{Action, Cx, Error, ErrorKind, FederationId, Problem, Result, Role, Rule, RunId};
use thunderline_objects::Sha256;
use thunderline_store::Write;

use super::about_federation;
use crate::{
    Federations, aggregate,
    artifact::ArtifactKind,
    drive::Drive,
    external::Programs,
    privacy,
    rows::{self, Federation},
    spec::{App, FederationSpec, ModelRef, Scalar, read_document},
    state::FederationState,
};

/// Who may submit.
pub const ACTION: Action = Action::new("fl.federation.submit", Rule::AtLeast(Role::Operator));

/// Validates a spec and stores its federation, which then begins by itself.
///
/// With an idempotency key, a repetition gives the federation that the first call made.
///
/// # Errors
/// `invalid` with all problems at once; `conflict` where the key was used with another document.
pub async fn submit(
    cx: &Cx,
    domain: &Federations,
    document: &str,
    idempotency_key: Option<&str>,
) -> Result<Federation> {
    ACTION.authorize(cx)?;
    let (parsed, seed) = (read_document(document)?, cx.random_u64());
    // Calibrating noise takes its time.
    let spec = crate::blocking(move || FederationSpec::parse(&parsed, seed)).await?;
    let model = damage(domain, &spec).await?;
    let useless = if model.is_none() { useless_pattern(domain, &spec).await? } else { None };
    let mut write = domain.db.write(cx, &ACTION).await?;
    if let Some(key) = idempotency_key
        && let Some(earlier) = write.claim_key(key, &Sha256::of(document.as_bytes()).to_string()).await?
    {
        return super::federation(&mut write, cx, earlier.parse()?).await;
    }
    check_references(&mut write, cx, &spec, model, &domain.programs).await?;
    if let Some(problem) = useless {
        return Err(Error::invalid(problem.to_string(), vec![problem]));
    }
    let id: FederationId = cx.id();
    let federation = Federation {
        id,
        tenant: cx.tenant(),
        name: spec.name.clone(),
        document: document.into(),
        state: FederationState::Created,
        reason: None,
        run: RunId::from_bits(cx.random_u64()),
        rounds_total: spec.num_rounds,
        completed_rounds: 0,
        failures: 0,
        model: None,
        created_by: cx.actor().to_string(),
        created_at: cx.now(),
        started_at: None,
        completed_at: None,
        version: 1,
        spec,
    };
    rows::federations::insert(&mut write, &federation).await?;
    if federation.spec.dp.is_some() {
        privacy::rows::insert_key(&mut write, cx, id).await?;
    }
    write.emit(&FederationCreated {
        federation: id,
        name: federation.name.clone(),
        tenant: federation.tenant,
        spec_sha256: Some(federation.spec.digest().to_string()),
        seed: Some(federation.spec.seed),
        strategy: Some(federation.spec.strategy.name().into()),
        model_ref: Some(federation.spec.model_ref.to_string()),
        rounds_total: Some(federation.rounds_total),
    });
    write.enqueue(&Drive { federation: id });
    if idempotency_key.is_some() {
        write.keep_outcome(id.to_string());
    }
    write.commit(&about_federation(id)).await?;
    Ok(federation)
}

/// What is wrong with the bytes of the model that the spec names. They are read whole, hence outside the transaction.
async fn damage(domain: &Federations, spec: &FederationSpec) -> Result<Option<&'static str>> {
    let ModelRef::Stored(digest) = spec.model_ref else { return Ok(None) };
    let checkpoints = domain.objects.checkpoints()?;
    match crate::blocking(move || checkpoints.verify(&digest)).await {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some("is damaged: its bytes have another digest")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some("is known, but its file is missing")),
        Err(error) => Err(error),
    }
}

/// A pattern of `update.trainable` that fits no array of a stored model.
async fn useless_pattern(domain: &Federations, spec: &FederationSpec) -> Result<Option<Problem>> {
    let ModelRef::Stored(digest) = spec.model_ref else { return Ok(None) };
    if spec.update.trainable.is_empty() {
        return Ok(None);
    }
    let (checkpoints, update) = (domain.objects.checkpoints()?, spec.update.clone());
    crate::blocking(move || {
        let schema = aggregate::schema(&checkpoints, &digest)?;
        Ok(update.useless(&schema, "a name or a pattern with * and ? that fits at least one"))
    })
    .await
}

/// Checks that what the spec names is stored, and that a bundle knows the settings that are given to it.
async fn check_references(
    write: &mut Write,
    cx: &Cx,
    spec: &FederationSpec,
    model_damage: Option<&str>,
    programs: &Programs,
) -> Result<()> {
    let mut problems = Vec::from_iter(unknown_program(spec, programs));
    let mut wanted = Vec::new();
    if spec.dp.is_none() {
        let names = privacy::dataset::names(spec);
        let limited = privacy::rows::limited(write, cx.tenant(), &names).await?;
        problems.extend(limited.map(|name| Problem {
            path: "dp".into(),
            reason: format!("missing: '{name}' has a privacy budget"),
            allowed: "dp with epsilon, delta and clip_norm".into(),
        }));
    }
    if let ModelRef::Stored(digest) = &spec.model_ref {
        wanted.push(("model_ref", ArtifactKind::Model, *digest));
    }
    if let App::Flower(app) = &spec.app {
        wanted.push(("app.flower.bundle", ArtifactKind::Bundle, app.bundle));
    }
    if let Some(server) = &spec.evaluation.server {
        wanted.push(("evaluation.server.data", ArtifactKind::Dataset, server.data));
    }
    if !spec.client_selector.groups.is_empty() {
        check_groups(write, cx, &spec.client_selector.groups, &mut problems).await?;
    }
    for (path, kind, digest) in wanted {
        let found = rows::artifacts::by_digest(write, &digest, kind, cx.tenant()).await?;
        match (found, &spec.app) {
            (None, _) => problems.push(Problem {
                path: path.into(),
                reason: format!("no {} {digest} is stored", kind.name()),
                allowed: format!("the digest of a {} that was uploaded before", kind.name()),
            }),
            (Some(bundle), App::Flower(app)) if kind == ArtifactKind::Bundle => {
                check_overrides(&app.config, &bundle.metadata, &mut problems);
            }
            (Some(_), _) if kind == ArtifactKind::Model => {
                problems.extend(model_damage.map(|damage| Problem {
                    path: path.into(),
                    reason: format!("the model {digest} {damage}"),
                    allowed: "a model that is whole: upload it again".into(),
                }));
            }
            _ => {}
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::invalid("the spec names things that are not there", problems))
    }
}

/// A strategy that the operator of this server has not named.
fn unknown_program(spec: &FederationSpec, programs: &Programs) -> Option<Problem> {
    let name = &spec.strategy.program()?.name;
    let known: Vec<_> = programs.names().collect();
    (!known.contains(&name.as_str())).then(|| Problem {
        path: "strategy.external".into(),
        reason: format!("this server has no strategy '{name}'"),
        allowed: match known.join(", ") {
            none if none.is_empty() => {
                "one that the server was started with (--strategy NAME=PROGRAM); there are none".into()
            }
            names => names,
        },
    })
}

/// A group that does not exist would be waited for in vain.
async fn check_groups(
    write: &mut Write,
    cx: &Cx,
    names: &[String],
    problems: &mut Vec<Problem>,
) -> Result<()> {
    let groups = rows::groups::of_tenant(write, cx.tenant()).await?;
    let known = groups.names();
    for (index, name) in names.iter().enumerate().filter(|(_, name)| !known.contains(&name.as_str())) {
        problems.push(Problem {
            path: format!("client_selector.groups[{index}]"),
            reason: format!("there is no group '{name}'"),
            allowed: match known.join(", ") {
                none if none.is_empty() => "a group that was made before; there are none".into(),
                names => names,
            },
        });
    }
    Ok(())
}

/// An override that the bundle does not know would leave every Flower client of the federation deaf, so it is refused
/// here. The bundle's own settings are in its metadata under `config`.
fn check_overrides(
    overrides: &std::collections::BTreeMap<String, Scalar>,
    metadata: &Value,
    problems: &mut Vec<Problem>,
) {
    let known = metadata.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, value) in overrides {
        let path = format!("app.flower.config.{key}");
        let Some(default) = known.get(key) else {
            let allowed = match known.keys().cloned().collect::<Vec<_>>().join(", ") {
                keys if keys.is_empty() => "nothing: the bundle has no settings".into(),
                keys => keys,
            };
            problems.push(Problem { path, reason: "the bundle has no such setting".into(), allowed });
            continue;
        };
        let fits = match default {
            Value::Bool(_) => matches!(value, Scalar::Bool(_)),
            Value::String(_) => matches!(value, Scalar::Text(_)),
            Value::Number(number) if number.is_f64() => matches!(value, Scalar::Float(_) | Scalar::Int(_)),
            Value::Number(_) => matches!(value, Scalar::Int(_)),
            _ => true,
        };
        if !fits {
            let reason = format!("{} where the bundle has {default}", value.type_name());
            problems.push(Problem { path, reason, allowed: "a value of the same type".into() });
        }
    }
}
