//! One task as a message: the model's objects and a few of its own.

use std::{collections::HashMap, sync::Arc};

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
use federation::{plan::Purpose, spec::Scalar, task::Task};

use crate::answer::Piece;

/// What a node gets when it pulls.
pub(crate) struct Delivery {
    /// The message's id. The same task is always the same message.
    pub(crate) message: ObjectId,
    request: Request,
    model: Arc<ModelIndex>,
    own: Vec<Listed>,
    objects: HashMap<ObjectId, Bytes>,
}

impl Delivery {
    /// Puts a task together.
    pub(crate) fn new(task: &Task, model: Arc<ModelIndex>) -> Self {
        let mut delivery = Self {
            message: model.record(),
            request: Request {
                run: task.run,
                node: task.node,
                kind: match task.purpose {
                    Purpose::Train => TaskKind::Train,
                    Purpose::Evaluate => TaskKind::Evaluate,
                },
                group: task.round_number.to_string(),
                created_at: task.issued_at.as_microsecond() as f64 / 1e6,
                ttl: task.expires_at.duration_since(task.issued_at).as_secs_f64(),
                content: model.record(),
            },
            model,
            own: Vec::new(),
            objects: HashMap::new(),
        };
        let config: Vec<_> =
            task.config.iter().map(|(key, value)| (key.clone(), config_value(value))).collect();
        let config = delivery.add(&record::config_object(&config));
        let names = [("arrays".to_owned(), delivery.model.record()), ("config".to_owned(), config)];
        delivery.request.content = delivery.add(&record::names_object(Kind::RecordDict, &names));
        delivery.message = delivery.add(&delivery.request.to_object());
        delivery
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
        let listed: Vec<_> = self.model.listed().iter().chain(&self.own).cloned().collect();
        Ok((self.request.to_wire(self.message), tree::build(&listed, self.message)?))
    }

    /// One of its objects.
    pub(crate) fn object(&self, id: &ObjectId) -> Option<Vec<Piece>> {
        match self.objects.get(id) {
            Some(bytes) => Some(vec![Piece::Bytes(bytes.clone())]),
            None => self.model.object(id),
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
