//! Sends a reply: announces it, sends what the server lacks, and begins anew where that was interrupted.

use std::sync::Mutex;

use thunderline_flower::ObjectId;

use crate::{
    channel::{CallError, CallResult},
    fleet::Fleet,
    pairs::two_at_a_time,
    reply::Reply,
    retry,
};

/// How often a server that is there may refuse objects that it just asked for.
const MAX_REFUSALS: u32 = 5;

/// Sends the reply. Where the connection breaks or the server has forgotten the upload, it is announced again: that is
/// idempotent, and the answer says what is still missing. `seconds` is how long the work took.
pub(crate) fn upload(fleet: &Fleet, reply: &Reply, seconds: f64) -> CallResult<()> {
    let (mut refusals, mut tries) = (0, 0);
    loop {
        let answer = fleet.push_messages(reply.message.clone(), reply.tree.clone(), seconds)?;
        let wanted =
            answer.objects_to_push.iter().map(|id| id.parse()).collect::<Result<Vec<ObjectId>, _>>()?;
        match send(fleet, reply, &wanted, &answer.session_id) {
            Err(CallError::Away(why)) => {
                tracing::warn!(%why, "the upload was interrupted; announcing it again");
                if fleet.stop.wait(retry::delay(tries, fleet.channel.cx().random_u64())) {
                    return Err(CallError::Stopped);
                }
                tries = tries.saturating_add(1);
            }
            // Also where it says that this is over: the announcement tells for sure.
            Err(CallError::Refused(why) | CallError::Forbidden(why)) if refusals < MAX_REFUSALS => {
                tracing::warn!(%why, "the server refused an object that it asked for; announcing the reply again");
                refusals += 1;
            }
            done => return done,
        }
    }
}

fn send(fleet: &Fleet, reply: &Reply, wanted: &[ObjectId], session: &str) -> CallResult<()> {
    // After a refusal the other object of the pair is sent for nothing; the announcement sorts that out.
    let sent = Mutex::new(0u64);
    two_at_a_time(
        wanted,
        |id| {
            let bytes = reply.object(id)?;
            let bytes =
                bytes.ok_or_else(|| CallError::Refused(format!("{id} is no object of this reply")))?;
            *sent.lock().expect("nobody panics while counting") += bytes.len() as u64;
            fleet.push_object(reply.run, *id, bytes, session)
        },
        |id, stored| {
            if stored { Ok(()) } else { Err(CallError::Refused(format!("{id} was not stored"))) }
        },
    )?;
    let bytes = sent.into_inner().expect("nobody panics while counting");
    tracing::debug!(objects = wanted.len(), bytes, "reply sent");
    Ok(())
}
