//! The documents that are submitted.

use std::collections::BTreeMap;

use crate::op::Plan;

/// Writes documents; one for each key.
pub(super) struct Documents {
    pub(super) model: String,
    pub(super) bundle: String,
    pub(super) submitted: u32,
    pub(super) keyed: BTreeMap<u8, String>,
}

impl Documents {
    pub(super) fn of(&mut self, plan: &Plan, key: Option<u8>) -> String {
        let Some(key) = key else {
            self.submitted += 1;
            return self.write(plan, &format!("free-{}", self.submitted));
        };
        if let Some(known) = self.keyed.get(&key) {
            return known.clone();
        }
        let document = self.write(plan, &format!("key-{key}"));
        self.keyed.insert(key, document.clone());
        document
    }

    fn write(&self, plan: &Plan, name: &str) -> String {
        format!(
            "name: {name}\nmodel_ref: sha256:{}\nnum_rounds: {}\nmin_clients: {}\nseed: 7\nclient_fraction: {}\n\
             evaluation: {{federated: {}}}\n\
             round: {{deadline: {}, quorum: {}, over_selection: {}, max_failures: {}}}\n\
             app: {{flower: {{bundle: {}}}}}\n",
            self.model,
            plan.rounds,
            plan.clients,
            // Where all are wanted, nobody can be asked in excess.
            if plan.over { 0.5 } else { 1.0 },
            plan.judge,
            plan.deadline,
            f64::from(plan.quorum) / 100.0,
            if plan.over { 2.0 } else { 1.0 },
            plan.failures,
            self.bundle,
        )
    }
}
