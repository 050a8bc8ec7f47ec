//! What the tables say, read past the code that wrote them.

use std::{collections::BTreeMap, rc::Rc};

use thunderline_core::{
    Action, Cx, Envelope, FederationId, JobId, LeaseId, NodeId, Result, RoundId, Rule, Timestamp,
};
use thunderline_store::{Db, EventFilter, Query, Row, Stmt};

const OBSERVE: Action = Action::new("sim.observe", Rule::System);

const FEDERATIONS: Stmt = Stmt::new(
    "sim.federations",
    "select id, name, state, rounds_total, completed_rounds, failures, model from fl_federations
     order by rowid",
);
const ROUNDS: Stmt = Stmt::new(
    "sim.rounds",
    "select r.id, r.federation, r.number, r.attempt, r.state, r.wanted, r.quorum, r.deadline, r.model_in, r.model_out,
        (select count(*) from fl_artifacts a where a.round = r.id) as artifacts
     from fl_rounds r order by r.federation, r.number, r.attempt",
);
const LEASES: Stmt = Stmt::new(
    "sim.leases",
    "select l.id, l.federation, l.round, l.node, l.purpose, l.state, l.message, l.deliveries, l.report, l.expires_at,
        l.ended_at, (select count(*) from fl_updates u where u.lease = l.id) as updates
     from fl_leases l order by l.round, l.purpose, l.ordinal",
);
const NODES: Stmt = Stmt::new("sim.nodes", "select node, state from link_nodes order by node");
const KNOWN: Stmt = Stmt::new("sim.known", "select node, online from fl_known_nodes order by node");
const JOBS: Stmt = Stmt::new(
    "sim.jobs",
    "select id, name, key, state, run_at, attempts, lease_token, lease_until, last_error from tl_jobs order by id",
);
const CURSORS: Stmt = Stmt::new("sim.cursors", "select consumer, sequence from tl_cursors order by consumer");
const WISHES: Stmt = Stmt::new(
    "sim.wishes",
    "select w.number, w.wished, coalesce(g.granted, 0) as granted
     from sim_wishes w left join sim_grants g on g.number = w.number order by w.number",
);
const TRANSITIONS: Stmt = Stmt::new(
    "sim.transitions",
    "select domain, from_state, to_state from block_domain_transitions order by rowid",
);
const DOMAINS: Stmt =
    Stmt::new("sim.domains", "select domain, state from block_active_domains order by domain");
const TRAIL: Stmt = Stmt::new("sim.trail", "select sequence, name from sim_trail order by sequence");
const AUDIT: Stmt = Stmt::new("sim.audit", "select count(*) as rows from tl_audit where outcome = 'done'");

/// A federation's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Federation {
    /// Its id.
    pub id: FederationId,
    /// Its name: says which submission it came from.
    pub name: String,
    /// Where it stands.
    pub state: String,
    /// Rounds to run.
    pub rounds_total: u32,
    /// Rounds completed.
    pub completed_rounds: u32,
    /// Rounds failed in a row.
    pub failures: u32,
    /// Digest of its model.
    pub model: Option<String>,
}

/// A round's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Its id.
    pub id: RoundId,
    /// Whose.
    pub federation: FederationId,
    /// From 1.
    pub number: u32,
    /// From 1.
    pub attempt: u32,
    /// Where it stands.
    pub state: String,
    /// How many updates it wants.
    pub wanted: u32,
    /// How many suffice.
    pub quorum: u32,
    /// When it ends.
    pub deadline: Option<Timestamp>,
    /// Digest of the model that it began from.
    pub model_in: Option<String>,
    /// Digest of the model that it made.
    pub model_out: Option<String>,
    /// How many artifacts are its.
    pub artifacts: u32,
}

/// A lease's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    /// Its id.
    pub id: LeaseId,
    /// Whose.
    pub federation: FederationId,
    /// Whose.
    pub round: RoundId,
    /// Whose.
    pub node: NodeId,
    /// `train` or `evaluate`.
    pub purpose: String,
    /// Where it stands.
    pub state: String,
    /// The task's message.
    pub message: Option<String>,
    /// How often it was handed out.
    pub deliveries: u32,
    /// What was taken.
    pub report: Option<String>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How many updates wait under it.
    pub updates: u32,
}

impl Lease {
    /// True while it can be answered.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "issued" | "claimed")
    }
}

/// A job's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What kind.
    pub name: String,
    /// About what.
    pub key: String,
    /// Where it stands.
    pub state: String,
    /// Not before.
    pub run_at: Timestamp,
    /// Attempts begun.
    pub attempts: u32,
    /// Its fencing token.
    pub token: i64,
    /// Until when it is claimed.
    pub lease_until: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// Everything at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// In the order of submission.
    pub federations: Vec<Federation>,
    /// By federation, number and attempt.
    pub rounds: Vec<Round>,
    /// By round, purpose and place.
    pub leases: Vec<Lease>,
    /// State by node, as Thunderlink has it.
    pub nodes: BTreeMap<NodeId, String>,
    /// Whether they are there, as the federation domain has it.
    pub known: BTreeMap<NodeId, bool>,
    /// By id.
    pub jobs: Vec<Job>,
    /// By consumer.
    pub cursors: BTreeMap<String, i64>,
    /// Number, wished, granted.
    pub wishes: Vec<(i64, i64, i64)>,
    /// Which domain, where it was, where it went; oldest first.
    pub transitions: Vec<(String, String, String)>,
    /// State by domain.
    pub domains: BTreeMap<String, String>,
    /// What the trail has heard.
    pub trail: Vec<(i64, String)>,
    /// All events, oldest first.
    pub events: Vec<Rc<Envelope>>,
    /// Audit rows of what was done.
    pub audited: i64,
}

impl Facts {
    /// Reads them; the events that are known already are taken over.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn read(cx: &Cx, db: &Db, known: &[Rc<Envelope>]) -> Result<Self> {
        let mut read = db.read(cx, &OBSERVE).await?;
        let mut facts = Self {
            federations: rows(&mut read, &FEDERATIONS, federation).await?,
            rounds: rows(&mut read, &ROUNDS, round).await?,
            leases: rows(&mut read, &LEASES, lease).await?,
            nodes: pairs(&mut read, &NODES, "node", "state").await?,
            known: pairs(&mut read, &KNOWN, "node", "online").await?,
            jobs: rows(&mut read, &JOBS, job).await?,
            cursors: pairs(&mut read, &CURSORS, "consumer", "sequence").await?,
            wishes: rows(&mut read, &WISHES, |row| {
                Ok((row.get("number")?, row.get("wished")?, row.get("granted")?))
            })
            .await?,
            transitions: rows(&mut read, &TRANSITIONS, |row| {
                Ok((row.get("domain")?, row.get("from_state")?, row.get("to_state")?))
            })
            .await?,
            domains: pairs(&mut read, &DOMAINS, "domain", "state").await?,
            trail: rows(&mut read, &TRAIL, |row| Ok((row.get("sequence")?, row.get("name")?))).await?,
            audited: rows(&mut read, &AUDIT, |row| row.get("rows")).await?[0],
            events: known.to_vec(),
        };
        drop(read);
        let after = known.last().map_or(0, |event| event.sequence);
        let added = db.events(after, u32::MAX, &EventFilter::default()).await?;
        facts.events.extend(added.into_iter().map(Rc::new));
        Ok(facts)
    }

    /// The federation of this id.
    #[must_use]
    pub fn federation(&self, id: FederationId) -> Option<&Federation> {
        self.federations.iter().find(|federation| federation.id == id)
    }

    /// The leases of a round for one purpose.
    pub fn leases_of(&self, round: RoundId, purpose: &str) -> impl Iterator<Item = &Lease> {
        self.leases.iter().filter(move |lease| lease.round == round && lease.purpose == purpose)
    }

    /// The position of the newest event.
    #[must_use]
    pub fn last_sequence(&self) -> i64 {
        self.events.last().map_or(0, |event| event.sequence)
    }
}

async fn rows<T>(
    read: &mut impl Query,
    statement: &Stmt,
    from: impl Fn(&Row) -> Result<T>,
) -> Result<Vec<T>> {
    read.all(statement, vec![]).await?.iter().map(from).collect()
}

async fn pairs<K: thunderline_store::FromValue + Ord, V: thunderline_store::FromValue>(
    read: &mut impl Query,
    statement: &Stmt,
    key: &str,
    value: &str,
) -> Result<BTreeMap<K, V>> {
    let rows = rows(read, statement, |row| Ok((row.get(key)?, row.get(value)?))).await?;
    Ok(rows.into_iter().collect())
}

fn federation(row: &Row) -> Result<Federation> {
    Ok(Federation {
        id: row.get("id")?,
        name: row.get("name")?,
        state: row.get("state")?,
        rounds_total: row.get("rounds_total")?,
        completed_rounds: row.get("completed_rounds")?,
        failures: row.get("failures")?,
        model: row.get("model")?,
    })
}

fn round(row: &Row) -> Result<Round> {
    Ok(Round {
        id: row.get("id")?,
        federation: row.get("federation")?,
        number: row.get("number")?,
        attempt: row.get("attempt")?,
        state: row.get("state")?,
        wanted: row.get("wanted")?,
        quorum: row.get("quorum")?,
        deadline: row.get("deadline")?,
        model_in: row.get("model_in")?,
        model_out: row.get("model_out")?,
        artifacts: row.get("artifacts")?,
    })
}

fn lease(row: &Row) -> Result<Lease> {
    Ok(Lease {
        id: row.get("id")?,
        federation: row.get("federation")?,
        round: row.get("round")?,
        node: row.get("node")?,
        purpose: row.get("purpose")?,
        state: row.get("state")?,
        message: row.get("message")?,
        deliveries: row.get("deliveries")?,
        report: row.get("report")?,
        expires_at: row.get("expires_at")?,
        ended_at: row.get("ended_at")?,
        updates: row.get("updates")?,
    })
}

fn job(row: &Row) -> Result<Job> {
    Ok(Job {
        id: row.get("id")?,
        name: row.get("name")?,
        key: row.get("key")?,
        state: row.get("state")?,
        run_at: row.get("run_at")?,
        attempts: row.get("attempts")?,
        token: row.get("lease_token")?,
        lease_until: row.get("lease_until")?,
        last_error: row.get("last_error")?,
    })
}
