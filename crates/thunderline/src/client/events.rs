//! Reading the event stream (server-sent events, WHATWG HTML §9.2).

use std::io::{BufRead, BufReader};

use thunderline_web::dto::event::Event;

use super::Client;
use crate::failure::{Failure, Result};

impl Client {
    /// Calls `on_event` for each event after `after` (or from now on) until the stream ends or `on_event` says stop.
    ///
    /// # Errors
    /// What the server refuses, or that it cannot be reached.
    pub fn follow(
        &self,
        after: Option<i64>,
        query: &[(&str, &str)],
        on_event: &mut dyn FnMut(Event) -> bool,
    ) -> Result<()> {
        let last = after.map(|after| after.to_string());
        let headers: Vec<_> = last.iter().map(|last| ("last-event-id", last.as_str())).collect();
        let response = self.open("/api/v1/events/stream", query, &headers)?;
        for line in BufReader::new(response.into_body().into_reader()).lines() {
            // A stream that breaks off is no failure: the caller decides whether to come back.
            let Ok(line) = line else { return Ok(()) };
            let Some(data) = line.strip_prefix("data:") else { continue };
            let event = serde_json::from_str(data.trim_start())
                .map_err(|error| Failure::failed(format!("an event is not understood: {error}")))?;
            if !on_event(event) {
                return Ok(());
            }
        }
        Ok(())
    }
}
