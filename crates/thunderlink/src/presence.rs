//! Who is there, and what is heard of them. In memory, so that a sign of life costs no write.
//!
//! Several processes may share a database. Each knows those whose requests it hears; the session's row says which process
//! is its home, and only that one may find the node silent. A session whose process is gone is adopted by another.
//!
//! Memory follows the commit, not the request that asked for it: a client may hang up between the two. A coming or going
//! is announced ([`Presence::begin`]) before it is committed, and entered after. Until then the node is in doubt: its
//! requests look into its row. What stays in doubt is looked up ([`settle`]).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use thunderline_core::{
    Action, Cx, NodeId, Result, Rule, SignedDuration, TenantId, Timestamp,
    seams::{Bug, planted},
};
use thunderline_store::Engine;

use crate::{
    Links, leave, node_lock,
    rows::{self, nodes::Node},
    session::{Session, SessionState, Tally, Transport},
};

/// Background work only.
pub const ACTION: Action = Action::new("link.presence.restore", Rule::System);

/// A node is gone after this many missed heartbeats, as in Flower.
const PATIENCE: i32 = 2;
/// A process that said nothing for so long is gone; those whom it heard are adopted.
const PROCESS_PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// What a request tells beside that the node lives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard {
    /// How it came.
    pub transport: Transport,
    /// How old its signature was.
    pub lag: Option<SignedDuration>,
}

struct Sign {
    tenant: TenantId,
    last: Timestamp,
    interval: SignedDuration,
    session: Session,
    total: Tally,
    /// Since the last row of heartbeats.
    since: Timestamp,
    recent: Tally,
}

impl Sign {
    fn state(&self, now: Timestamp) -> SessionState {
        if now.duration_since(self.last) > self.interval {
            SessionState::Degraded
        } else {
            SessionState::Established
        }
    }
}

/// What was counted of a node in the last minutes, to be written down.
pub(crate) struct Beat {
    pub(crate) session: Session,
    pub(crate) state: SessionState,
    pub(crate) total: Tally,
    pub(crate) span: (Timestamp, Timestamp),
    pub(crate) recent: Tally,
}

/// A node whose patience is over.
struct Silent {
    node: NodeId,
    tenant: TenantId,
    seconds: i64,
}

/// A coming or going that is under way; to be entered once it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Change {
    node: NodeId,
    tenant: TenantId,
    /// Grows; of two changes of one node the later one counts.
    number: u64,
}

#[derive(Default)]
struct Signs {
    there: HashMap<NodeId, Sign>,
    in_doubt: BTreeMap<NodeId, Change>,
    changes: u64,
}

impl Signs {
    /// True where no later change of the node has begun.
    fn end(&mut self, change: Change) -> bool {
        let last = self.in_doubt.get(&change.node) == Some(&change);
        if last {
            self.in_doubt.remove(&change.node);
        }
        last
    }
}

/// The nodes that are there, and when each last showed it.
#[derive(Default)]
pub struct Presence(Mutex<Signs>);

impl Presence {
    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on whether the node is there is in doubt, until the change is entered or looked up. To be called with the
    /// node's lock, so that changes begin in the order of their commits.
    pub(crate) fn begin(&self, node: NodeId, tenant: TenantId) -> Change {
        let mut signs = self.signs();
        signs.changes += 1;
        let change = Change { node, tenant, number: signs.changes };
        signs.in_doubt.insert(node, change);
        change
    }

    fn in_doubt(&self) -> Vec<Change> {
        self.signs().in_doubt.values().copied().collect()
    }

    /// Counts a request as a sign of life. False where the node is not known to be there: it must be activated first.
    pub fn seen(&self, node: NodeId, now: Timestamp, heard: Heard) -> bool {
        let mut signs = self.signs();
        let doubtful = signs.in_doubt.contains_key(&node);
        let Some(sign) = signs.there.get_mut(&node).filter(|_| !doubtful) else { return false };
        let gap = now.duration_since(sign.last);
        sign.total.count(gap, heard.lag);
        sign.recent.count(gap, heard.lag);
        // A runner speaks Flower's API as well.
        if sign.session.transport != Transport::Runner {
            sign.session.transport = heard.transport;
        }
        sign.last = now.max(sign.last);
        true
    }

    /// How many nodes are there.
    #[must_use]
    pub fn count(&self) -> usize {
        self.signs().there.len()
    }

    /// Whether the node is known to be there.
    #[must_use]
    pub fn has(&self, node: NodeId) -> bool {
        let signs = self.signs();
        signs.there.contains_key(&node) && !signs.in_doubt.contains_key(&node)
    }

    /// When the node last showed that it is there.
    #[must_use]
    pub fn last_seen(&self, node: NodeId) -> Option<Timestamp> {
        self.signs().there.get(&node).map(|sign| sign.last)
    }

    /// The node's session as it stands now, where this process hears it.
    pub(crate) fn session(&self, node: NodeId, now: Timestamp) -> Option<Session> {
        let signs = self.signs();
        let sign = signs.there.get(&node)?;
        Some(Session {
            state: sign.state(now),
            requests: sign.total.requests,
            lag_micros: sign.total.mean_lag(),
            longest_gap_micros: sign.total.longest_gap_micros,
            last_seen: Some(sign.last),
            ..sign.session.clone()
        })
    }

    /// The node is there, as was committed.
    pub(crate) fn arrived(&self, change: Change, session: Session, heartbeat_seconds: u32, now: Timestamp) {
        let (tenant, node) = (session.tenant, session.node);
        let interval = SignedDuration::from_secs(heartbeat_seconds.into());
        let mut signs = self.signs();
        if !signs.end(change) {
            return;
        }
        if let Some(sign) = signs.there.get_mut(&node).filter(|sign| sign.session.id == session.id) {
            (sign.last, sign.interval) = (now, interval);
            return;
        }
        let total = Tally::of(&session);
        let sign = Sign { tenant, last: now, interval, session, total, since: now, recent: Tally::default() };
        signs.there.insert(node, sign);
    }

    /// The node is gone, as was committed.
    pub(crate) fn left(&self, change: Change) {
        let mut signs = self.signs();
        if signs.end(change) {
            signs.there.remove(&change.node);
        }
    }

    /// Those whose patience is over.
    fn silent(&self, now: Timestamp) -> Vec<Silent> {
        let signs = self.signs();
        let quiet = signs.there.iter().map(|(node, sign)| (node, sign, now.duration_since(sign.last)));
        let mut silent: Vec<_> = quiet
            .filter(|(_, sign, quiet)| *quiet >= sign.interval * PATIENCE)
            .map(|(node, sign, quiet)| Silent { node: *node, tenant: sign.tenant, seconds: quiet.as_secs() })
            .collect();
        drop(signs);
        silent.sort_unstable_by_key(|silent| silent.node);
        silent
    }

    /// Takes what was counted of at most `limit` nodes since so long that it is to be written down.
    pub(crate) fn due(&self, now: Timestamp, every: SignedDuration, limit: usize) -> Vec<Beat> {
        let mut signs = self.signs();
        let due = signs.there.values_mut().filter(|sign| now.duration_since(sign.since) >= every);
        due.take(limit)
            .map(|sign| {
                let (since, recent) = (sign.since, std::mem::take(&mut sign.recent));
                sign.since = now;
                Beat {
                    state: sign.state(now),
                    session: sign.session.clone(),
                    total: sign.total,
                    span: (since, now),
                    recent,
                }
            })
            .collect()
    }

    /// What was counted of one node, to be written down at its end.
    pub(crate) fn beat(&self, node: NodeId, now: Timestamp) -> Option<Beat> {
        let signs = self.signs();
        let sign = signs.there.get(&node)?;
        let (session, state) = (sign.session.clone(), sign.state(now));
        Some(Beat { session, state, total: sign.total, span: (sign.since, now), recent: sign.recent })
    }
}

/// Takes up the nodes that were there when the last process ended: on SQLite all of them, since there is one process; on
/// PostgreSQL those whose process is gone. Each gets its full patience. Gives how many.
///
/// # Errors
/// Those of reading and writing.
pub async fn restore(cx: &Cx, links: &Links) -> Result<usize> {
    links.complete(cx).await?;
    let mut write = links.db.write(cx, &ACTION).await?;
    rows::sessions::alive(&mut write, links.home(cx), cx.now()).await?;
    let dead_since = match links.db.engine() {
        Engine::Sqlite => Timestamp::MAX,
        Engine::Postgres => cx.now() - PROCESS_PATIENCE,
    };
    let mut adopted = Vec::new();
    for session in rows::sessions::orphans(&mut write, links.home(cx), dead_since).await? {
        write.lock(&node_lock(session.node)).await?;
        if rows::sessions::set_home(&mut write, &session, links.home(cx)).await? {
            adopted.push((links.presence.begin(session.node, session.tenant), session));
        }
    }
    write.commit_derived().await?;
    let count = adopted.len();
    for (change, session) in adopted {
        let seen = if planted(Bug::NoPatience) { session.opened_at } else { cx.now() };
        links.presence.arrived(change, session.clone(), heartbeat(links, &session), seen);
    }
    Ok(count)
}

fn heartbeat(links: &Links, session: &Session) -> u32 {
    let known: Option<Node> = links.book.node(session.node).map(|entry| entry.node.clone());
    known.map_or(30, |node| node.heartbeat_seconds)
}

/// Looks up the nodes whose coming or going was not entered: the request was cut off, or what became of its commit is not
/// known. One that is there and was not known to be gets its full patience. Gives how many.
///
/// # Errors
/// Those of reading; the next time looks again.
pub async fn settle(cx: &Cx, links: &Links) -> Result<usize> {
    if planted(Bug::StayInDoubt) {
        return Ok(0);
    }
    let in_doubt = links.presence.in_doubt();
    for Change { node, tenant, .. } in &in_doubt {
        let cx = cx.caused_by(*tenant, cx.correlation(), None);
        // Nothing is written: the lock waits for whoever is changing the node just now.
        let mut write = links.db.write(&cx, &ACTION).await?;
        write.lock(&node_lock(*node)).await?;
        let session = rows::sessions::current(&mut write, *node, *tenant).await?;
        let change = links.presence.begin(*node, *tenant);
        match session.filter(|session| session.home == links.home(&cx)) {
            Some(session) => {
                let known = links.presence.session(*node, cx.now()).filter(|known| known.id == session.id);
                let seen = known.and_then(|known| known.last_seen).unwrap_or(cx.now());
                links.presence.arrived(change, session.clone(), heartbeat(links, &session), seen);
            }
            None => links.presence.left(change),
        }
    }
    Ok(in_doubt.len())
}

/// Declares the nodes gone that have fallen silent, after looking up those that are in doubt. Gives how many.
///
/// # Errors
/// Those of writing; a node that could not be written is tried again the next time.
pub async fn expire(cx: &Cx, links: &Links) -> Result<usize> {
    settle(cx, links).await?;
    let silent = links.presence.silent(cx.now());
    for Silent { node, tenant, seconds } in &silent {
        let cx = cx.caused_by(*tenant, cx.correlation(), None);
        leave::leave(&cx, links, *node, leave::Departure::Silent { seconds: *seconds }).await?;
    }
    Ok(silent.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn session(node: NodeId) -> Session {
        Session {
            id: "00000000-0000-7000-8000-000000000001".parse().unwrap(),
            tenant: TenantId(Default::default()),
            node,
            transport: Transport::Http,
            home: "here".into(),
            state: SessionState::Established,
            opened_at: at(0),
            closed_at: None,
            reason: None,
            requests: 0,
            lag_micros: None,
            longest_gap_micros: 0,
            last_seen: None,
        }
    }

    fn arrive(presence: &Presence, node: NodeId) {
        presence.arrived(presence.begin(node, TenantId(Default::default())), session(node), 30, at(0));
    }

    #[test]
    fn a_node_is_silent_only_after_two_missed_heartbeats() {
        let (presence, node) = (Presence::default(), NodeId::from_bits(7));
        arrive(&presence, node);
        assert!(presence.silent(at(59)).is_empty());
        assert_eq!(presence.silent(at(60)).len(), 1);
        assert!(presence.seen(node, at(60), Heard::default()));
        assert!(presence.silent(at(119)).is_empty());
    }

    #[test]
    fn a_session_is_degraded_while_a_sign_of_life_is_overdue() {
        let (presence, node) = (Presence::default(), NodeId::from_bits(7));
        arrive(&presence, node);
        let state = |second| presence.session(node, at(second)).unwrap().state;
        assert_eq!((state(30), state(31)), (SessionState::Established, SessionState::Degraded));
        presence.seen(node, at(40), Heard::default());
        assert_eq!(state(41), SessionState::Established);
        assert_eq!(presence.session(node, at(41)).unwrap().longest_gap_micros, 40_000_000);
    }

    #[test]
    fn a_stranger_is_not_taken_for_present() {
        assert!(!Presence::default().seen(NodeId::from_bits(7), at(0), Heard::default()));
    }

    #[test]
    fn of_a_coming_and_a_going_the_one_that_began_later_counts_in_whatever_order_they_are_entered() {
        let (presence, node) = (Presence::default(), NodeId::from_bits(7));
        let tenant = TenantId(Default::default());
        let (coming, going) = (presence.begin(node, tenant), presence.begin(node, tenant));
        presence.left(going);
        presence.arrived(coming, session(node), 30, at(0));
        assert!(!presence.has(node));
        let (going, coming) = (presence.begin(node, tenant), presence.begin(node, tenant));
        presence.arrived(coming, session(node), 30, at(0));
        presence.left(going);
        assert!(presence.has(node));
    }

    #[test]
    fn a_request_of_a_node_in_doubt_is_no_sign_of_life() {
        let (presence, node) = (Presence::default(), NodeId::from_bits(7));
        arrive(&presence, node);
        let going = presence.begin(node, TenantId(Default::default()));
        assert!(!presence.has(node) && !presence.seen(node, at(1), Heard::default()));
        presence.left(going);
        assert!(presence.in_doubt().is_empty() && presence.last_seen(node).is_none());
    }

    #[test]
    fn what_was_counted_is_handed_out_once_and_in_portions() {
        let presence = Presence::default();
        for bits in 1..=5 {
            arrive(&presence, NodeId::from_bits(bits));
            presence.seen(NodeId::from_bits(bits), at(1), Heard::default());
        }
        let every = SignedDuration::from_secs(600);
        assert!(presence.due(at(599), every, 10).is_empty());
        assert_eq!(presence.due(at(600), every, 3).len(), 3);
        assert_eq!(presence.due(at(600), every, 3).len(), 2);
        assert!(presence.due(at(601), every, 3).is_empty());
        assert_eq!(presence.session(NodeId::from_bits(1), at(600)).unwrap().requests, 1);
    }
}
