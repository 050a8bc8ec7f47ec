//! Masked rounds of which the server has lost or spoilt something that was said.

use std::{collections::HashSet, fs, path::Path};

use federation::actions::read;
use thunderline_core::Result;
use thunderline_testkit::{TestDb, both};

use crate::{
    masked::{begun, exchange, late},
    site::Site,
};

/// All have shared, and something happens to what the last of them said. Gives why the round failed.
async fn with_a_message_that(t: TestDb, happens: impl Fn(&Path), at_once: bool) -> Result<String> {
    let site = Site::new(t)?;
    let (federation, mut clients) = begun(&site).await?;
    exchange(&site, &federation, &mut clients).await?;
    let folder = site.domain.objects.root().join(format!("rounds/{}/masked", clients[0].task.round));
    let files =
        || -> HashSet<_> { fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect() };
    for client in &mut clients[..4] {
        client.step(&site).await?;
    }
    let before = files();
    clients[4].step(&site).await?;
    files().difference(&before).for_each(|path| happens(path));
    if at_once {
        site.drive(&federation).await?;
    } else {
        site.drive(&federation).await.unwrap_err();
        late(&site, &federation, 100).await?;
    }
    let rounds = read::list_rounds(&site.t.viewer(), &site.domain, federation.id, 0, 10).await?;
    let round = rounds.iter().find(|round| round.id == clients[0].task.round).expect("it is there");
    Ok(round.state.reason().expect("the round failed").to_owned())
}

both!(a_kept_message_that_is_broken_fails_the_round_and_blames_nobody, async |t: TestDb| {
    let reason = with_a_message_that(t, |path| fs::write(path, b"broken").unwrap(), true).await?;
    let begins = "secure aggregation: 'share' could not be closed: a kept message is broken: ";
    assert!(reason.starts_with(begins), "{reason}");
});

both!(a_kept_message_that_cannot_be_read_fails_the_round_when_time_is_up, async |t: TestDb| {
    let reason = with_a_message_that(t, |path| fs::remove_file(path).unwrap(), false).await?;
    assert!(reason.starts_with("secure aggregation: 'share' could not be closed: "), "{reason}");
});
