//! What Thunderblock is told of the others: what runs, and what can be forgotten.

use thunderblock::{
    Block, Home,
    checkpoint::{Item, Source},
    registry,
    retention::{Keep, Resource, store_resources},
};
use thunderline_core::{Cx, Expired, Expiry, Result, Subject};
use thunderline_objects::Objects;
use thunderline_store::{Db, JobFilter, JobState};
use thunderline_web::Domains;

use super::Options;

/// The domains, with Thunderblock at home in the installation's folder.
///
/// # Errors
/// `internal` where the working folder is gone.
pub fn at_home(mut domains: Domains, options: &Options, objects: Objects) -> Result<Domains> {
    let home = Home::new(&std::path::absolute(&options.data)?, objects);
    let block = domains.block.clone().named(&options.node).at_home(home);
    let mut resources = store_resources(&block);
    resources.extend(of_federations(&domains));
    let sources = [federations(&domains), workflows(&domains), jobs(&domains), mesh(&block)];
    domains.block = block.with_sources(sources).with_resources(resources);
    Ok(domains)
}

fn federations(domains: &Domains) -> Source {
    let domain = domains.federations.clone();
    Source::new("federations", move |cx: Cx| {
        let domain = domain.clone();
        async move {
            let mut items = Vec::new();
            for it in federation::running::running(&cx, &domain).await? {
                let state = format!("{}, {} of {} rounds", it.state, it.completed_rounds, it.rounds_total);
                let resumes = it.state != "paused";
                let about = Subject::new("federation", it.id);
                items.push(item(&domain.db, about, it.name, state, resumes).await?);
            }
            Ok(items)
        }
    })
}

fn workflows(domains: &Domains) -> Source {
    let vine = domains.vine.clone();
    Source::new("workflows", move |cx: Cx| {
        let vine = vine.clone();
        async move {
            let mut items = Vec::new();
            for it in thundervine::workflow::drive::underway(&cx.as_system("checkpoint"), &vine).await? {
                let state = format!("{}, {} of {} steps", it.state, it.done, it.nodes);
                // It goes on when what it waits for does.
                let resumes = it.waiting == 0;
                let about = Subject::new("execution", it.id);
                items.push(item(&vine.db, about, it.workflow, state, resumes).await?);
            }
            Ok(items)
        }
    })
}

/// An item whose mark is the newest event about it.
async fn item(db: &Db, about: Subject, label: String, state: String, resumes: bool) -> Result<Item> {
    let mark = format!("event {}", db.last_about(&about).await?);
    Ok(Item { mark, kind: about.kind, id: about.id, label, state, resumes })
}

fn jobs(domains: &Domains) -> Source {
    let db = domains.db.clone();
    Source::new("jobs", move |_cx: Cx| {
        let db = db.clone();
        async move {
            let running = JobFilter { state: Some(JobState::Running), ..JobFilter::default() };
            let jobs = db.jobs().list(&running, 1_000).await?;
            let items = jobs.into_iter().map(|job| Item {
                kind: "job".into(),
                id: job.id.to_string(),
                label: format!("{} {}", job.name, job.key),
                state: "running".into(),
                mark: format!("attempt {}", job.attempts),
                resumes: true,
            });
            Ok(items.collect())
        }
    })
}

fn mesh(block: &Block) -> Source {
    let block = block.clone();
    Source::new("domains", move |cx: Cx| {
        let block = block.clone();
        async move {
            let domains = registry::domains(&cx, &block).await?;
            let own = domains.into_iter().filter(|domain| *domain.node == *block.node);
            let items = own.map(|domain| Item {
                kind: "domain".into(),
                id: domain.domain.clone(),
                label: domain.domain,
                state: domain.state.to_string(),
                mark: format!("tick {}", domain.tick),
                // The host makes domains active by itself, and says how they are.
                resumes: false,
            });
            Ok(items.collect())
        }
    })
}

fn of_federations(domains: &Domains) -> [Resource; 2] {
    use federation::retain;
    let domain = || domains.federations.clone();
    let (find, remove, tenants) = (domain(), domain(), domain());
    let models = Resource::new(
        "federation.models",
        "models of federations that are over, but for the last of each",
        Keep::forever(),
        move |cx: Cx, expiry: Expiry| {
            let domain = find.clone();
            async move { retain::expired_models(&cx, &domain, expiry).await }
        },
        move |cx: Cx, expired: Vec<Expired>| {
            let domain = remove.clone();
            async move { retain::forget_models(&cx.as_system("retention"), &domain, &expired).await }
        },
    );
    let models = models.of_tenants(move |cx: Cx| {
        let domain = tenants.clone();
        async move { retain::tenants(&cx.as_system("retention"), &domain).await }
    });
    let (find, remove) = (domain(), domain());
    let blobs = Resource::new(
        "federation.blobs",
        "stored files that nothing names any more",
        Keep::days(1),
        move |cx: Cx, expiry: Expiry| {
            let domain = find.clone();
            async move { retain::expired_blobs(&cx, &domain, expiry).await }
        },
        move |cx: Cx, expired: Vec<Expired>| {
            let domain = remove.clone();
            async move { retain::remove_blobs(&cx.as_system("retention"), &domain, &expired).await }
        },
    );
    [models, blobs]
}
