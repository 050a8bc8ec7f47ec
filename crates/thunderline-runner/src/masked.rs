//! Secure aggregation, the client's side: what leaves the site is masked such that the server learns the sum of all
//! clients' updates only. The protocol and what it protects are [`thunderline_secagg`]'s; here is its way over the wire.

use std::sync::Arc;

use serde::Deserialize;
use thunderline_core::{Error, ErrorKind, RoundId, hex};
use thunderline_flower::record::{Config, ConfigValue};
use thunderline_numerics::{ArrayReader, DType, ModelSchema};
use thunderline_secagg::{
    Floor, Identity, Refusal, Roster, Session,
    client::{Advertised, Shared},
    message::{Consents, Delivery, Survivors},
};

use crate::{
    channel::{CallError, CallResult},
    fleet::Fleet,
    key::cannot,
    retry::until_answered,
    task::{ModelFile, Outcome},
    upload,
};

/// The configuration's key.
const KEY: &str = "thunderline.secure_agg";

/// What a round's clients agree to.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    round: RoundId,
    clip: f32,
    max_weight: u32,
    min_members: u16,
    max_members: u16,
    corrupt: u16,
    dropouts: u16,
    /// The length that an update is shortened to; none without differential privacy.
    #[serde(default)]
    norm: Option<f64>,
}

/// A session in which this client has shared its secrets: it may train now.
pub(crate) struct Joined {
    client: Shared,
    schema: ModelSchema,
    max_weight: u32,
}

/// How this client takes part.
pub(crate) struct Way<'a> {
    pub(crate) fleet: &'a Fleet,
    /// The task's message.
    pub(crate) message: &'a str,
    pub(crate) identity: Arc<Identity>,
    pub(crate) floor: &'a Floor,
}

/// Why a client goes no further.
pub(crate) enum Stop {
    /// The protocol, or the model: the server is told.
    Refused(String),
    /// The connection.
    Call(CallError),
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        match error {
            // The session goes on without this client, or not at all: that ends the task, not the runner.
            CallError::Forbidden(why) | CallError::Refused(why) => Self::Refused(why),
            other => Self::Call(other),
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(format!("secure aggregation: {refusal}"))
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refused(error.chain())
    }
}

/// The session that the message asks for, if it does.
fn session(config: &Config, schema: &ModelSchema) -> Result<Option<(Session, u32)>, Stop> {
    let Some((_, value)) = config.iter().find(|(key, _)| key == KEY) else { return Ok(None) };
    let unreadable = |why: String| Stop::Refused(format!("'{KEY}' is not as agreed: {why}"));
    let ConfigValue::Text(text) = value else { return Err(unreadable("it is no text".into())) };
    let terms: Terms = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    if let Some(other) = schema.arrays().iter().find(|array| array.dtype != DType::F32) {
        let why = format!("secure aggregation takes f32 arrays; '{}' is {}", other.name, other.dtype);
        return Err(Error::new(ErrorKind::Invalid, why).into());
    }
    let dimension = u32::try_from(schema.bytes() / 4).unwrap_or(u32::MAX);
    let session = Session::new(
        terms.round.to_string().as_bytes(),
        thunderline_secagg::Terms {
            dimension,
            clip: terms.clip,
            max_weight: terms.max_weight,
            min_members: terms.min_members,
            max_members: terms.max_members,
            corrupt: terms.corrupt,
            dropouts: terms.dropouts,
            norm: terms.norm,
        },
    )?;
    Ok(Some((session, terms.max_weight)))
}

impl Way<'_> {
    /// Joins the session that the message asks for; `None` where it asks for none.
    pub(crate) fn join(&self, config: &Config, schema: &ModelSchema) -> Result<Option<Joined>, Stop> {
        let Some((session, max_weight)) = session(config, schema)? else { return Ok(None) };
        let client = Advertised::new(&session, Arc::clone(&self.identity), &self.secret());
        self.say("advertise", &client.advertisement().encode())?;
        let roster = Roster::decode(session, &self.hear("advertise")?)?;
        let (client, shares) = client.share(Arc::new(roster), self.floor)?;
        self.say("share", &shares.encode())?;
        Ok(Some(Joined { client, schema: schema.clone(), max_weight }))
    }

    /// Masks and sends what training changed, and helps to take the masks off the sum.
    pub(crate) fn contribute(
        &self,
        joined: Joined,
        before: &ModelFile,
        outcome: &Outcome,
    ) -> Result<(), Stop> {
        let Joined { client, schema, max_weight } = joined;
        let after = outcome.model.as_ref().ok_or_else(|| Error::internal("training gave no model"))?;
        let change = change(&schema, before, after)?;
        let delivery = Delivery::decode(&self.hear("share")?)?;
        let weight = u32::try_from(outcome.examples).unwrap_or(u32::MAX).min(max_weight);
        let input = client.quantiser().quantise(&change, weight, &self.secret())?;
        if input.factor < 1.0 {
            tracing::info!(factor = input.factor, "the update was shortened to the agreed norm");
        }
        if input.clipped > 0 {
            tracing::warn!(numbers = input.clipped, of = change.len(), "the update was clipped");
        }
        let (client, message) = client.mask(&delivery, input)?;
        // As large as the update: it goes on where a broken link stopped it.
        upload::say(self.fleet, self.message, "mask", message.encode())?;
        let survivors = Survivors::decode(&self.hear("mask")?)?;
        let (client, message) = client.consent(&survivors)?;
        self.say("consent", &message.encode())?;
        let consents = Consents::decode(&self.hear("consent")?)?;
        self.say("reveal", &client.reveal(&consents)?.encode())?;
        Ok(())
    }

    fn secret(&self) -> [u8; 32] {
        let mut secret = [0; 32];
        self.fleet.channel.cx().fill_random(&mut secret);
        secret
    }

    fn path(&self, exchange: &str) -> String {
        format!("/v1/runner/exchanges/{}/{exchange}", self.message)
    }

    fn say(&self, exchange: &str, bytes: &[u8]) -> CallResult<()> {
        let path = self.path(exchange);
        let channel = &self.fleet.channel;
        until_answered(channel.cx(), &self.fleet.stop, || channel.post_bytes(&path, bytes)).map(drop)
    }

    /// Asks until there is an answer: the server holds each call for a while.
    fn hear(&self, exchange: &str) -> CallResult<Vec<u8>> {
        let path = format!("{}/answer", self.path(exchange));
        loop {
            let path = path.clone();
            let answer = self.fleet.held(move |fleet| {
                let channel = &fleet.channel;
                until_answered(channel.cx(), &fleet.stop, || channel.post_bytes(&path, &[]))
            })?;
            if !answer.is_empty() {
                return Ok(answer.to_vec());
            }
        }
    }
}

/// What training changed, number by number, in the order of the schema.
fn change(schema: &ModelSchema, before: &ModelFile, after: &ModelFile) -> thunderline_core::Result<Vec<f32>> {
    let mut change = Vec::with_capacity((schema.bytes() / 4) as usize);
    let (old, new) = (before.arrays()?, after.arrays()?);
    for (array, spec) in schema.arrays().iter().enumerate() {
        let place = after.place_of(spec)?;
        let length = schema.array_bytes(array) as usize;
        let (mut from, mut to) = (vec![0; length], vec![0; length]);
        old.read_at(array, 0, &mut from)?;
        new.read_at(place, 0, &mut to)?;
        let number = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
        let pairs = from.as_chunks::<4>().0.iter().zip(to.as_chunks::<4>().0);
        change.extend(pairs.map(|(from, to)| number(to) - number(from)));
    }
    Ok(change)
}

/// The lasting identity in the state folder, made on first use and readable by its owner only.
pub(crate) fn identity(
    state: &std::path::Path,
    cx: &thunderline_core::Cx,
) -> thunderline_core::Result<Identity> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let path = state.join("secure.key");
    let seed = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut seed = vec![0; 32];
            cx.fill_random(&mut seed);
            // The state folder is locked by this runner alone; a draft that a crash left is written anew.
            let draft = state.join("secure.key.draft");
            let options =
                std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
            let mut file = options.map_err(|error| cannot("write", &draft, error))?;
            let written = file.write_all(&seed).and_then(|()| file.sync_all());
            written.map_err(|error| cannot("write", &draft, error))?;
            std::fs::rename(&draft, &path).map_err(|error| cannot("write", &path, error))?;
            seed
        }
        Err(error) => return Err(cannot("read", &path, error)),
    };
    let seed = seed.try_into().map_err(|_| {
        Error::invalid_value("state", format!("{} is no key", path.display()), "a file of 32 bytes, or none")
    })?;
    let identity = Identity::from_seed(&seed);
    // For the other sites, who may want to know whom they hide among.
    let public = state.join("secure.pub");
    let line = hex::encode(&identity.public()) + "\n";
    if std::fs::read(&public).ok().as_deref() != Some(line.as_bytes()) {
        let draft = state.join("secure.pub.draft");
        let written = std::fs::write(&draft, line).and_then(|()| std::fs::rename(&draft, &public));
        written.map_err(|error| cannot("write", &public, error))?;
    }
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs::File, os::unix::fs::PermissionsExt};

    use thunderline_core::{Actor, SeededRandom, SystemClock, TenantId};
    use thunderline_numerics::{ArraySpec, checkpoint::CheckpointWriter};

    use super::*;

    #[test]
    fn the_identity_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let tenant = "00000000-0000-0000-0000-000000000001".parse::<TenantId>().unwrap();
        let cx = thunderline_core::Cx::new(
            Actor::System("runner"),
            tenant,
            Arc::new(SystemClock),
            SeededRandom::new(1),
        );
        let first = identity(folder.path(), &cx).unwrap().public();
        assert_eq!(identity(folder.path(), &cx).unwrap().public(), first);
        let public = std::fs::read_to_string(folder.path().join("secure.pub")).unwrap();
        assert_eq!(public.trim().len(), 64);
        let path = folder.path().join("secure.key");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(identity(folder.path(), &cx).err().map(|error| error.code()), Some("invalid"));
    }

    #[test]
    fn terms_that_are_not_as_agreed_are_refused_and_none_are_no_session() {
        let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[2])]).unwrap();
        let of = |text: &str| session(&vec![(KEY.into(), ConfigValue::Text(text.into()))], &schema);
        let good = r#"{"round":"00000000-0000-0000-0000-000000000001","clip":1.0,"max_weight":10,"min_members":3,
            "max_members":5,"corrupt":200,"dropouts":300}"#;
        assert!(matches!(of(good), Ok(Some((session, 10))) if session.terms().dimension == 2));
        let private = good.replace("\"max_weight\":10", "\"norm\":0.5,\"max_weight\":1");
        assert!(matches!(of(&private), Ok(Some((session, 1))) if session.terms().norm == Some(0.5)));
        let misspelt = good.replace("\"clip\"", "\"clap\"");
        let too_few = good.replace("\"min_members\":3", "\"min_members\":2");
        let no_norm = private.replace("0.5", "0");
        for bad in ["{}", &misspelt, &too_few, &no_norm] {
            assert!(matches!(of(bad), Err(Stop::Refused(_))), "{bad}");
        }
        assert!(matches!(session(&Config::new(), &schema), Ok(None)));
        let double = ModelSchema::new(vec![ArraySpec::new("w", DType::F64, &[2])]).unwrap();
        let refused = session(&vec![(KEY.into(), ConfigValue::Text(good.into()))], &double);
        assert!(matches!(refused, Err(Stop::Refused(why)) if why.contains("'w' is float64")));
    }

    #[test]
    fn what_changed_is_found_by_name_and_in_no_array_of_another_shape() {
        let folder = tempfile::tempdir().unwrap();
        let model = |file: &str, arrays: [(&str, usize, f32); 2]| {
            let specs = arrays.map(|(name, length, _)| ArraySpec::new(name, DType::F32, &[length]));
            let schema = ModelSchema::new(specs.into()).unwrap();
            let path = folder.path().join(file);
            let out = File::create(&path).unwrap();
            let mut writer = CheckpointWriter::new(out, &schema, &BTreeMap::new()).unwrap();
            for (_, length, value) in arrays {
                (0..length).for_each(|_| writer.write(&value.to_le_bytes()).unwrap());
            }
            writer.finish().unwrap();
            ModelFile::open(&path).unwrap()
        };
        let before = model("before", [("a", 2, 1.0), ("b", 1, 2.0)]);
        let after = model("after", [("b", 1, 5.0), ("a", 2, 1.5)]);
        assert_eq!(change(before.schema(), &before, &after).unwrap(), [0.5, 0.5, 3.0]);
        for other in [[("a", 2, 0.0), ("c", 1, 0.0)], [("a", 3, 0.0), ("b", 1, 0.0)]] {
            let refused = change(before.schema(), &before, &model("other", other)).unwrap_err();
            assert!(refused.to_string().contains("has no array"), "{refused}");
        }
    }
}
