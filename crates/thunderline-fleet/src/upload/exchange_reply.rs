//! A Flower client's reply to an exchange of a masked round: what it says, in config records.
//!
//! The first record is [`federation::masked::KEY`] with the exchange and the beginning of `said`, or why the client goes no
//! further (`refused`). What one object cannot hold follows as `….1`, `….2` and so on.

use std::time::{Duration, SystemTime};

use federation::masked::{self, Exchange, KEY};
use thunderline_core::{Error, ErrorKind, NodeId, Result};
use thunderline_flower::{
    Kind, Object, ObjectId,
    object::Header,
    record::{self, Config, ConfigValue},
};
use thunderline_objects::Area;

use super::{Announced, Upload, assemble::object, receive::digest};
use crate::{Fleet, blocking::blocking, fleet::Node};

/// The most pieces: masked levels of a thousand million numbers.
const MOST_PIECES: usize = 1024;

/// What was said in which exchange.
pub(super) struct ExchangeReply {
    exchange: Exchange,
    said: Vec<u8>,
}

/// Whether these bytes are an object that a masked round can do with. A client without the mod sends its update as it is:
/// that is noticed at the first of its objects, none of which is kept.
pub(super) fn may_be_kept(content: &[u8]) -> bool {
    let kinds = [Kind::ConfigRecord, Kind::RecordDict, Kind::Message];
    Header::decode(content).is_ok_and(|(header, _)| kinds.contains(&header.kind))
}

/// Reads what was said. Blocking.
///
/// # Errors
/// `invalid` where it is nothing that can be said, with the client's own reason where it gives one.
pub(super) fn read(area: &Area, announced: &Announced, node: NodeId) -> Result<ExchangeReply> {
    let Some(content) = announced.reply.check_object(node, &object(area, &announced.reply.id)?)? else {
        let error = announced.reply.error.as_ref();
        let why = error.map_or_else(String::new, |error| format!("code {}: {}", error.code, error.reason));
        return Err(invalid(format!("{why} (the app's first mod must be thunderline's secure_mod)")));
    };
    let names = record::names_from_object(Kind::RecordDict, &object(area, &content)?)?;
    let records = |name: &str| names.iter().find(|(known, _)| known == name).map(|(_, id)| *id);
    let Some(first) = records(KEY) else {
        return Err(invalid("the round takes masked updates only: the app's first mod must be secure_mod"));
    };
    let mut config = read_record(area, &first)?;
    let exchange = match value(&mut config, "exchange") {
        Some(ConfigValue::Text(name)) => Exchange::spoken(&name),
        _ => None,
    };
    let exchange = exchange.ok_or_else(|| invalid(format!("'{KEY}' names no exchange")))?;
    if let Some(ConfigValue::Text(why)) = value(&mut config, "refused") {
        return Err(invalid(why));
    }
    let mut said = bytes(&mut config)?.to_vec();
    for piece in 1..MOST_PIECES {
        let Some(id) = records(&format!("{KEY}.{piece}")) else { break };
        said.extend_from_slice(&bytes(&mut read_record(area, &id)?)?);
    }
    Ok(ExchangeReply { exchange, said })
}

/// Gives the domain what was said, and lets go of the pieces: it has kept the whole.
///
/// # Errors
/// Those of [`read`] and of the domain.
pub(super) async fn hand_on(
    fleet: &Fleet,
    node: &Node,
    upload: &Upload,
    reply: Result<ExchangeReply>,
) -> Result<()> {
    let ExchangeReply { exchange, said } = reply?;
    masked::receive(&node.cx, &fleet.federations, upload.lease, exchange, said).await?;
    let (area, objects) = (upload.area.clone(), upload.announced.objects.clone());
    blocking(move || {
        // Whenever they came.
        let ever = SystemTime::UNIX_EPOCH + Duration::from_secs(u32::MAX.into());
        objects.iter().try_for_each(|id| area.remove_blob(&digest(id), ever).map(drop))
    })
    .await
}

fn read_record(area: &Area, id: &ObjectId) -> Result<Config> {
    let found: Object = object(area, id)?;
    record::config_from_object(&found)
}

fn value(config: &mut Config, key: &str) -> Option<ConfigValue> {
    let place = config.iter().position(|(known, _)| known == key)?;
    Some(config.swap_remove(place).1)
}

fn bytes(config: &mut Config) -> Result<bytes::Bytes> {
    match value(config, "said") {
        Some(ConfigValue::Bytes(bytes)) => Ok(bytes),
        _ => Err(invalid(format!("'{KEY}' says nothing"))),
    }
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, reason)
}
