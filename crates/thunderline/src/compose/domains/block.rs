//! thunderblock as something that runs.

use thunderblock::{Block, backup, checkpoint, health, retention, schedules::sweep};
use thunderline_core::{Cx, Result, SignedDuration};
use thunderline_runtime::{Domain, Reconciler, Registry, Work};
use thunderline_web::Domains;

pub fn domain(domains: &Domains) -> Domain {
    let block = domains.block.clone();
    Domain::new(&thunderblock::MANIFEST, move |_cx| {
        let block = block.clone();
        async move {
            let mut jobs = Registry::new();
            let (made, taken, swept) = (block.clone(), block.clone(), block.clone());
            jobs.on(move |cx, job: backup::MakeBackup| {
                let block = made.clone();
                async move { backup::run(&cx, &block, job.backup).await }
            });
            jobs.on(move |cx, job: backup::TakeBackup| {
                let block = taken.clone();
                async move { backup::request(&cx, &block, job.to.as_deref()).await.map(drop) }
            });
            jobs.on(move |cx, _: retention::Sweep| {
                let block = swept.clone();
                async move { retention::sweep(&cx, &block, None).await.map(drop) }
            });
            let reconcilers = vec![
                every(&block, "block.retention", SignedDuration::from_mins(5), |cx, block| async move {
                    retention::sweep(&cx, &block, None).await.map(drop)
                }),
                every(&block, "block.checkpoints", SignedDuration::from_mins(1), |cx, block| async move {
                    checkpoint::periodic(&cx, &block).await.map(drop)
                }),
                every(&block, "block.resumes", SignedDuration::from_secs(2), |cx, block| async move {
                    checkpoint::resume(&cx, &block).await.map(drop)
                }),
                every(&block, "block.examine", SignedDuration::from_secs(5), |cx, block| async move {
                    checkpoint::examine(&cx, &block).await.map(drop)
                }),
                every(&block, "block.health", SignedDuration::from_secs(15), |cx, block| async move {
                    health::look(&cx, &block).await.map(drop)
                }),
                every(&block, "block.schedules", SignedDuration::from_secs(1), |cx, block| async move {
                    sweep::sweep(&cx, &block).await.map(drop)
                }),
            ];
            Ok(Work { jobs, reconcilers, ..Work::default() })
        }
    })
}

fn every<F, Fut>(block: &Block, name: &'static str, period: SignedDuration, step: F) -> Reconciler
where
    F: Fn(Cx, Block) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let block = block.clone();
    Reconciler::new(name, period, move |cx| step(cx, block.clone()))
}
