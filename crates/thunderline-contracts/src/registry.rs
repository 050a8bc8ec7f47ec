//! Every event that may be told: name, version, schema.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;
use thunderline_core::{Contracts, Error, Event, Result};

use crate::{Shape, dag, faults, federation, flow, grid, link, name, system};

/// A kind of event.
#[derive(Clone, Copy, Debug)]
pub struct EventType {
    /// [`Event::NAME`].
    pub name: &'static str,
    /// [`Event::VERSION`].
    pub version: u32,
    schema: fn() -> Value,
    round_trip: fn(&Value) -> serde_json::Result<Value>,
}

impl EventType {
    /// The contract of a payload.
    #[must_use]
    pub const fn of<E: Event + Shape>() -> Self {
        Self {
            name: E::NAME,
            version: E::VERSION,
            schema: E::schema,
            round_trip: |payload| serde_json::to_value(E::deserialize(payload)?),
        }
    }

    /// The payload's JSON schema (draft 2020-12).
    #[must_use]
    pub fn schema(&self) -> Value {
        (self.schema)()
    }

    /// Reads a payload as the type that it was written as, and writes it again.
    ///
    /// # Errors
    /// Where it does not fit the type.
    pub fn round_trip(&self, payload: &Value) -> serde_json::Result<Value> {
        (self.round_trip)(payload)
    }
}

/// Every kind of event, those of one domain together.
pub const EVENTS: &[EventType] = &[
    EventType::of::<dag::WorkflowDefined>(),
    EventType::of::<dag::WorkflowStarted>(),
    EventType::of::<dag::WorkflowCompleted>(),
    EventType::of::<dag::WorkflowFailed>(),
    EventType::of::<dag::WorkflowCancelled>(),
    EventType::of::<dag::WorkflowCompensated>(),
    EventType::of::<dag::NodeStarted>(),
    EventType::of::<dag::NodeWaiting>(),
    EventType::of::<dag::NodeCompleted>(),
    EventType::of::<dag::NodeFailed>(),
    EventType::of::<dag::NodeCompensated>(),
    EventType::of::<dag::NodeNotCompensated>(),
    EventType::of::<dag::NodeDecided>(),
    EventType::of::<dag::NodeNoted>(),
    EventType::of::<federation::FederationCreated>(),
    EventType::of::<federation::FederationStarted>(),
    EventType::of::<federation::FederationPaused>(),
    EventType::of::<federation::FederationResumed>(),
    EventType::of::<federation::FederationCompleted>(),
    EventType::of::<federation::FederationFailed>(),
    EventType::of::<federation::FederationCancelled>(),
    EventType::of::<federation::LeaseIssued>(),
    EventType::of::<federation::ClientJoined>(),
    EventType::of::<federation::UpdateAccepted>(),
    EventType::of::<federation::ClientDropped>(),
    EventType::of::<federation::UpdateRefused>(),
    EventType::of::<federation::RoundStarted>(),
    EventType::of::<federation::RoundCompleted>(),
    EventType::of::<federation::RoundFailed>(),
    EventType::of::<federation::AggregateCompleted>(),
    EventType::of::<federation::ClientsSelected>(),
    EventType::of::<federation::RoundClosed>(),
    EventType::of::<federation::ArtifactStored>(),
    EventType::of::<federation::PrivacySpent>(),
    EventType::of::<federation::PrivacyExhausted>(),
    EventType::of::<federation::PrivacyBudgetSet>(),
    EventType::of::<flow::DeadLetterAdded>(),
    EventType::of::<flow::DeadLetterReplayed>(),
    EventType::of::<flow::DeadLetterDropped>(),
    EventType::of::<flow::ConsumerReset>(),
    EventType::of::<flow::ConsumerForgotten>(),
    EventType::of::<flow::FlagChanged>(),
    EventType::of::<flow::WebhookCreated>(),
    EventType::of::<flow::WebhookDeleted>(),
    EventType::of::<flow::WebhookDisabled>(),
    EventType::of::<flow::WebhookEnabled>(),
    EventType::of::<flow::WebhookTested>(),
    EventType::of::<flow::ExternalReceived>(),
    EventType::of::<grid::ZoneCreated>(),
    EventType::of::<grid::ZoneDeleted>(),
    EventType::of::<grid::ZoneClaimed>(),
    EventType::of::<grid::ZoneReleased>(),
    EventType::of::<grid::ZoneNodeAssigned>(),
    EventType::of::<link::NodeJoined>(),
    EventType::of::<link::NodeLeft>(),
    EventType::of::<link::NodeChanged>(),
    EventType::of::<link::NodeEvicted>(),
    EventType::of::<link::NodeReadmitted>(),
    EventType::of::<link::GroupCreated>(),
    EventType::of::<link::GroupMoved>(),
    EventType::of::<link::GroupDeleted>(),
    EventType::of::<link::GroupMembersChanged>(),
    EventType::of::<system::DomainWaiting>(),
    EventType::of::<system::DomainActivated>(),
    EventType::of::<system::DomainDegraded>(),
    EventType::of::<system::DomainCrashed>(),
    EventType::of::<system::DomainRestarting>(),
    EventType::of::<system::DomainDeactivated>(),
];

/// The contract of this name and version.
#[must_use]
pub fn find(name: &str, version: u32) -> Option<&'static EventType> {
    EVENTS.iter().find(|event| event.name == name && event.version == version)
}

/// What a database holds events to.
pub struct Registry;

/// Schemas are looked up for every event, and made once.
static SCHEMAS: LazyLock<BTreeMap<(&str, u32), Value>> =
    LazyLock::new(|| EVENTS.iter().map(|event| ((event.name, event.version), event.schema())).collect());

impl Contracts for Registry {
    fn check(&self, name: &str, version: u32, payload: &Value) -> Result<()> {
        if let Err(fault) = name::check(name) {
            return Err(Error::internal(format!("event {name} cannot be told: {fault}")));
        }
        let Some(schema) = SCHEMAS.get(&(name, version)) else {
            let known: Vec<_> =
                EVENTS.iter().filter(|event| event.name == name).map(|event| event.version).collect();
            let (code, known) = match known.as_slice() {
                [] => ("unsupported_event", "it is not listed in thunderline-contracts' registry".to_owned()),
                known => ("invalid_event_version", format!("its versions are {known:?}")),
            };
            return Err(Error::internal(format!("event {name} v{version} cannot be told: {code}: {known}")));
        };
        let faults = faults(schema, payload);
        if faults.is_empty() {
            return Ok(());
        }
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let faults = faults.join("; ");
        Err(Error::internal(format!("event {name} v{version} cannot be told: invalid_payload: {faults}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select, strategy::BoxedStrategy};
    use serde_json::{Map, json};

    use super::*;

    /// Any value that fits a schema.
    fn fitting(schema: &Value) -> BoxedStrategy<Value> {
        if let Some(words) = schema["enum"].as_array() {
            return select(words.clone()).boxed();
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            return proptest::strategy::Union::new(choices.iter().map(fitting)).boxed();
        }
        match (schema["type"].as_str(), schema["format"].as_str()) {
            (Some("string"), Some("uuid")) => {
                any::<u128>().prop_map(|bits| json!(uuid::Uuid::from_u128(bits))).boxed()
            }
            (Some("string"), Some("decimal")) => (1..i64::MAX).prop_map(|id| json!(id.to_string())).boxed(),
            (Some("string"), Some("date-time")) => (0i64..4_000_000_000)
                .prop_map(|second| json!(thunderline_core::Timestamp::from_second(second).expect("in range")))
                .boxed(),
            (Some("string"), _) => any::<String>().prop_map(Value::from).boxed(),
            (Some("integer"), _) => any::<u32>().prop_map(Value::from).boxed(),
            (Some("number"), _) => any::<f64>()
                .prop_filter_map("JSON has no infinity", |number| {
                    serde_json::Number::from_f64(number).map(Value::from)
                })
                .boxed(),
            (Some("null"), _) => Just(Value::Null).boxed(),
            (Some("boolean"), _) => any::<bool>().prop_map(Value::from).boxed(),
            (Some("array"), _) => {
                proptest::collection::vec(fitting(&schema["items"]), 0..3).prop_map(Value::from).boxed()
            }
            (Some("object"), _) if schema["properties"].is_object() => {
                let fields = schema["properties"].as_object().expect("checked").clone();
                let values: Vec<_> = fields.values().map(fitting).collect();
                values
                    .prop_map(move |values| {
                        Value::Object(fields.keys().cloned().zip(values).collect::<Map<_, _>>())
                    })
                    .boxed()
            }
            (Some("object"), _) => {
                let pairs = proptest::collection::btree_map(
                    "[a-z]{1,5}",
                    fitting(&schema["additionalProperties"]),
                    0..3,
                );
                pairs.prop_map(|pairs| Value::Object(pairs.into_iter().collect())).boxed()
            }
            _ => prop_oneof![Just(json!({ "loss": 0.5 })), Just(json!([1, "x"])), Just(json!(7))].boxed(),
        }
    }

    fn payloads() -> BoxedStrategy<(&'static EventType, Value)> {
        select(EVENTS)
            .prop_flat_map(|event| {
                let event = find(event.name, event.version).expect("it is from the registry");
                fitting(&event.schema()).prop_map(move |payload| (event, payload))
            })
            .boxed()
    }

    fn reasons(event: &EventType, payload: &Value) -> Vec<String> {
        faults(&event.schema(), payload).iter().map(ToString::to_string).collect()
    }

    proptest! {
        #[test]
        fn what_fits_a_schema_can_be_read_and_is_written_as_it_was((event, payload) in payloads()) {
            prop_assert_eq!(reasons(event, &payload), Vec::<String>::new());
            let again = event.round_trip(&payload);
            prop_assert!(again.is_ok(), "{}: {:?}", event.name, again);
            prop_assert_eq!(reasons(event, &again.expect("checked")), Vec::<String>::new());
            prop_assert!(Registry.check(event.name, event.version, &payload).is_ok());
        }

        #[test]
        fn a_spoilt_field_is_refused_by_its_name((event, payload) in payloads(), which in any::<prop::sample::Index>()) {
            let schema = event.schema();
            let fields: Vec<_> = schema["properties"].as_object().expect("a payload is an object").keys().collect();
            let field = fields[which.index(fields.len())];
            let required = schema["required"].as_array().expect("a list").contains(&json!(field));

            let mut missing = payload.clone();
            missing.as_object_mut().expect("an object").remove(field);
            let expected: &[String] = &[format!("{field} is missing")];
            prop_assert_eq!(reasons(event, &missing), if required { expected } else { &[] });

            let mut unknown = payload.clone();
            unknown["no_such_field"] = json!(1);
            prop_assert_eq!(reasons(event, &unknown), ["no_such_field is not in the contract"]);

            // Nothing looks like a map of a list, unless the field may be anything.
            let anything = schema["properties"][field].as_object().is_some_and(Map::is_empty)
                || schema["properties"][field]["anyOf"][0].as_object().is_some_and(Map::is_empty);
            let mut wrong = payload;
            wrong[field] = json!({ "": [] });
            let found = reasons(event, &wrong);
            prop_assert_eq!(found.is_empty(), anything, "{:?}", found);
            prop_assert!(found.iter().all(|reason| reason.starts_with(field.as_str())), "{:?}", found);
        }
    }

    #[test]
    fn names_follow_the_rules_and_no_name_has_two_contracts() {
        for (index, event) in EVENTS.iter().enumerate() {
            assert_eq!(name::check(event.name), Ok(()), "{}", event.name);
            let twin = EVENTS[..index].iter().any(|it| (it.name, it.version) == (event.name, event.version));
            assert!(!twin, "{} v{} is listed twice", event.name, event.version);
        }
    }

    #[test]
    fn every_declared_event_is_listed() {
        let declared = [
            include_str!("dag.rs"),
            include_str!("federation.rs"),
            include_str!("flow.rs"),
            include_str!("grid.rs"),
            include_str!("link.rs"),
            include_str!("system.rs"),
        ];
        for text in declared {
            let declares =
                |line: &&str| line.contains(" = \"") && line.starts_with(|c: char| c.is_ascii_uppercase());
            for line in text.lines().map(str::trim_start).filter(declares) {
                let declared = line.split('"').nth(1).expect("a name in quotes");
                assert!(find(declared, 1).is_some(), "{declared} is declared and not listed in EVENTS");
            }
        }
    }

    #[test]
    fn what_is_not_promised_is_refused_with_its_reason() {
        let refused =
            |name, version, payload| Registry.check(name, version, &payload).unwrap_err().to_string();
        let left = || json!({ "node": "7", "reason": "gone" });
        assert!(Registry.check("link.node.left", 1, &left()).is_ok());
        for (text, expected) in [
            (refused("link.node.exploded", 1, left()), "unsupported_event"),
            (refused("link.node.left", 2, left()), "invalid_event_version: its versions are [1]"),
            (refused("Link.node.left", 1, left()), "invalid_name"),
            (refused("left", 1, left()), "short_name"),
            (refused("mars.node.left", 1, left()), "reserved_violation"),
            (
                refused("link.node.left", 1, json!({ "node": 7, "reason": "x" })),
                "node is number, wanted: string",
            ),
            (refused("link.node.left", 1, json!([])), "the payload is array, wanted: object"),
        ] {
            assert!(text.contains(expected), "{text}");
        }
        // A number that JSON does not have becomes null on the way.
        let started = json!({ "federation": uuid::Uuid::nil(), "round_id": uuid::Uuid::nil(), "round": 1,
            "client_fraction": f64::NAN, "clients": 3 });
        let text = refused("fl.round.started", 1, started);
        assert!(text.contains("client_fraction is null, wanted: number"), "{text}");
    }
}
