//! The audit: who did what, and by which rule; also who was refused. Rows are only ever added.

use thunderline_core::{Cx, Result, Subject, TenantId, Timestamp};
use uuid::Uuid;

use crate::{Db, Row, args, engine::Tx};

/// How an audited call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was committed.
    Done,
    /// The policy refused it.
    Denied,
}

impl Outcome {
    /// The word in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
        }
    }
}

/// One row of the audit.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// For which tenant.
    pub tenant: TenantId,
    /// What: the action's name.
    pub action: String,
    /// The rule that decided.
    pub rule: String,
    /// Who.
    pub actor: String,
    /// About what; both parts are empty for a refusal, which never got so far as to name it.
    pub subject: Subject,
    /// Ties together everything that one request set off.
    pub correlation: Uuid,
    /// How it ended.
    pub outcome: Outcome,
}

/// Which rows of the audit to read; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// About this thing.
    pub subject: Option<Subject>,
    /// Before this time: the `at` of the last row of the page before.
    pub before: Option<Timestamp>,
}

const INSERT: &str = "insert into tl_audit
    (id, at, tenant, action, rule, actor, subject_kind, subject_id, correlation, outcome)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const LIST: &str = "select at, tenant, action, rule, actor, subject_kind, subject_id, correlation, outcome
    from tl_audit
    where ($1 is null or tenant = $1) and ($2 is null or (subject_kind = $2 and subject_id = $3))
      and ($4 is null or at < $4)
    order by at desc, id desc limit $5";

pub(crate) async fn insert(
    tx: &mut Tx,
    cx: &Cx,
    action: &'static str,
    rule: &str,
    subject: &Subject,
    outcome: Outcome,
) -> Result<()> {
    let row = args![
        cx.uuid(),
        cx.now(),
        cx.tenant(),
        action,
        rule,
        cx.actor().to_string(),
        &subject.kind,
        &subject.id,
        cx.correlation(),
        outcome.name()
    ];
    tx.exec("audit.insert", INSERT, row).await.map(drop)
}

impl Db {
    /// The newest audit rows first. The caller's own action decides who may ask.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn audit(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditEntry>> {
        let (kind, id) = match &filter.subject {
            Some(subject) => (Some(&subject.kind), Some(&subject.id)),
            None => (None, None),
        };
        let mut tx = self.pools().begin_read(None).await?;
        let rows = tx.all("audit.list", LIST, args![filter.tenant, kind, id, filter.before, limit]).await?;
        rows.iter().map(entry).collect()
    }
}

fn entry(row: &Row) -> Result<AuditEntry> {
    let denied = row.get::<String>("outcome")? == Outcome::Denied.name();
    Ok(AuditEntry {
        at: row.get("at")?,
        tenant: row.get("tenant")?,
        action: row.get("action")?,
        rule: row.get("rule")?,
        actor: row.get("actor")?,
        subject: Subject { kind: row.get("subject_kind")?, id: row.get("subject_id")? },
        correlation: row.get("correlation")?,
        outcome: if denied { Outcome::Denied } else { Outcome::Done },
    })
}
