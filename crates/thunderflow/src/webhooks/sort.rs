//! Which event goes to whom: a consumer of all events.

use thunderline_contracts::flow::WebhookTested;
use thunderline_core::{Action, Cx, Envelope, Event, Result, Rule};
use thunderline_store::Write;

use super::{deliver::Deliver, pattern, rows};

/// Background work only.
pub const ACTION: Action = Action::new("flow.webhook.sort", Rule::System);

/// The consumer's name.
pub const CONSUMER: &str = "flow.webhooks";

/// Makes an event a delivery for each webhook that wants it.
///
/// # Errors
/// Those of writing.
pub async fn on_event(cx: &Cx, event: &Envelope, write: &mut Write) -> Result<()> {
    let tested = match event.name.as_str() {
        WebhookTested::NAME => Some(event.decode::<WebhookTested>()?.webhook),
        _ => None,
    };
    for (webhook, patterns) in rows::wanting(write, event.tenant).await? {
        let wanted = match tested {
            Some(tested) => tested == webhook,
            None => patterns.iter().any(|pattern| pattern::matches(pattern, &event.name)),
        };
        if wanted {
            rows::queue(write, webhook, event, cx.now()).await?;
            write.enqueue(&Deliver { webhook });
        }
    }
    Ok(())
}
