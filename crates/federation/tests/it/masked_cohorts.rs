//! What carries a masked round on, and what it costs the server as its cohort grows, from the first key to the model.

use std::env;

use federation::{Federation, drive::Drive};
use thunderline_core::{Job, NodeId, Result};
use thunderline_testkit::{Engine, TestDb, both};

use crate::{
    masked::{Client, begun, is_mean, processor_seconds},
    site::Site,
};

/// What was spent on what, in seconds of processor time.
#[derive(Default)]
struct Spent {
    /// Taking what clients say, and telling them the answers; what the clients themselves calculate is not in it.
    taking: f64,
    /// Carrying the federation on, by the jobs that were asked for.
    driving: f64,
    drives: u32,
}

/// A worker that is quick: whatever job waits is done before the next client speaks.
async fn work(site: &Site, federation: &Federation, spent: &mut Spent) -> Result<()> {
    let (cx, jobs) = (site.t.system(), site.t.db().jobs());
    let before = processor_seconds();
    for job in jobs.claim(&cx, "test", &[Drive::NAME], 1).await? {
        site.drive(federation).await?;
        jobs.finish(&cx, &job).await?;
        spent.drives += 1;
    }
    spent.driving += processor_seconds() - before;
    Ok(())
}

both!(the_last_to_speak_has_the_exchange_closed_and_no_other_message_costs_a_drive, async |t: TestDb| {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun(&site).await?;
    work(&site, &federation, &mut Spent::default()).await?;
    for exchange in 0..5 {
        let mut spent = Spent::default();
        let [first, second, third, fourth, fifth] = clients.as_mut_slice() else { panic!("there are five") };
        for client in [first, second, third] {
            client.step(&site).await?;
            work(&site, &federation, &mut spent).await?;
        }
        assert_eq!(spent.drives, 0, "exchange {exchange}");
        // Neither may take the other for one who is still to come.
        let (one, other) = tokio::join!(fourth.step(&site), fifth.step(&site));
        one.and(other)?;
        work(&site, &federation, &mut spent).await?;
        assert_eq!(spent.drives, 1, "exchange {exchange}");
    }
    is_mean(&site, &federation, &clients).await?;
});

async fn round(t: TestDb, size: u16) -> Result<()> {
    let site = Site::new(t)?;
    for number in 1..=u64::from(size) {
        site.join(number).await?;
    }
    let federation = site
        .submit(&format!(
            "model_ref: builtin:softmax(8,4)\nnum_rounds: 1\nmin_clients: {size}\nround: {{deadline: 800}}\n\
             evaluation: {{federated: false}}\nsecure_agg: {{clip: 1}}\n"
        ))
        .await?;
    site.drive(&federation).await?;
    let mut clients = Vec::new();
    for number in 1..=size {
        let task = site.claim(NodeId::from_bits(number.into())).await?.unwrap();
        clients.push(Client::new(&site, task, number)?);
    }
    work(&site, &federation, &mut Spent::default()).await?;
    let mut all = Spent::default();
    for exchange in ["advertise", "share", "mask", "consent", "reveal"] {
        let mut spent = Spent::default();
        for client in &mut clients {
            let before = client.spent.get();
            client.step(&site).await?;
            spent.taking += client.spent.get() - before;
            work(&site, &federation, &mut spent).await?;
        }
        let Spent { taking, driving, drives } = spent;
        println!("{size} {exchange:9} taking {taking:6.2} s, driving {driving:6.2} s in {drives} drives");
        all = Spent {
            taking: all.taking + taking,
            driving: all.driving + driving,
            drives: all.drives + drives,
        };
    }
    let per_client = |seconds: f64| seconds * 1000.0 / f64::from(size);
    let Spent { taking, driving, drives } = all;
    println!(
        "{size} clients: {:.2} ms a client (taking {:.2}, driving {:.2}; {drives} drives)",
        per_client(taking + driving),
        per_client(taking),
        per_client(driving)
    );
    is_mean(&site, &federation, &clients).await
}

#[test]
#[ignore = "a measurement, of minutes: THUNDERLINE_COHORTS=50,100 cargo test -p federation --test it cohorts -- --ignored --nocapture"]
fn cohorts_of_masked_rounds_cost_the_server() {
    let sizes = env::var("THUNDERLINE_COHORTS").unwrap_or_else(|_| "50,100".into());
    for size in sizes.split(',') {
        let size = size.trim().parse().expect("sizes of cohorts, with commas between them");
        thunderline_testkit::run(Engine::Sqlite, crate::MIGRATIONS, async |t| round(t, size).await);
    }
}
