//! All that a request could leave behind: rows and files.

use std::{collections::BTreeMap, fs, path::Path};

use thunderline_core::{Action, Actor, Cx, Rule, SystemClock, SystemRandom};
use thunderline_store::{Db, Stmt, args};

use super::{
    server::Server,
    wait::{LONG, wait_for},
};

const LOOK: Action = Action::new("test.look", Rule::System);

/// Domains are left out: one that misses ticks on a busy machine is told, whatever is requested.
const ROWS: Stmt = Stmt::new(
    "test.rows",
    "select 'audit' as what, count(*) as n from tl_audit where subject_kind <> 'domain'
     union all select 'outbox', count(*) from tl_outbox where subject_kind <> 'domain'
     union all select 'jobs', count(*) from tl_jobs
     union all select 'idempotency', count(*) from tl_idempotency
     union all select 'federations', count(*) from fl_federations
     union all select 'rounds', count(*) from fl_rounds
     union all select 'leases', count(*) from fl_leases
     union all select 'updates', count(*) from fl_updates
     union all select 'artifacts', count(*) from fl_artifacts
     union all select 'rollups', count(*) from fl_rollups
     union all select 'known nodes', count(*) from fl_known_nodes
     union all select 'nodes', count(*) from link_nodes
     union all select 'tokens', count(*) from gate_tokens",
);

const LEASES: Stmt = Stmt::new(
    "test.leases",
    "select cast(node as text) || ' ' || state || ' ' || cast(deliveries as text) || ' ' || coalesce(announced, '')
        || ' ' || coalesce(report, '') as lease
     from fl_leases order by node, issued_at",
);

/// Jobs that run, or that will at once.
const BUSY: Stmt = Stmt::new(
    "test.busy",
    "select count(*) as n from tl_jobs where state = 'running' or (state = 'available' and run_at <= $1)",
);

/// What is there.
#[derive(Debug, PartialEq, Eq)]
pub struct Traces {
    /// Rows of each table.
    pub rows: BTreeMap<String, i64>,
    /// What leases say.
    pub leases: Vec<String>,
    /// Stored files with their lengths.
    pub files: BTreeMap<String, u64>,
}

impl Traces {
    /// Looks into the server's data folder, once the jobs of whatever was done before are over.
    pub fn of(server: &Server) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let file = server.data().join("thunderline.db");
        let (rows, leases) =
            wait_for("the server to have nothing to do", LONG, || runtime.block_on(rows(&file)));
        let mut found = BTreeMap::new();
        files(&server.data().join("objects"), &mut found);
        Self { rows, leases, files: found }
    }
}

/// None while there are jobs to do.
async fn rows(file: &Path) -> Option<(BTreeMap<String, i64>, Vec<String>)> {
    let cx = Cx::new(
        Actor::System("test"),
        thundergate::DEFAULT_TENANT,
        std::sync::Arc::new(SystemClock),
        std::sync::Arc::new(SystemRandom),
    );
    let db = Db::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let mut read = db.read(&cx, &LOOK).await.unwrap();
    let busy = read.one(&BUSY, args![cx.now()]).await.unwrap().unwrap();
    let rows = read.all(&ROWS, Vec::new()).await.unwrap();
    let rows = rows.iter().map(|row| (row.get("what").unwrap(), row.get("n").unwrap())).collect();
    let leases = read.all(&LEASES, Vec::new()).await.unwrap();
    let leases = leases.iter().map(|row| row.get("lease").unwrap()).collect();
    drop(read);
    db.close().await;
    (busy.get::<i64>("n").unwrap() == 0).then_some((rows, leases))
}

fn files(folder: &Path, found: &mut BTreeMap<String, u64>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files(&entry.path(), found);
        } else {
            found.insert(entry.path().display().to_string(), entry.metadata().unwrap().len());
        }
    }
}
