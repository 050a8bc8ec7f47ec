//! Who speaks while an exchange of a masked round is being closed.

use std::{cell::Cell, fs};

use federation::{actions::read, project, state::LeaseState};
use thunderline_core::{ErrorKind, Result, SignedDuration};
use thunderline_testkit::{Engine, TestDb};

use crate::{
    masked::{begun, exchange, is_mean, late},
    site::Site,
};

/// Time is up while one client still masks. It is heard before the exchange is closed or after, but in either case when the list
/// of the survivors has been made already. Gives whether it came as wished: who is to be first has a long lead, and a machine
/// may hold it up for all that.
async fn one_masks_while_the_exchange_is_closed(t: TestDb, heard: bool) -> Result<bool> {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun(&site).await?;
    exchange(&site, &federation, &mut clients).await?;
    exchange(&site, &federation, &mut clients).await?;
    let mut slow = clients.pop().unwrap();
    for client in &mut clients {
        client.step(&site).await?;
    }
    site.t.clock.advance(SignedDuration::from_secs(600));
    let folder = site.domain.objects.root().join(format!("rounds/{}/masked", slow.task.round));
    let messages = || fs::read_dir(&folder).unwrap().count();
    let before = messages();
    let come = async |count: usize| {
        while messages() < before + count {
            tokio::task::yield_now().await;
        }
    };
    // Nobody writes while this is held. What is said, and the list, lie in the folder before they are written down.
    let held = site.t.db().write(&site.t.system(), &project::ACTION).await?;
    let closes = site.drive(&federation);
    let speaks = slow.step(&site);
    let queue = async {
        come(2).await;
        drop(held);
    };
    let (spoken, closed) = if heard {
        let (spoken, closed, ()) = tokio::join!(
            speaks,
            async {
                come(1).await;
                closes.await
            },
            queue
        );
        (spoken, closed)
    } else {
        let (closed, spoken, ()) = tokio::join!(
            closes,
            async {
                come(1).await;
                speaks.await
            },
            queue
        );
        (spoken, closed)
    };
    closed?;
    let spoken = spoken.map_err(|error| error.kind());
    assert!(matches!(spoken, Ok(()) | Err(ErrorKind::Conflict)), "{spoken:?}");
    if spoken.is_ok() != heard {
        return Ok(false);
    }
    exchange(&site, &federation, &mut clients).await?;
    if heard {
        // Its turn it is, though it is no survivor.
        late(&site, &federation, 100).await?;
    }
    exchange(&site, &federation, &mut clients).await?;
    is_mean(&site, &federation, &clients).await?;
    if heard {
        let leases = read::list_leases(&site.t.viewer(), &site.domain, slow.task.round).await?;
        let its = leases.iter().find(|lease| lease.id == slow.task.lease).expect("it had a lease");
        let why = "secure aggregation: its masked update came while the list of those who masked was made, and is not in \
                   the sum";
        assert_eq!(its.state, LeaseState::Dropped { reason: why.into() });
        let of_it: Vec<_> = site
            .t
            .events()
            .await
            .into_iter()
            .filter(|event| event.payload["lease"] == its.id.to_string())
            .collect();
        let told: Vec<_> = of_it.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(
            told,
            ["fl.client.lease_issued", "fl.client.joined", "fl.client.dropped"],
            "what lineage hears"
        );
        assert_eq!(of_it[2].payload["reason"], why);
    }
    Ok(true)
}

/// Only SQLite lets one write at a time.
fn once_in_this_order(heard: bool) {
    for _ in 0..5 {
        let as_wished = Cell::new(false);
        thunderline_testkit::run(Engine::Sqlite, crate::MIGRATIONS, async |t| {
            as_wished.set(one_masks_while_the_exchange_is_closed(t, heard).await?);
            Ok(())
        });
        if as_wished.get() {
            return;
        }
    }
    panic!("five times the one who was to be first was last");
}

#[test]
fn who_masks_while_the_survivors_are_listed_is_left_out_of_their_sum() {
    once_in_this_order(true);
}

#[test]
fn who_masks_when_the_exchange_has_just_been_closed_is_refused() {
    once_in_this_order(false);
}
