//! One task as a message: the model's objects, where it has the model, and a few of its own.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use thunderline_core::Result;
use thunderline_flower::{
    Kind, Object, ObjectId,
    message::{Request, TaskKind},
    record::{self, ConfigValue},
    tree::{self, Listed},
    wire,
};

use super::ModelIndex;
use federation::{
    masked::{self, Exchange},
    plan::Purpose,
    spec::Scalar,
    task::Task,
};

use crate::answer::Piece;

/// The record with what the strategy keeps. Only runners are sent one.
const STATE_RECORD: &str = "state";

/// What a node gets when it pulls.
pub(crate) struct Delivery {
    /// The message's id. The same task is always the same message.
    pub(crate) message: ObjectId,
    request: Request,
    model: Option<Arc<ModelIndex>>,
    /// What the strategy keeps, where the client needs it too.
    state: Option<Arc<ModelIndex>>,
    own: Vec<Listed>,
    objects: HashMap<ObjectId, Bytes>,
}

impl Delivery {
    /// Puts a task together.
    pub(crate) fn new(task: &Task, model: Arc<ModelIndex>, state: Option<Arc<ModelIndex>>) -> Self {
        Self::with_model(task, model, state, &task.config, None)
    }

    /// Puts an exchange of a masked round together, for a client that is asked in messages. `told` is the answer to the
    /// exchange before. The model goes out with the exchange that asks for training, and with no other.
    pub(crate) fn exchange(task: &Task, exchange: Exchange, model: Arc<ModelIndex>, told: Vec<u8>) -> Self {
        let (terms, config): (Vec<_>, Vec<_>) =
            task.config.iter().cloned().partition(|(key, _)| key == masked::KEY);
        let terms = terms.into_iter().map(|(_, value)| ("terms".to_owned(), config_value(&value)));
        let mut asked = vec![("exchange".to_owned(), ConfigValue::Text(exchange.name().into()))];
        asked.extend(terms);
        asked.push(("dimension".into(), model.elements().into()));
        if exchange.before().is_some() {
            asked.push(("told".into(), ConfigValue::Bytes(told.into())));
        }
        let asked = record::config_object(&asked);
        if exchange == Exchange::Mask {
            return Self::with_model(task, model, None, &config, Some(&asked));
        }
        let mut delivery = Self::empty(task, None, None);
        let asked = delivery.add(&asked);
        delivery.finish(&[(masked::KEY.into(), asked)])
    }

    fn with_model(
        task: &Task,
        model: Arc<ModelIndex>,
        state: Option<Arc<ModelIndex>>,
        config: &[(String, Scalar)],
        asked: Option<&Object>,
    ) -> Self {
        let arrays = model.record();
        let mut delivery = Self::empty(task, Some(model), state);
        let config: Vec<_> = config.iter().map(|(key, value)| (key.clone(), config_value(value))).collect();
        let config = delivery.add(&record::config_object(&config));
        let mut names = vec![("arrays".to_owned(), arrays), ("config".to_owned(), config)];
        names.extend(asked.map(|asked| (masked::KEY.into(), delivery.add(asked))));
        names.extend(delivery.state.iter().map(|state| (STATE_RECORD.to_owned(), state.record())));
        delivery.finish(&names)
    }

    fn empty(task: &Task, model: Option<Arc<ModelIndex>>, state: Option<Arc<ModelIndex>>) -> Self {
        let nothing = ObjectId::of(b"");
        Self {
            message: nothing,
            request: Request {
                run: task.run,
                node: task.node,
                kind: match task.purpose {
                    Purpose::Train => TaskKind::Train,
                    Purpose::Evaluate => TaskKind::Evaluate,
                },
                group: group(task),
                created_at: task.issued_at.as_microsecond() as f64 / 1e6,
                ttl: task.expires_at.duration_since(task.issued_at).as_secs_f64(),
                content: nothing,
            },
            model,
            state,
            own: Vec::new(),
            objects: HashMap::new(),
        }
    }

    /// The message of these records.
    fn finish(mut self, names: &[(String, ObjectId)]) -> Self {
        self.request.content = self.add(&record::names_object(Kind::RecordDict, names));
        self.message = self.add(&self.request.to_object());
        self
    }

    fn add(&mut self, object: &Object) -> ObjectId {
        let bytes = object.encode();
        let id = ObjectId::of(&bytes);
        self.own.push(Listed { id, children: object.children.clone() });
        self.objects.insert(id, bytes);
        id
    }

    /// The message and the tree of its objects.
    ///
    /// # Errors
    /// None in practice: the list is in order by construction.
    pub(crate) fn to_wire(&self) -> Result<(wire::Message, wire::ObjectTree)> {
        let mut seen = HashSet::new();
        let indices = self.model.iter().chain(&self.state);
        let listed = indices.flat_map(|index| index.listed()).chain(&self.own);
        // Model and state may have equal arrays, which are one object.
        let listed: Vec<_> = listed.filter(|object| seen.insert(object.id)).cloned().collect();
        Ok((self.request.to_wire(self.message), tree::build(&listed, self.message)?))
    }

    /// One of its objects.
    pub(crate) fn object(&self, id: &ObjectId) -> Option<Vec<Piece>> {
        match self.objects.get(id) {
            Some(bytes) => Some(vec![Piece::Bytes(bytes.clone())]),
            None => self.model.iter().chain(&self.state).find_map(|index| index.object(id)),
        }
    }
}

fn config_value(value: &Scalar) -> ConfigValue {
    match value {
        Scalar::Bool(value) => ConfigValue::Bool(*value),
        Scalar::Int(value) => ConfigValue::Int(*value),
        Scalar::Float(value) => ConfigValue::Double(*value),
        Scalar::Text(value) => ConfigValue::Text(value.clone()),
    }
}

/// The round, and which try of it where it is not the first. The same node may be asked twice for the same round, from the same
/// model, in the same instant: these are two tasks and must not be one message.
fn group(task: &Task) -> String {
    match task.attempt {
        1 => task.round_number.to_string(),
        attempt => format!("{}.{attempt}", task.round_number),
    }
}
