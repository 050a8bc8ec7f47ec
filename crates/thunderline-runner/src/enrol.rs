//! The JSON calls beside Flower's API: enrolling, and claiming a lease.

use std::{collections::BTreeMap, fs};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_core::{Error, NodeId, RunId};

use crate::{
    channel::{CallResult, Channel},
    config::RunnerConfig,
};

/// `POST /v1/runner/enrol`.
#[derive(Serialize)]
struct EnrolRequest<'a> {
    /// Base64 of the PEM public key.
    public_key: String,
    name: &'a str,
    tags: &'a [String],
    capacity: Capacity<'a>,
    version: &'static str,
}

#[derive(Serialize)]
struct Capacity<'a> {
    cores: usize,
    /// 0 where it is not known.
    memory_bytes: u64,
    /// What the site owner says; it replaces what was found out.
    #[serde(flatten)]
    stated: &'a BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct EnrolAnswer {
    node_id: NodeId,
    manifest_key: String,
    heartbeat_seconds: f64,
}

/// What the server told about this runner.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Enrolment {
    pub(crate) node: NodeId,
    /// The Ed25519 key that manifests are signed with.
    pub(crate) manifest_key: Vec<u8>,
    pub(crate) heartbeat_seconds: f64,
}

pub(crate) fn enrol(channel: &Channel, config: &RunnerConfig) -> CallResult<Enrolment> {
    let request = EnrolRequest {
        public_key: STANDARD.encode(channel.key().public_key().pem()),
        name: &config.name,
        tags: &config.tags,
        capacity: capacity(&config.capabilities),
        version: env!("CARGO_PKG_VERSION"),
    };
    let answer: EnrolAnswer = channel.post_json("/v1/runner/enrol", &request)?;
    let manifest_key = STANDARD
        .decode(&answer.manifest_key)
        .ok()
        .filter(|key| key.len() == 32)
        .ok_or_else(|| Error::internal("the server's manifest key is no Ed25519 key in base64"))?;
    let heartbeat_seconds = answer.heartbeat_seconds.clamp(1.0, 3600.0);
    Ok(Enrolment { node: answer.node_id, manifest_key, heartbeat_seconds })
}

fn capacity(stated: &BTreeMap<String, Value>) -> Capacity<'_> {
    Capacity {
        stated,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: fs::read_to_string("/proc/meminfo")
            .ok()
            .and_then(|text| memory_total(&text))
            .unwrap_or(0),
    }
}

fn memory_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// `POST /v1/runner/leases/claim`.
#[derive(Serialize)]
struct ClaimRequest<'a> {
    run_id: RunId,
    message_id: &'a str,
}

/// A claimed lease. The manifest says what it is for and until when, and is to be verified.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Claim {
    pub(crate) lease_id: String,
    /// Compact JWS.
    pub(crate) manifest: String,
}

pub(crate) fn claim(channel: &Channel, run_id: RunId, message_id: &str) -> CallResult<Claim> {
    channel.post_json("/v1/runner/leases/claim", &ClaimRequest { run_id, message_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_the_kernel_writes_it() {
        assert_eq!(memory_total("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 << 20));
        assert_eq!(memory_total("nothing"), None);
    }

    #[test]
    fn a_claim_is_asked_for_in_the_agreed_form() {
        let request = ClaimRequest { run_id: RunId::from_bits(7), message_id: "ab" };
        let json = serde_json::to_value(&request).unwrap();
        assert_eq!(json, serde_json::json!({"run_id": "7", "message_id": "ab"}));
    }
}
