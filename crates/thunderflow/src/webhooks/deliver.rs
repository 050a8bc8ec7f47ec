//! Sending what waits for one webhook.

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::json;
use thunderline_contracts::flow::WebhookDisabled;
use thunderline_core::{Action, Cx, Envelope, Error, ErrorClass, Job, Result, Rule, SignedDuration, Subject};
use uuid::Uuid;

use super::{
    Post,
    patience::{self, Verdict, verdict},
    rows::{self, Delivery, DeliveryState, Record, Webhook},
    sign,
};
use crate::Flow;

/// Background work only.
pub const ACTION: Action = Action::new("flow.webhook.deliver", Rule::System);

/// Things whose events are sent to one webhook side by side.
const SIDE_BY_SIDE: u32 = 8;
/// Rounds after which the job makes room for others.
const ROUNDS: usize = 50;
/// Characters of an error's text that are kept.
const ERROR: usize = 500;

/// Send what waits for a webhook.
#[derive(Debug, Serialize, Deserialize)]
pub struct Deliver {
    /// Which webhook.
    pub webhook: Uuid,
}

impl Job for Deliver {
    const NAME: &'static str = "flow.webhook.deliver";
    fn key(&self) -> String {
        self.webhook.to_string()
    }
}

/// Sends what is due. Gives the time until the next attempt; none where nothing waits.
///
/// # Errors
/// `unavailable` where this process cannot send, or the database is away.
pub async fn deliver(cx: &Cx, flow: &Flow, webhook: Uuid) -> Result<Option<SignedDuration>> {
    for _ in 0..ROUNDS {
        let mut read = flow.db.read(cx, &ACTION).await?;
        let Some(webhook) = rows::by_id(&mut read, webhook).await?.filter(|it| it.enabled) else {
            return Ok(None);
        };
        let heads = rows::heads(&mut read, webhook.id, SIDE_BY_SIDE).await?;
        drop(read);
        let Some(first) = heads.first() else { return Ok(None) };
        let now = cx.now();
        if first.next_at > now {
            return Ok(Some(first.next_at.duration_since(now)));
        }
        let due: Vec<_> = heads.into_iter().filter(|it| it.next_at <= now).collect();
        let sent = join_all(due.iter().map(|delivery| send(cx, flow, &webhook, delivery))).await;
        let attempts = due.iter().zip(sent).map(|(delivery, sent)| Ok((delivery, sent?)));
        note(cx, flow, &webhook, attempts.collect::<Result<Vec<_>>>()?).await?;
    }
    Ok(Some(SignedDuration::ZERO))
}

/// What an attempt came to: a status or why there is none, and how long it took.
struct Sent {
    outcome: Result<u16>,
    millis: i64,
}

async fn send(cx: &Cx, flow: &Flow, webhook: &Webhook, delivery: &Delivery) -> Result<Sent> {
    let sender = flow.sender.as_ref().ok_or_else(|| Error::unavailable("this process sends no webhooks"))?;
    let started = cx.now();
    let outcome = match flow.db.event(delivery.event).await? {
        Some(event) => sender.send(post(cx, webhook, &event)?).await,
        None => Err(Error::forbidden("the event is not kept any more")),
    };
    let millis = i64::try_from(cx.now().duration_since(started).as_millis()).unwrap_or(i64::MAX);
    Ok(Sent { outcome, millis })
}

/// The request that tells a webhook of an event.
///
/// # Errors
/// `internal` where the webhook's secret is malformed.
pub fn post(cx: &Cx, webhook: &Webhook, event: &Envelope) -> Result<Post> {
    let body = json!({
        "type": event.name,
        "timestamp": event.time,
        "data": event.payload,
        "id": event.id,
        "sequence": event.sequence,
        "version": event.version,
        "subject": event.subject,
        "actor": event.actor,
        "correlation": event.correlation,
    });
    let (body, id, timestamp) = (body.to_string(), event.id.to_string(), cx.now().as_second());
    let signature = sign::signature(&webhook.secret, &id, timestamp, &body)?;
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signature),
    ];
    Ok(Post { url: webhook.url.clone(), headers, body })
}

/// Writes down what the attempts came to; disables a webhook that wants nothing more or has failed for days.
async fn note(cx: &Cx, flow: &Flow, webhook: &Webhook, attempts: Vec<(&Delivery, Sent)>) -> Result<()> {
    let now = cx.now();
    let (mut taken, mut failed, mut gone) = (false, false, false);
    let mut write = flow.db.write(cx, &ACTION).await?;
    for (delivery, sent) in attempts {
        let status = sent.outcome.as_ref().ok().copied();
        let (class, error) = match sent.outcome {
            Ok(status) => match verdict(status) {
                Verdict::Taken => (None, String::new()),
                Verdict::Gone => {
                    gone = true;
                    (Some(ErrorClass::Security), "the receiver wants nothing more".to_owned())
                }
                Verdict::Failed(class) => (Some(class), format!("the receiver answered {status}")),
            },
            Err(error) => (Some(error.class()), error.chain().chars().take(ERROR).collect()),
        };
        let pause = class.and_then(|class| patience::pause(class, delivery.attempts + 1, cx.random_u64()));
        let state = match (class, pause) {
            (None, _) => DeliveryState::Delivered,
            (Some(_), Some(_)) => DeliveryState::Waiting,
            (Some(_), None) => DeliveryState::Failed,
        };
        taken |= class.is_none();
        failed |= class.is_some();
        let next_at = now + pause.unwrap_or(SignedDuration::ZERO);
        let record = Record { state, next_at, status, error, millis: sent.millis };
        rows::record(&mut write, delivery.id, &record, now).await?;
    }
    let since = webhook.failing_since.filter(|_| !taken).or(failed.then_some(now));
    let since = if taken && !failed { None } else { since };
    if since != webhook.failing_since {
        rows::set_failing(&mut write, webhook.id, since).await?;
    }
    let worn_out =
        failed && !taken && since.is_some_and(|since| now.duration_since(since) >= patience::FAILING);
    let reason = match (gone, worn_out) {
        (true, _) => "the receiver answered 410: it wants nothing more",
        (false, true) => "it has failed for five days",
        (false, false) => return write.commit_derived().await,
    };
    if rows::set_state(&mut write, webhook.id, false, reason, now).await? {
        write.emit(&WebhookDisabled {
            webhook: webhook.id,
            name: webhook.name.clone(),
            reason: reason.into(),
        });
    }
    write.commit(&Subject::new("webhook", webhook.id)).await
}
