//! The REST interface, as plain JSON: what programs other than ours see.

use std::{io::Read, path::Path};

use serde_json::Value;
use ureq::Agent;

/// A caller with the local operator's token.
pub struct Rest {
    agent: Agent,
    base: String,
    token: String,
}

impl Rest {
    /// For the server at `base` whose data folder is `data`.
    pub fn new(base: &str, data: &Path) -> Self {
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        let token = std::fs::read_to_string(data.join("operator.token")).unwrap();
        Self { agent, base: base.to_owned(), token: token.trim().to_owned() }
    }

    /// The answer's status and body.
    pub fn get_bytes(&self, path: &str) -> Result<(u16, Vec<u8>), ureq::Error> {
        let authorization = format!("Bearer {}", self.token);
        let answer =
            self.agent.get(format!("{}{path}", self.base)).header("authorization", authorization).call()?;
        let (status, mut bytes) = (answer.status().as_u16(), Vec::new());
        answer.into_body().into_reader().read_to_end(&mut bytes)?;
        Ok((status, bytes))
    }

    /// What is there.
    ///
    /// # Panics
    /// Where nothing is, or the server does not answer.
    pub fn get(&self, path: &str) -> Value {
        let (status, bytes) = self.get_bytes(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }

    /// All of a list, which must fit into one piece.
    pub fn list(&self, path: &str) -> Vec<Value> {
        let separator = if path.contains('?') { '&' } else { '?' };
        // These two are never in pieces.
        let whole = path.ends_with("/rollups") || path.ends_with("/leases");
        let asked = if whole { path.to_owned() } else { format!("{path}{separator}limit=1000") };
        let mut page = self.get(&asked);
        assert!(page["next"].is_null(), "{path} has more than 1000 items");
        match page["items"].take() {
            Value::Array(items) => items,
            other => panic!("{path}: {other}"),
        }
    }

    /// Every event so far, oldest first.
    pub fn events(&self) -> Vec<Value> {
        let (mut events, mut after) = (Vec::new(), 0);
        loop {
            let mut page = self.get(&format!("/api/v1/events?after={after}&limit=1000"));
            let Value::Array(items) = page["items"].take() else { panic!("{page}") };
            let Some(last) = items.last() else { return events };
            after = last["sequence"].as_i64().unwrap();
            events.extend(items);
        }
    }
}
