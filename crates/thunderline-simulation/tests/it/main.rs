//! The simulation as a test: seeds, kept scripts, planted bugs.

use std::{fs, path::Path};

use thunderline_core::seams::{self, Bug};
use thunderline_simulation::{
    Template,
    draw::draw,
    op::{read_script, write_script},
    run, run_seed,
};

/// Seeds that are run each time. `cargo xtask simulate` runs as many as one likes.
const SEEDS: u64 = 300;

/// Seeds within which each planted bug must be found.
const ENOUGH: u64 = 300;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(future)
}

fn template() -> Template {
    block_on(Template::make()).expect("a template can be made")
}

#[test]
fn seeds_break_no_law() {
    let template = template();
    for seed in 1..=SEEDS {
        if let Err(failure) = block_on(run_seed(&template, seed)) {
            panic!(
                "seed {seed}, {failure}\ncargo xtask simulate --from {seed} --seeds 1 makes its script small"
            );
        }
    }
}

#[test]
fn a_seed_has_the_same_history_each_time() {
    let template = template();
    for seed in 1..=20 {
        let [first, second] = [(); 2].map(|()| block_on(run_seed(&template, seed)));
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn scripts_that_broke_a_law_once_break_none_now() {
    let (template, folder) = (template(), Path::new(env!("CARGO_MANIFEST_DIR")).join("reproductions"));
    let mut ran = 0;
    for entry in fs::read_dir(folder).expect("the folder is part of the repository") {
        let path = entry.expect("it can be listed").path();
        let script = fs::read_to_string(&path).expect("a script is text");
        let ops = read_script(&script).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        if let Err(failure) = block_on(run(&template, 1, &ops, |_, _| {})) {
            panic!("{}, {failure}", path.display());
        }
        ran += 1;
    }
    assert!(ran > 0, "no scripts were found");
}

#[test]
fn every_planted_bug_is_found() {
    let template = template();
    for bug in Bug::ALL {
        seams::plant(Some(bug));
        let found = (1..=ENOUGH).find(|seed| block_on(run_seed(&template, *seed)).is_err());
        seams::plant(None);
        assert!(found.is_some(), "{bug:?} survives {ENOUGH} seeds");
    }
}

#[test]
fn a_script_is_the_same_after_it_was_written_and_read() {
    for seed in 1..50 {
        let ops = draw(seed);
        assert_eq!(read_script(&write_script(&ops)), Ok(ops));
    }
    assert!(read_script("{\"dance\":{}}").unwrap_err().starts_with("line 1: "));
}
