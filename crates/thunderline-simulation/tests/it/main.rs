//! A sample of the simulation as a test: some seeds, every kept script, every planted mistake. `cargo xtask simulate` runs
//! thousands. A release build has no seams, hence nothing to test.
#![cfg(debug_assertions)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use thunderline_core::seams::{self, Bug};
use thunderline_simulation::{
    Template,
    draw::{draw, draw_mesh},
    op::{Op, read_script, seed_of, write_script},
    run, run_seed,
};

/// Seeds that are run each time.
const SEEDS: u64 = 3;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(future)
}

fn template() -> Template {
    block_on(Template::make()).expect("a template can be made")
}

/// The scripts of a folder, with their seeds.
fn scripts(folder: &str) -> Vec<(PathBuf, u64, Vec<Op>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).expect("the folder is part of the repository");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a script is text");
        let ops = read_script(&text).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        (path, seed_of(&text), ops)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn seeds_break_no_law_and_have_the_same_history_each_time() {
    let template = template();
    for seed in 1..=SEEDS {
        let [first, second] = [(); 2].map(|()| block_on(run_seed(&template, seed, draw_mesh)));
        assert_eq!(first, second, "seed {seed}");
        if let Err(failure) = first {
            panic!(
                "seed {seed}, {failure}\ncargo xtask simulate --mesh --from {seed} --seeds 1 makes its script small"
            );
        }
    }
}

#[test]
fn scripts_that_broke_a_law_once_break_none_now() {
    let template = template();
    let scripts = scripts("reproductions");
    assert!(!scripts.is_empty());
    for (path, seed, ops) in scripts {
        if let Err(failure) = block_on(run(&template, seed, &ops, |_, _| {})) {
            panic!("{}, {failure}", path.display());
        }
    }
}

#[test]
fn every_planted_mistake_breaks_a_law_and_its_script_breaks_none_without_it() {
    let template = template();
    let scripts = scripts("planted");
    for bug in Bug::ALL {
        let name = format!("{bug:?}.jsonl");
        let script = scripts.iter().find(|(path, ..)| path.ends_with(&name));
        let (_, seed, ops) = script.unwrap_or_else(|| panic!("no script finds {bug:?}"));
        if let Err(failure) = block_on(run(&template, *seed, ops, |_, _| {})) {
            panic!("{name}, {failure}");
        }
        seams::plant(Some(bug));
        let outcome = block_on(run(&template, *seed, ops, |_, _| {}));
        seams::plant(None);
        assert!(outcome.is_err(), "{bug:?} breaks no law");
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
