//! Rules, and forgetting by them.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use thunderblock::{
    Block,
    checkpoint::{self, Reason},
    retention::{self, Keep, Resource, Scope, Swept},
};
use thunderline_core::{
    Action, Cx, Error, ErrorKind, Expired, Expiry, Result, Rule, SignedDuration, TenantId, Timestamp,
};
use thunderline_store::AuditFilter;
use thunderline_testkit::{TestDb, both};

use crate::home::Site;

/// Things that a made-up domain keeps: key and time.
type Things = Arc<Mutex<Vec<(String, Timestamp)>>>;

fn things(site: &Site, count: i64) -> (Resource, Things) {
    let now = site.t.system().now();
    let kept = (0..count).map(|age| (format!("thing-{age}"), now - SignedDuration::from_hours(24 * age)));
    let kept: Things = Arc::new(Mutex::new(kept.collect()));
    let (finds, removes) = (kept.clone(), kept.clone());
    let find = move |_cx, expiry: Expiry| {
        let mut all = finds.lock().unwrap().clone();
        all.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
        let old = all.into_iter().skip(expiry.keep_newest as usize).filter(|(_, at)| *at < expiry.before);
        let mut old: Vec<_> = old
            .map(|(key, at)| Expired { label: key.clone(), row: key.clone().into(), key, at, bytes: 10 })
            .collect();
        old.reverse();
        old.truncate(expiry.limit as usize);
        async move { Ok(old) }
    };
    let remove = move |_cx, expired: Vec<Expired>| {
        let mut kept = removes.lock().unwrap();
        let before = kept.len();
        kept.retain(|(key, _)| expired.iter().all(|gone| gone.key != *key));
        let gone = (before - kept.len()) as u64;
        async move { Ok(gone) }
    };
    (Resource::new("things", "made up", Keep::forever(), find, remove), kept)
}

async fn keep(site: &Site, block: &Block, days: i64, newest: Option<u32>, archive: bool) -> Result<()> {
    let keep = Keep { keep_newest: newest, ..Keep::days(days) };
    let grace = SignedDuration::from_hours(24);
    retention::set(&site.t.admin(), block, "things", Scope::Global, keep, archive, grace).await.map(drop)
}

both!(what_is_older_than_rule_and_grace_and_not_among_the_newest_goes, async |t: TestDb| {
    let site = Site::new(t)?;
    let (resource, kept) = things(&site, 30);
    let block = site.block.clone().with_resources([resource]);
    let admin = site.t.admin();
    assert_eq!(retention::sweep(&admin, &block, None).await?, [], "the default keeps it for ever");
    keep(&site, &block, 9, Some(15), true).await?;
    let preview = retention::preview(&site.t.operator(), &block, "things").await?;
    assert_eq!(preview[0].2.len(), 15, "30, but for the newest 15");
    assert_eq!(kept.lock().unwrap().len(), 30, "a preview removes nothing");

    let swept = retention::sweep(&admin, &block, Some("things")).await?;
    let expected = Swept { resource: "things", tenant: None, removed: 15, bytes: 150, more: false };
    assert_eq!(swept, [expected]);
    let folder = site.data().join("archive/things");
    let file = fs::read_dir(&folder)?.next().expect("there is one")?.path();
    assert_eq!(fs::read_to_string(file)?.lines().count(), 15);

    keep(&site, &block, 9, None, false).await?;
    retention::sweep(&admin, &block, None).await?;
    let left = kept.lock().unwrap().len();
    assert_eq!(left, 11, "0 to 10 days old: nine, and one of grace");
    retention::unset(&admin, &block, "things", Scope::Global).await?;
    assert_eq!(retention::sweep(&admin, &block, None).await?, []);
});

both!(an_admin_sweeps_what_only_background_work_may_touch, async |t: TestDb| {
    const EXPIRE: Action = Action::new("t.thing.expire", Rule::System);
    let site = Site::new(t)?;
    let find = |cx: Cx, expiry: Expiry| async move {
        EXPIRE.authorize(&cx)?;
        let (key, at) = (String::from("thing"), expiry.before);
        Ok::<_, Error>(vec![Expired { label: key.clone(), row: key.clone().into(), key, at, bytes: 1 }])
    };
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let remove = move |cx: Cx, expired: Vec<Expired>| {
        seen.lock().unwrap().push(cx.correlation());
        async move {
            EXPIRE.authorize(&cx)?;
            Ok::<_, Error>(expired.len() as u64)
        }
    };
    let owners = |cx: Cx| async move {
        EXPIRE.authorize(&cx)?;
        Ok::<_, Error>(vec![cx.tenant()])
    };
    let resource = Resource::new("things", "made up", Keep::days(1), find, remove).of_tenants(owners);
    let block = site.block.clone().with_resources([resource]);
    let admin = site.t.admin();
    let swept = retention::sweep(&admin, &block, None).await?;
    assert_eq!((swept.len(), swept[0].removed), (1, 1));
    assert_eq!(*asked.lock().unwrap(), [admin.correlation()], "it is known what set it off");
});

both!(rules_that_make_no_sense_are_refused, async |t: TestDb| {
    let site = Site::new(t)?;
    let (resource, _) = things(&site, 1);
    let block = site.block.clone().with_resources([resource]);
    let admin = site.t.admin();
    let zero = SignedDuration::ZERO;
    let tenant = Scope::Tenant(TenantId(admin.uuid()));
    let minus = Keep { keep_for: Some(SignedDuration::from_secs(-1)), keep_newest: None };
    for (resource, scope, keep) in [
        ("nothing", Scope::Global, Keep::days(1)),
        ("things", tenant, Keep::days(1)),
        ("things", Scope::Global, minus),
    ] {
        let refused = retention::set(&admin, &block, resource, scope, keep, false, zero).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{resource} {scope}");
    }
    let operator = site.t.operator();
    let forbidden =
        retention::set(&operator, &block, "things", Scope::Global, Keep::days(1), false, zero).await;
    assert_eq!(forbidden.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(retention::sweep(&operator, &block, None).await.unwrap_err().kind(), ErrorKind::Forbidden);
    let missing = retention::unset(&admin, &block, "things", Scope::Global).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
});

both!(the_audit_is_kept_for_a_day_at_least_and_tenants_must_exist, async |t: TestDb| {
    let site = Site::new(t)?;
    let (resource, _) = things(&site, 1);
    let (mine, theirs) = (site.t.tenant(), TenantId(site.t.admin().uuid()));
    let resource = resource.of_tenants(move |_cx| async move { Ok(vec![theirs]) });
    let resources = [retention::store_resources(&site.block), vec![resource]].concat();
    let block = site.block.clone().with_resources(resources);
    let (admin, zero) = (site.t.admin(), SignedDuration::ZERO);
    let set = async |resource: &str, scope, keep| {
        retention::set(&admin, &block, resource, scope, keep, false, zero).await.map(drop)
    };
    let (none, newest) = (Some(zero), Some(0));
    for keep in [
        Keep { keep_for: none, keep_newest: None },
        Keep { keep_for: None, keep_newest: newest },
        Keep { keep_for: none, keep_newest: Some(10) },
    ] {
        let refused = set("audit", Scope::Global, keep).await.unwrap_err();
        assert_eq!(refused.problems()[0].path, "keep_for", "{keep:?}");
    }
    set("audit", Scope::Global, Keep::days(1)).await?;
    set("audit", Scope::Global, Keep::forever()).await?;
    set("checkpoints", Scope::Global, Keep { keep_for: none, keep_newest: newest }).await?;

    let nobody = TenantId(admin.uuid());
    let refused = set("things", Scope::Tenant(nobody), Keep::days(1)).await.unwrap_err();
    assert!(refused.problems()[0].allowed.contains(&theirs.to_string()), "{refused}");
    set("things", Scope::Tenant(theirs), Keep::days(1)).await?;
    set("things", Scope::Tenant(mine), Keep::days(1)).await?;
});

both!(the_stores_own_rows_go_by_rule_and_leave_a_trace, async |t: TestDb| {
    let site = Site::new(t)?;
    let block = site.block.clone().with_resources(retention::store_resources(&site.block));
    let (admin, system) = (site.t.admin(), site.t.system());
    for _ in 0..3 {
        checkpoint::take(&system, &block, Reason::Manual).await?;
        site.t.clock.advance(SignedDuration::from_secs(1));
    }
    let audited = site.t.db().audit(&AuditFilter::default(), 100).await?.len();
    assert_eq!(audited, 3);
    assert_eq!(retention::sweep(&admin, &block, None).await?, [], "everything is young");

    site.t.clock.advance(SignedDuration::from_hours(24 * 800));
    let keep = Keep { keep_for: None, keep_newest: Some(0) };
    let zero = SignedDuration::ZERO;
    retention::set(&admin, &block, "checkpoints", Scope::Global, keep, false, zero).await?;
    let swept = retention::sweep(&admin, &block, None).await?;
    let gone: Vec<_> = swept.iter().map(|swept| (swept.resource, swept.removed)).collect();
    assert_eq!(gone, [("audit", 3), ("checkpoints", 2)], "the newest checkpoint stays, whatever the rule");
    let left = site.t.db().audit(&AuditFilter::default(), 100).await?;
    let mut actions: Vec<_> = left.iter().map(|entry| entry.action.as_str()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["block.retention.set", "block.retention.sweep", "block.retention.sweep"]);
});
