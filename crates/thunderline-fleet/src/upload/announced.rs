//! What a node said it would upload, in the form that outlives a restart.

use serde::{Deserialize, Serialize};
use thunderline_core::{Error, Result, RunId};
use thunderline_flower::{
    ObjectId,
    message::{Reply, ReplyError},
};

/// An announcement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Announced {
    /// The reply, without its payload.
    pub(crate) reply: Reply,
    /// All its objects, children before parents; the reply itself is the last.
    pub(crate) objects: Vec<ObjectId>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    run: RunId,
    reply_to: String,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<(i64, String)>,
    objects: Vec<String>,
}

impl Announced {
    pub(crate) fn new(reply: &Reply, objects: &[ObjectId]) -> Self {
        Self { reply: reply.clone(), objects: objects.to_vec() }
    }

    pub(crate) fn to_json(&self) -> String {
        let document = Document {
            run: self.reply.run,
            reply_to: self.reply.reply_to.to_string(),
            kind: self.reply.kind.clone(),
            error: self.reply.error.clone().map(|error| (error.code, error.reason)),
            objects: self.objects.iter().map(ToString::to_string).collect(),
        };
        serde_json::to_string(&document).expect("strings and numbers are JSON")
    }

    /// # Errors
    /// `internal`: it was us who wrote it.
    pub(crate) fn from_json(text: &str) -> Result<Self> {
        let broken = || Error::internal("a stored announcement cannot be read");
        let document: Document = serde_json::from_str(text).map_err(|error| broken().caused_by(error))?;
        let objects = document.objects.iter().map(|id| id.parse()).collect::<Result<Vec<ObjectId>>>()?;
        let reply = Reply {
            id: *objects.last().ok_or_else(broken)?,
            run: document.run,
            reply_to: document.reply_to.parse()?,
            kind: document.kind,
            error: document.error.map(|(code, reason)| ReplyError { code, reason }),
        };
        Ok(Self { reply, objects })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_survives_being_stored() {
        let [a, b] = [b"a", b"b"].map(|bytes| ObjectId::of(bytes));
        for error in [None, Some(ReplyError { code: 2, reason: "ZeroDivisionError: \"x\"".into() })] {
            let reply = Reply { id: b, run: RunId::from_bits(7), reply_to: a, kind: "train".into(), error };
            let announced = Announced::new(&reply, &[a, b]);
            assert_eq!(Announced::from_json(&announced.to_json()).unwrap(), announced);
        }
        assert!(Announced::from_json("{}").is_err());
    }
}
