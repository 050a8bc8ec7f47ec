//! Sends a reply, or what is said in an exchange of a masked round: announces it, sends what the server lacks, and goes on at the byte where that was interrupted.

use serde::Deserialize;
use thunderline_core::Result;
use thunderline_flower::ObjectId;

use crate::{
    channel::{CallError, CallResult},
    fleet::Fleet,
    objects::Objects,
    pieces::{self, Body, Missing},
    reply::Reply,
    retry,
};

/// How often in a row a server that is there may refuse what it just asked for.
const MAX_REFUSALS: u32 = 5;
/// The most that one request carries: a server looks at who sends between requests.
const MOST: u64 = 32 << 20;
/// The least that one request carries where the larger ones come to nothing. What a server has received of a request that is
/// interrupted stays; but a proxy may keep a request to itself until it is complete, or refuse a large one.
const LEAST: u64 = 64 << 10;

/// How far the upload is, as the server says.
#[derive(Debug, Deserialize)]
pub(crate) struct Progress {
    pub(crate) missing: usize,
    partial: Option<Received>,
}

#[derive(Debug, Deserialize)]
struct Received {
    object_id: String,
    offset: u64,
}

/// Sends the reply. `seconds` is how long the work took; `again` says that an earlier process may have begun with this.
pub(crate) fn upload(fleet: &Fleet, reply: &Reply, seconds: f64, again: bool) -> CallResult<()> {
    send(fleet, &reply.objects, again, || {
        let answer = fleet.push_messages(reply.message.clone(), reply.tree.clone(), seconds)?;
        let wanted =
            answer.objects_to_push.iter().map(|id| id.parse()).collect::<Result<Vec<ObjectId>, _>>()?;
        Ok((wanted, answer.session_id))
    })
}

/// Says something large to a message in an exchange of a masked round.
pub(crate) fn say(fleet: &Fleet, message: &str, exchange: &str, said: Vec<u8>) -> CallResult<()> {
    let (objects, id) = Objects::one(said.into());
    let session = format!("{message}/{exchange}");
    send(fleet, &objects, false, || {
        // The server waits for it already; what it lacks is all or nothing.
        let wanted = if fleet.progress(&session)?.missing == 0 { Vec::new() } else { vec![id] };
        Ok((wanted, session.clone()))
    })
}

/// Announces, and sends what the server then wants, in the session that it then names. Where the connection breaks or the server
/// has forgotten the upload, it is announced again: that is idempotent, and the answer says what is still missing.
fn send(
    fleet: &Fleet,
    objects: &Objects,
    again: bool,
    announce: impl Fn() -> CallResult<(Vec<ObjectId>, String)>,
) -> CallResult<()> {
    let mut sender = Sender { fleet, objects, again, most: MOST, left: objects.bytes() };
    let (mut refusals, mut tries) = (0, 0);
    loop {
        let before = sender.left;
        let (wanted, session) = announce()?;
        match sender.send(&wanted, &session) {
            Err(CallError::Away(why)) => {
                tracing::warn!(%why, "the upload was interrupted; announcing it again");
                if fleet.stop.wait(retry::delay(tries, fleet.channel.cx().random_u64())) {
                    return Err(CallError::Stopped);
                }
                tries = tries.saturating_add(1);
            }
            // Also where it says that this is over: the announcement tells for sure.
            Err(CallError::Refused(why) | CallError::Forbidden(why)) if refusals < MAX_REFUSALS => {
                tracing::warn!(%why, "the server refused what it asked for; announcing it again");
                refusals += 1;
            }
            done => return done,
        }
        sender.again = true;
        if sender.left < before {
            (refusals, tries) = (0, 0);
        } else {
            sender.most = adapted(sender.most, false);
        }
    }
}

struct Sender<'a> {
    fleet: &'a Fleet,
    objects: &'a Objects,
    /// Whether the server may have a part of an object.
    again: bool,
    /// What the next request may carry, in bytes of objects.
    most: u64,
    /// Bytes that the server lacked when it said so last.
    left: u64,
}

impl Sender<'_> {
    fn send(&mut self, wanted: &[ObjectId], session: &str) -> CallResult<()> {
        let mut missing = self.objects.missing(wanted)?;
        if self.again && !missing.is_empty() {
            let progress = self.fleet.progress(session)?;
            self.take(&mut missing, &progress)?;
            let total = self.objects.bytes();
            tracing::info!("the upload resumed at {} of {}", size(total - self.left), size(total));
        }
        while !missing.is_empty() {
            let parts = pieces::plan(&missing, self.most);
            let mut body = Body::new(self.objects, &parts, &self.fleet.stop);
            let sent = self.fleet.append(session, &mut body, pieces::length(&parts));
            let progress = match (body.failure(), sent) {
                (Some(error), _) => return Err(error.into()),
                (None, sent) => sent?,
            };
            let complete = |missing: &Missing| parts.iter().any(|part| part.completes(missing));
            missing.retain(|missing| !complete(missing));
            self.take(&mut missing, &progress)?;
            self.most = adapted(self.most, true);
        }
        tracing::debug!(objects = wanted.len(), bytes = self.objects.bytes(), "sent");
        Ok(())
    }

    /// Takes in what the server has. It may know better: it may have lost something.
    fn take(&mut self, missing: &mut [Missing], progress: &Progress) -> CallResult<()> {
        if progress.missing != missing.len() {
            let why = format!("the server lacks {} objects, not {}", progress.missing, missing.len());
            return Err(CallError::Refused(why));
        }
        for object in missing.iter_mut() {
            let here = progress.partial.as_ref().filter(|partial| partial.object_id == object.id.to_string());
            object.offset = here.map_or(0, |partial| partial.offset.min(object.length));
        }
        self.left = missing.iter().map(|object| object.length - object.offset).sum();
        Ok(())
    }
}

/// What the next request may carry, after one that got through or came to nothing.
fn adapted(most: u64, through: bool) -> u64 {
    if through { (2 * most).min(MOST) } else { (most / 4).max(LEAST) }
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib >= 1024.0 { format!("{:.2} GiB", mib / 1024.0) } else { format!("{mib:.1} MiB") }
}

/// Whether the server has the whole of a reply, from what it says of its upload: an answer that cannot be read is neither yes
/// nor no.
pub(crate) fn counted(asked: CallResult<Progress>) -> CallResult<bool> {
    match asked {
        Ok(progress) => Ok(progress.missing == 0),
        Err(CallError::Forbidden(_) | CallError::Refused(_)) => Ok(false),
        Err(unknown) => Err(unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_shrink_fast_and_grow_back() {
        // A proxy with nginx's default takes 1 MiB: that is found before the runner gives up over refusals.
        let after = |tries: u32| (0..tries).fold(MOST, |most, _| adapted(most, false));
        assert!(after(MAX_REFUSALS - 1) < 1 << 20, "{}", after(MAX_REFUSALS - 1));
        assert_eq!((after(50), adapted(LEAST, true), adapted(MOST, true)), (LEAST, 2 * LEAST, MOST));
    }

    #[test]
    fn sizes_are_told_as_people_read_them() {
        assert_eq!([size(0), size(512 << 20), size(3 << 29)], ["0.0 MiB", "512.0 MiB", "1.50 GiB"]);
    }
    #[test]
    fn only_a_refusal_says_that_a_reply_was_not_counted() {
        let missing = |missing| Ok(Progress { missing, partial: None });
        assert!(counted(missing(0)).unwrap() && !counted(missing(1)).unwrap());
        assert!(!counted(Err(CallError::Forbidden("late".into()))).unwrap());
        let garbled = CallError::Broken(thunderline_core::Error::internal("the answer is not JSON"));
        assert!(matches!(counted(Err(garbled)), Err(CallError::Broken(_))));
        assert!(matches!(counted(Err(CallError::Stopped)), Err(CallError::Stopped)));
    }
}
