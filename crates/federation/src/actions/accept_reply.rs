//! Take a node's result, exactly once.

use std::collections::BTreeMap;

use thunderline_contracts::federation::UpdateAccepted;
use thunderline_core::{Action, Cx, Error, ErrorKind, LeaseId, Result, Rule, Subject};
use thunderline_objects::Sha256;

use super::{end_lease, fill_buffer, read};
use crate::{
    Federations,
    buffer::Place,
    drive::Drive,
    encoded, fold,
    layout::UpdateLayout,
    plan::Purpose,
    rows::{self, Lease, leases::Ending},
    spec::FederationSpec,
    state::{LeaseEvent, LeaseState},
    task::{NUM_EXAMPLES, Reply, Report, area_of},
};

/// The node whose lease it is.
pub const ACTION: Action = Action::new("fl.lease.accept_reply", Rule::Node);

/// What became of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It counts.
    Accepted,
    /// It does not, and the lease has ended: the node is not asked again in this round.
    Refused(String),
    /// It was taken before: nothing changed.
    Repeated,
}

/// Checks a result and takes it: the lease is released, and from then on the update is part of the round.
///
/// A result that is wrong (an error, a shape, an element type, a NaN, an absurd weight) ends the lease with that reason; it
/// never stops the round. Where clients are not asked in rounds, so does one that began from too old a model.
///
/// # Errors
/// `not_found` where the lease is another node's; `conflict` where it has ended otherwise: the result is late.
pub async fn accept_reply(cx: &Cx, domain: &Federations, id: LeaseId, reply: Reply) -> Result<Acceptance> {
    let mut read = domain.db.read(cx, &read::NODE_ACTION).await?;
    let lease = read::own_lease(&mut read, cx, id).await?;
    let round = super::round(&mut read, cx, lease.round).await?;
    let federation = super::federation(&mut read, cx, lease.federation).await?;
    drop(read);
    if lease.state == LeaseState::Released {
        return Ok(Acceptance::Repeated);
    }
    let released = lease.state.clone().apply(LeaseEvent::Released)?;
    let (report, update) =
        match check(&federation.spec, &lease, round.model_in.as_deref(), domain, reply).await {
            Ok(checked) => checked,
            Err(error) if error.kind() == ErrorKind::Invalid => {
                let reason = error.to_string();
                end_lease::end_lease(cx, domain, id, false, &reason).await?;
                return Ok(Acceptance::Refused(reason));
            }
            Err(error) => return Err(error),
        };
    let mut write = domain.db.write(cx, &ACTION).await?;
    if let (Some(buffer), Some(update)) = (federation.spec.strategy.buffer(), &update) {
        let (place, round) = fill_buffer::place(cx, &mut write, &federation, &lease, &buffer).await?;
        let staleness = match place {
            Place::Taken { staleness } => Some(staleness),
            Place::Waits => None,
            Place::Refused(reason) => {
                drop(write);
                end_lease::end_lease(cx, domain, id, false, &reason).await?;
                return Ok(Acceptance::Refused(reason));
            }
        };
        let brought = (&report, update);
        fill_buffer::release(&mut write, &federation, &lease, brought, (&round, staleness), cx.now()).await?;
        write.enqueue(&Drive { federation: lease.federation });
        write.commit(&Subject::new("lease", id)).await?;
        return Ok(Acceptance::Accepted);
    }
    rows::leases::end(&mut write, id, &released, Some(&report), cx.now(), Ending::default()).await?;
    if let Some(update) = &update {
        rows::updates::insert(&mut write, id, lease.round, update).await?;
    }
    write.emit(&UpdateAccepted {
        update_sha256: update.as_ref().map(|update| update.digest().to_string()),
        max_examples: Some(federation.spec.update.max_examples),
        ..super::accepted(&round, &lease, &report)
    });
    write.enqueue(&Drive { federation: lease.federation });
    write.commit(&Subject::new("lease", id)).await?;
    Ok(Acceptance::Accepted)
}

/// All that can be wrong with a result, as `invalid`.
async fn check(
    spec: &FederationSpec,
    lease: &Lease,
    model: Option<&str>,
    domain: &Federations,
    reply: Reply,
) -> Result<(Report, Option<UpdateLayout>)> {
    let refuse = |message: String| Err(Error::new(ErrorKind::Invalid, message));
    if let Some(error) = reply.error {
        return refuse(format!("the client reported an error: {error}"));
    }
    if spec.secure_agg.is_some() && lease.purpose == Purpose::Train {
        return refuse("the round takes masked updates only, and this one is not".into());
    }
    let num_examples = match reply.metrics.get(NUM_EXAMPLES) {
        None => return refuse(format!("the metric '{NUM_EXAMPLES}' is missing")),
        Some(count) if !count.is_finite() || *count <= 0.0 || *count > spec.update.max_examples => {
            let most = spec.update.max_examples;
            return refuse(format!(
                "'{NUM_EXAMPLES}' is {count}; more than 0 and at most {most} is believed"
            ));
        }
        Some(count) => *count,
    };
    if let Some((name, value)) = reply.metrics.iter().find(|(_, value)| !value.is_finite()) {
        return refuse(format!("the metric '{name}' is {value}"));
    }
    if lease.purpose == Purpose::Train {
        spec.strategy.build().check_metrics(&reply.metrics)?;
    }
    // With differential privacy nothing of a client is told without noise, and all clients weigh the same.
    let (num_examples, metrics) = match &spec.dp {
        Some(_) => (1.0, BTreeMap::from([(NUM_EXAMPLES.to_owned(), 1.0)])),
        None => (num_examples, reply.metrics),
    };
    let update = match (lease.purpose, reply.update) {
        (Purpose::Evaluate, _) => None,
        (Purpose::Train, None) => return refuse("the result has no arrays".into()),
        (Purpose::Train, Some(update)) => Some(update),
    };
    let wire_bytes = reply.wire_bytes;
    let Some(update) = update else {
        return Ok((Report { num_examples, metrics, bytes: 0, plain_bytes: 0, wire_bytes }, None));
    };
    let digest: Sha256 = model.ok_or_else(|| Error::internal("the round has no model"))?.parse()?;
    let checkpoints = domain.objects.checkpoints()?;
    let area = domain.objects.area(&area_of(lease))?;
    let (bytes, spec) = (update.byte_len(), spec.update.clone());
    let (update, plain_bytes) = crate::blocking(move || {
        let (schema, base) = fold::arrays(&checkpoints, &digest)?;
        let update = encoded::plain(update, &spec, &schema, &base, &area)?;
        update.check(&spec.trained(&schema), &area)?;
        // What is released counts: it must survive a power cut as the lease does.
        area.sync(&update.objects())?;
        Ok((update, schema.bytes()))
    })
    .await?;
    Ok((Report { num_examples, metrics, bytes, plain_bytes, wire_bytes }, Some(update)))
}
