//! What made this model?

use std::collections::HashMap;

use serde_json::Value;
use thunderline_core::{Action, Cx, Error, Result, Role, Rule};

use super::{Contribution, Federation, Lineage, MadeBy, Model, Step, facts};
use crate::{
    Vine,
    rows::lineage::{self, Found, Thing},
};

/// Who may ask.
pub const ACTION: Action = Action::new("vine.lineage.read", Rule::AtLeast(Role::Viewer));

/// The most rounds that one answer goes back.
pub const DEEPEST: u32 = 1_000;
/// The most things in one answer.
const MOST: u32 = 100_000;

/// The history of an artifact, `depth` rounds back. `artifact` is its id, or `sha256:<digest>` of its bytes.
///
/// # Errors
/// `invalid` for a depth that is out of range; `not_found` where no event told of such an artifact.
pub async fn lineage(cx: &Cx, vine: &Vine, artifact: &str, depth: u32) -> Result<Lineage> {
    if !(1..=DEEPEST).contains(&depth) {
        let reason = format!("{depth} rounds are not gone back");
        return Err(Error::invalid_value("depth", reason, format!("1 to {DEEPEST}")));
    }
    let mut read = vine.db.read(cx, &ACTION).await?;
    let key = match artifact.strip_prefix("sha256:") {
        Some(digest) => lineage::by_digest(&mut read, cx.tenant(), digest).await?,
        None => Some(format!("artifact:{artifact}")),
    };
    let missing = || Error::not_found(format_args!("the lineage of artifact {artifact}"));
    let key = key.ok_or_else(missing)?;
    let root = lineage::find(&mut read, cx.tenant(), &key).await?.ok_or_else(missing)?;
    let found = lineage::walk(&mut read, cx.tenant(), &key, depth * 2, MOST).await?;
    Ok(assemble(root, &found, depth))
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn number(value: &Value, name: &str) -> Option<u64> {
    value.get(name).and_then(Value::as_u64)
}

/// Puts the walk's rows together as a chain of models and the rounds between them.
fn assemble(root: Thing, found: &[Found], depth: u32) -> Lineage {
    let mut below: HashMap<&str, Vec<&Found>> = HashMap::new();
    for one in found {
        below.entry(one.source.as_str()).or_default().push(one);
    }
    let of = |source: &str, relation: &str| -> Vec<&Found> {
        let all = below.get(source).map(Vec::as_slice).unwrap_or_default();
        all.iter().copied().filter(|one| one.relation == relation).collect()
    };
    let (mut steps, mut next) = (Vec::new(), Some(root));
    while let Some(thing) = next.take() {
        // The place where the walk itself stopped: the model that the last round began from is still shown.
        if steps.len() > depth as usize {
            break;
        }
        let round = of(&thing.key, facts::MADE_BY).first().map(|one| &one.thing);
        let within = steps.len() < depth as usize;
        let made = round.filter(|_| within).map(|round| made_by(round, &of));
        if let (Some(round), true) = (round, within) {
            next = of(&round.key, facts::BEGAN_FROM).first().map(|one| one.thing.clone());
        }
        steps.push(Step { model: model(&thing), round: made });
    }
    let truncated = steps.last().is_some_and(|last| last.round.is_none() && last.model.origin == "trained");
    Lineage { steps, truncated }
}

fn model(thing: &Thing) -> Model {
    let known = &thing.attributes;
    let digest = thing.digest.clone().or_else(|| text(known, "sha256")).unwrap_or_default();
    Model {
        artifact: (!thing.id().starts_with("sha256:")).then(|| thing.id().to_owned()),
        name: thing.label.clone(),
        sha256: digest,
        origin: text(known, "origin").unwrap_or_else(|| "unknown".into()),
        seed: number(known, "seed"),
        at: thing.at,
    }
}

fn made_by<'a>(round: &Thing, of: &dyn Fn(&str, &str) -> Vec<&'a Found>) -> MadeBy {
    let known = &round.attributes;
    let federation = of(&round.key, facts::OF).first().map(|one| federation(&one.thing));
    let total = known.get("num_examples").and_then(Value::as_f64).unwrap_or_default();
    let state = |relation| of(&round.key, relation).first().map(|one| one.thing.id().to_owned());
    MadeBy {
        round: round.id().to_owned(),
        number: number(known, "number").unwrap_or_default() as u32,
        attempt: number(known, "attempt").unwrap_or(1) as u32,
        strategy: text(known, "strategy"),
        federation: federation.unwrap_or_default(),
        clients: number(known, "clients").unwrap_or_default() as u32,
        num_examples: total,
        updates: of(&round.key, facts::TOOK).into_iter().map(|one| contribution(one, total)).collect(),
        state_before: state(facts::CONTINUED),
        state_after: state(facts::LEFT),
    }
}

fn federation(thing: &Thing) -> Federation {
    let known = &thing.attributes;
    Federation {
        id: thing.id().to_owned(),
        name: thing.label.clone(),
        spec_sha256: text(known, "spec_sha256"),
        seed: number(known, "seed"),
        model_ref: text(known, "model_ref"),
    }
}

fn contribution(found: &Found, total: f64) -> Contribution {
    let known = &found.thing.attributes;
    let num_examples = known.get("num_examples").and_then(Value::as_f64).unwrap_or_default();
    let node = text(known, "node").unwrap_or_default();
    Contribution {
        name: found.maker.clone().unwrap_or_else(|| node.clone()),
        node,
        lease: found.thing.id().to_owned(),
        num_examples,
        share: if total > 0.0 { num_examples / total } else { 0.0 },
        update_sha256: text(known, "sha256"),
    }
}
