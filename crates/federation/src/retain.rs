//! What this domain keeps and can forget: models of federations that are over, and blobs that nothing names.
//!
//! Never offered, whatever the rule says: anything of a federation that is not over, the model with which a federation
//! ended, and whatever the spec of a federation that is not over begins from. All of it is asked again when it is removed.

use std::time::SystemTime;

use serde_json::json;
use thunderline_core::{Action, ArtifactId, Cx, Expired, Expiry, Result, Rule, Subject, TenantId, Timestamp};
use thunderline_objects::Sha256;
use thunderline_store::{Row, Stmt, args};

use crate::{Federations, actions::read};

/// Background work only.
pub const ACTION: Action = Action::new("fl.artifact.expire", Rule::System);

pub(crate) const STATEMENTS: &[&Stmt] = &[&TENANTS, &MODELS, &FORGET, &NEEDED];

const TENANTS: Stmt =
    Stmt::new("fl.retain.tenants", "select distinct tenant from fl_federations order by tenant");

const MODELS: Stmt = Stmt::new(
    "fl.retain.models",
    "select id, federation, name, sha256, size_bytes, metadata, ended from
        (select a.id, a.federation, a.name, a.sha256, a.size_bytes, a.metadata,
            coalesce(f.completed_at, a.created_at) as ended,
            row_number() over (partition by a.federation order by a.created_at desc, a.id desc) as place
         from fl_artifacts a join fl_federations f on f.id = a.federation
         where a.kind = 'model' and a.tenant = $1 and f.state in ('completed', 'failed', 'cancelled')) ranked
     where ended < $2 and place > $3
       and not exists (select 1 from fl_federations n where n.model = ranked.sha256)
       and not exists (select 1 from fl_federations n where n.state not in ('completed', 'failed', 'cancelled')
            and n.spec like '%' || ranked.sha256 || '%')
       and not exists (select 1 from fl_rounds r join fl_federations n on n.id = r.federation
            where n.state not in ('completed', 'failed', 'cancelled')
              and (r.model_in = ranked.sha256 or r.model_out = ranked.sha256))
     order by ended, id limit $4",
);

const FORGET: Stmt = Stmt::new(
    "fl.retain.forget",
    "delete from fl_artifacts where id = $1 and kind = 'model'
       and not exists (select 1 from fl_federations n where n.model = fl_artifacts.sha256)
       and not exists (select 1 from fl_federations n where n.state not in ('completed', 'failed', 'cancelled')
            and (n.id = fl_artifacts.federation or n.spec like '%' || fl_artifacts.sha256 || '%'))
       and not exists (select 1 from fl_rounds r join fl_federations n on n.id = r.federation
            where n.state not in ('completed', 'failed', 'cancelled')
              and (r.model_in = fl_artifacts.sha256 or r.model_out = fl_artifacts.sha256))",
);

/// Across tenants: a blob is one file, whoever names it.
const NEEDED: Stmt = Stmt::new(
    "fl.retain.needed",
    "select 1 as needed where
        exists (select 1 from fl_artifacts where sha256 = $1)
        or exists (select 1 from fl_federations where model = $1)
        or exists (select 1 from fl_federations where state not in ('completed', 'failed', 'cancelled')
            and spec like $2)
        or exists (select 1 from fl_rounds r join fl_federations f on f.id = r.federation
            where f.state not in ('completed', 'failed', 'cancelled')
              and (r.model_in = $1 or r.model_out = $1 or r.state_out = $1))",
);

/// Whose federations there are.
///
/// # Errors
/// Those of the database.
pub async fn tenants(cx: &Cx, domain: &Federations) -> Result<Vec<TenantId>> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    read.all(&TENANTS, args![]).await?.iter().map(|row| row.get("tenant")).collect()
}

/// Models of federations that are over, the oldest first; the newest of each federation are not among them.
///
/// # Errors
/// Those of the database.
pub async fn expired_models(cx: &Cx, domain: &Federations, expiry: Expiry) -> Result<Vec<Expired>> {
    let tenant = expiry.tenant.unwrap_or_else(|| cx.tenant());
    let mut read = domain.db.read(cx, &ACTION).await?;
    let args = args![tenant, expiry.before, expiry.keep_newest, expiry.limit];
    read.all(&MODELS, args).await?.iter().map(expired_model).collect()
}

fn expired_model(row: &Row) -> Result<Expired> {
    let id: ArtifactId = row.get("id")?;
    let (name, sha256): (String, String) = (row.get("name")?, row.get("sha256")?);
    let (bytes, at): (u64, Timestamp) = (row.get("size_bytes")?, row.get("ended")?);
    let metadata: serde_json::Value = row.get("metadata")?;
    let federation: thunderline_core::FederationId = row.get("federation")?;
    let whole = json!({
        "id": id,
        "federation": federation,
        "name": name,
        "sha256": sha256,
        "size_bytes": bytes,
        "metadata": metadata,
    });
    Ok(Expired { key: id.to_string(), label: name, at, bytes, row: whole })
}

/// Forgets these models where nothing needs them; each leaves an audit row. Their blobs go when nothing names them any
/// more. Gives how many went.
///
/// # Errors
/// Those of the database.
pub async fn forget_models(cx: &Cx, domain: &Federations, expired: &[Expired]) -> Result<u64> {
    let mut gone = 0;
    for model in expired {
        let id: ArtifactId = model.key.parse()?;
        let mut write = domain.db.write(cx, &ACTION).await?;
        if write.exec(&FORGET, args![id]).await? == 1 {
            write.commit(&Subject::new("artifact", id)).await?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// Kept blobs that no row names: what a removed model, an optimiser's old state or an upload that was given up has left.
///
/// # Errors
/// Those of the database and the disk.
pub async fn expired_blobs(cx: &Cx, domain: &Federations, expiry: Expiry) -> Result<Vec<Expired>> {
    let checkpoints = domain.objects.checkpoints()?;
    let blobs = crate::blocking(move || checkpoints.walk()).await?;
    let before = SystemTime::from(expiry.before);
    let mut read = domain.db.read(cx, &read::ACTION).await?;
    let mut expired = Vec::new();
    for blob in blobs.into_iter().filter(|blob| blob.stored < before) {
        let digest = blob.digest.to_string();
        if read.one(&NEEDED, args![digest.as_str(), format!("%{digest}%")]).await?.is_some() {
            continue;
        }
        let at = Timestamp::try_from(blob.stored).unwrap_or(expiry.before);
        let row = json!({ "sha256": digest, "size_bytes": blob.length });
        expired.push(Expired { key: digest.clone(), label: digest, at, bytes: blob.length, row });
        if expired.len() >= expiry.limit as usize {
            break;
        }
    }
    Ok(expired)
}

/// Removes these blobs where nothing names them still. A blob that was stored again since is left alone: whoever did that
/// is about to name it. Gives how many went; none while a backup is being made.
///
/// # Errors
/// Those of the database and the disk.
pub async fn remove_blobs(cx: &Cx, domain: &Federations, expired: &[Expired]) -> Result<u64> {
    let mut gone = 0;
    for blob in expired {
        let digest: Sha256 = blob.key.parse()?;
        let (checkpoints, stored) = (domain.objects.checkpoints()?, SystemTime::from(blob.at));
        // On SQLite nobody else writes while this is open; elsewhere the time of storing decides.
        let mut write = domain.db.write(cx, &ACTION).await?;
        if write.one(&NEEDED, args![blob.key.as_str(), format!("%{digest}%")]).await?.is_some() {
            continue;
        }
        let just_after = stored + std::time::Duration::from_micros(1);
        if crate::blocking(move || checkpoints.remove_blob(&digest, just_after)).await? {
            write.commit(&Subject::new("object", digest)).await?;
            gone += 1;
        }
    }
    Ok(gone)
}
