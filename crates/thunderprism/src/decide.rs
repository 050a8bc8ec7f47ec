//! What one event says about decisions: a sentence for people, details for programs, and what led to it. Pure.

use serde_json::Value;
use thunderline_contracts::federation::{
    AggregateCompleted, ClientDropped, ClientsSelected, Considered, FederationCancelled, FederationCompleted,
    FederationCreated, FederationFailed, FederationPaused, FederationResumed, RoundClosed, RoundFailed,
    UpdateAccepted, UpdateRefused, Verdict,
};
use thunderline_core::{Envelope, Event, FederationId, Result, RoundId};

/// A federation was accepted.
pub const SUBMITTED: &str = "federation.submitted";
/// A federation was completed, has failed, or was steered by somebody.
pub const STEERED: &str = "federation.steered";
/// A round's clients were chosen.
pub const SELECTED: &str = "clients.selected";
/// A client's update counts with a weight.
pub const WEIGHED: &str = "update.weighed";
/// A client's judgement of a model was taken.
pub const JUDGED: &str = "model.judged";
/// Something that a client sent was not counted.
pub const REFUSED: &str = "update.refused";
/// A client was given up.
pub const DROPPED: &str = "client.dropped";
/// No more updates are taken in a round.
pub const CLOSED: &str = "round.closed";
/// A round ended without a model.
pub const FAILED: &str = "round.failed";
/// The updates of a round became a model.
pub const MADE: &str = "model.made";

/// Every kind of decision.
pub const KINDS: [&str; 10] =
    [SUBMITTED, STEERED, SELECTED, WEIGHED, JUDGED, REFUSED, DROPPED, CLOSED, FAILED, MADE];

/// How many nodes a sentence names before it only counts.
const NAMED: usize = 20;

/// A decision, as one event tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// One of [`KINDS`].
    pub kind: &'static str,
    /// In which federation.
    pub federation: FederationId,
    /// In which round.
    pub round: Option<u32>,
    /// In which try of it.
    pub attempt: Option<u32>,
    /// The round's own id.
    pub round_id: Option<RoundId>,
    /// The decision and its reasons as a sentence.
    pub summary: String,
    /// The newest earlier decision of one of these kinds in the federation led to this one, in this way.
    pub led_by: &'static [(&'static str, &'static str)],
    /// Every earlier decision of this kind in the same try of the round led to this one, in this way.
    pub gathers: Option<(&'static str, &'static str)>,
}

impl Told {
    fn new(kind: &'static str, federation: FederationId, summary: String) -> Self {
        Self {
            kind,
            federation,
            round: None,
            attempt: None,
            round_id: None,
            summary,
            led_by: &[(SUBMITTED, "of")],
            gathers: None,
        }
    }

    fn in_round(self, round: u32, attempt: Option<u32>, round_id: Option<RoundId>) -> Self {
        Self { round: Some(round), attempt, round_id, ..self }
    }

    fn led_by(self, led_by: &'static [(&'static str, &'static str)]) -> Self {
        Self { led_by, ..self }
    }
}

/// What the event says; none where it is no decision. `client` is the name of the node that it is about.
///
/// # Errors
/// `internal` where its payload does not fit its contract.
pub fn told(event: &Envelope, client: &str) -> Result<Option<Told>> {
    Ok(Some(match event.name.as_str() {
        FederationCreated::NAME => submitted(&event.decode()?, &event.actor),
        FederationPaused::NAME => {
            let it: FederationPaused = event.decode()?;
            steered(it.federation, format!("{} paused it: no new round begins", event.actor))
        }
        FederationResumed::NAME => {
            let it: FederationResumed = event.decode()?;
            steered(it.federation, format!("{} let it go on", event.actor))
        }
        FederationCancelled::NAME => {
            let it: FederationCancelled = event.decode()?;
            steered(it.federation, format!("{} cancelled it: {}", event.actor, it.reason))
        }
        FederationCompleted::NAME => {
            let it: FederationCompleted = event.decode()?;
            let summary = format!("completed: all {} rounds are done", it.rounds_total);
            steered(it.federation, summary).led_by(&[(MADE, "next")])
        }
        FederationFailed::NAME => {
            let it: FederationFailed = event.decode()?;
            steered(it.federation, format!("failed: {}", it.reason)).led_by(&[(FAILED, "because")])
        }
        ClientsSelected::NAME => selected(&event.decode()?),
        UpdateAccepted::NAME => accepted(&event.decode()?, client),
        UpdateRefused::NAME => {
            let it: UpdateRefused = event.decode()?;
            let summary = format!("what {client} sent was not counted: {}", it.reason);
            Told::new(REFUSED, it.federation, summary).led_by(&[(SELECTED, "chosen")])
        }
        ClientDropped::NAME => {
            let it: ClientDropped = event.decode()?;
            let summary = format!("{client} is not waited for any more: {}", it.reason);
            Told::new(DROPPED, it.federation, summary)
                .in_round(it.round, None, it.round_id)
                .led_by(&[(SELECTED, "chosen")])
        }
        RoundClosed::NAME => {
            let it: RoundClosed = event.decode()?;
            let told =
                Told::new(CLOSED, it.federation, format!("round {} is closed: {}", it.round, it.reason));
            let told = told.in_round(it.round, Some(it.attempt), Some(it.round_id));
            Told { gathers: Some((WEIGHED, "counted")), ..told.led_by(&[(SELECTED, "next")]) }
        }
        RoundFailed::NAME => {
            let it: RoundFailed = event.decode()?;
            let ended = if it.timed_out { "timed out" } else { "failed" };
            let told = Told::new(FAILED, it.federation, format!("round {} {ended}: {}", it.round, it.reason));
            let told = told.in_round(it.round, it.attempt, Some(it.round_id));
            Told { gathers: Some((DROPPED, "because")), ..told.led_by(&[(SELECTED, "next")]) }
        }
        AggregateCompleted::NAME => made(&event.decode()?),
        _ => return Ok(None),
    }))
}

fn submitted(it: &FederationCreated, actor: &str) -> Told {
    let mut summary = format!("{actor} submitted {}", it.name);
    if let (Some(strategy), Some(rounds), Some(seed)) = (&it.strategy, it.rounds_total, it.seed) {
        summary.push_str(&format!(": {strategy}, {rounds} rounds, seed {seed}"));
    }
    Told::new(SUBMITTED, it.federation, summary).led_by(&[])
}

fn steered(federation: FederationId, summary: String) -> Told {
    Told::new(STEERED, federation, summary)
}

fn selected(it: &ClientsSelected) -> Told {
    let again = if it.attempt > 1 { format!(", try {}", it.attempt) } else { String::new() };
    let mut summary = format!(
        "round {}{again}: chosen: drawn {} of {} eligible with seed {}",
        it.round, it.chosen, it.eligible, it.seed
    );
    let listed = |verdict| it.listed.iter().filter(move |node| node.verdict == verdict);
    names(&mut summary, ": ", listed(Verdict::Chosen), it.chosen);
    names(&mut summary, "; not drawn: ", listed(Verdict::Spare), it.eligible.saturating_sub(it.chosen));
    let ineligible = it.candidates.saturating_sub(it.eligible);
    names(&mut summary, "; not eligible: ", listed(Verdict::Ineligible), ineligible);
    Told::new(SELECTED, it.federation, summary)
        .in_round(it.round, Some(it.attempt), Some(it.round_id))
        // A try after a failure answers that failure; another round follows the model before.
        .led_by(if it.attempt > 1 { &[(FAILED, "retried")] } else { &[(MADE, "next"), (SUBMITTED, "of")] })
}

/// Names nodes with their reasons, and counts those that are too many.
fn names<'a>(text: &mut String, lead: &str, nodes: impl Iterator<Item = &'a Considered>, total: u32) {
    let named: Vec<String> = nodes
        .take(NAMED)
        .map(|node| match node.reasons.join(" and ") {
            none if none.is_empty() => node.name.clone(),
            reasons => format!("{} {reasons}", node.name),
        })
        .collect();
    if total == 0 {
        return;
    }
    text.push_str(lead);
    text.push_str(&named.join(", "));
    let more = (total as usize).saturating_sub(named.len());
    if more > 0 {
        let joint = if named.is_empty() { "" } else { " and " };
        text.push_str(&format!("{joint}{more} more"));
    }
}

fn accepted(it: &UpdateAccepted, client: &str) -> Told {
    let examples = it.num_examples;
    let (kind, summary) = if it.purpose == "train" {
        let cap = it.max_examples.map_or_else(String::new, |most| format!("; at most {most} are believed"));
        let stale = it.staleness.filter(|versions| *versions > 0);
        let stale =
            stale.map_or_else(String::new, |by| format!(", and less: its update is {by} versions stale"));
        (WEIGHED, format!("{client} counts with the {examples} examples that it claims{cap}{stale}"))
    } else {
        (JUDGED, format!("{client} judged the model on {examples} examples"))
    };
    Told::new(kind, it.federation, summary)
        .in_round(it.round, None, it.round_id)
        .led_by(&[(SELECTED, "chosen")])
}

fn made(it: &AggregateCompleted) -> Told {
    let mut summary = format!("the model of round {} is made", it.round);
    if let (Some(strategy), Some(clients), Some(examples)) = (&it.strategy, it.clients, it.num_examples) {
        summary.push_str(&format!(" by {strategy} of {clients} updates with {examples} examples"));
    }
    summary.push_str(&format!(": sha256:{}", it.sha256));
    Told::new(MADE, it.federation, summary)
        .in_round(it.round, it.attempt, it.round_id)
        .led_by(&[(CLOSED, "next")])
}

/// The node that an event is about, as its payload names it.
#[must_use]
pub fn client(payload: &Value) -> Option<&str> {
    payload.get("client").and_then(Value::as_str)
}
