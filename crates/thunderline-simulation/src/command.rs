//! The program: runs seeds, many or one, and scripts that were kept.

use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use thunderline_core::seams::{self, Bug};

use crate::{
    Draw, Failure, Report, Template,
    draw::{draw, draw_mesh},
    op::{Op, read_script, seed_of, write_script},
    run, run_seed,
    shrink::shrink,
};

const HELP: &str = "\
simulate [--seeds N] [--from N] [--threads N] [--bug NAME]   run seeds from N on (default: 300 from 1); stop at the first
                                                             that breaks a law, make its script small and print it
simulate --all [--seeds N] [--from N] [--threads N]          do not stop, and name all that break one
simulate --seed N [--bug NAME]                               run one seed and say what happens
simulate --script FILE [--bug NAME]                          run a script and say what happens
simulate --mesh …                                            with domains that fail and are ordered about
simulate --bugs [--seeds N]                                  how many seeds it takes to find each planted bug
";

struct Options {
    seeds: u64,
    from: u64,
    threads: usize,
    seed: Option<u64>,
    script: Option<String>,
    bug: Option<Bug>,
    bugs: bool,
    all: bool,
    draw: Draw,
}

fn options() -> Result<Options, String> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options {
        seeds: 300,
        from: 1,
        threads,
        seed: None,
        script: None,
        bug: None,
        bugs: false,
        all: false,
        draw,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--bugs" => options.bugs = true,
            "--all" => options.all = true,
            "--mesh" => options.draw = draw_mesh,
            _ => {}
        }
        if matches!(word.as_str(), "--bugs" | "--all" | "--mesh") {
            continue;
        }
        let value = words.next().ok_or_else(|| HELP.to_owned())?;
        let number = || value.parse::<u64>().map_err(|_| format!("{word}: '{value}' is no number"));
        match word.as_str() {
            "--seeds" => options.seeds = number()?,
            "--from" => options.from = number()?,
            "--threads" => options.threads = number()?.max(1) as usize,
            "--seed" => options.seed = Some(number()?),
            "--script" => options.script = Some(value),
            "--bug" => {
                let found = Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == value);
                options.bug = Some(found.ok_or_else(|| format!("--bug: one of {:?}", Bug::ALL))?);
            }
            _ => return Err(HELP.to_owned()),
        }
    }
    Ok(options)
}

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = options().and_then(|options| {
        let template = block_on(Template::make()).map_err(|error| error.chain())?;
        if options.bugs {
            return planted(&template, &options);
        }
        let script = match (&options.seed, &options.script) {
            (Some(seed), _) => Some((*seed, (options.draw)(*seed))),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
                Some((seed_of(&text), read_script(&text)?))
            }
            (None, None) => None,
        };
        match script {
            Some((seed, ops)) => one(&template, seed, &ops, options.bug),
            None => many(&template, &options),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(future)
}

fn one(template: &Template, seed: u64, ops: &[Op], bug: Option<Bug>) -> Result<(), String> {
    // RUST_LOG=debug shows what the server thinks of it.
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    seams::plant(bug);
    let mut number = 0;
    let log = |op: &Op, outcome: &str| {
        println!("{number:4}  {op:?}\n        {outcome}");
        number += 1;
    };
    let report = block_on(run(template, seed, ops, log)).map_err(|failure| failure.to_string())?;
    println!("{report:?}");
    Ok(())
}

#[derive(Default)]
struct Totals {
    failed: Option<(u64, Failure)>,
    broken: usize,
    federations: usize,
    completed: usize,
    lost: usize,
    updates: usize,
    events: usize,
}

impl Totals {
    fn add(&mut self, report: &Report) {
        self.federations += report.federations;
        self.completed += report.completed_rounds;
        self.lost += report.failed_rounds;
        self.updates += report.updates;
        self.events += report.events;
    }
}

/// Runs seeds on several threads; gives how many were run.
fn sweep(template: &Template, options: &Options, bug: Option<Bug>, quiet: bool) -> (u64, Totals) {
    let (next, stop, totals) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(Totals::default()));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                seams::plant(bug);
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= options.seeds {
                        break;
                    }
                    let seed = options.from + index;
                    let outcome = block_on(run_seed(template, seed, options.draw));
                    let mut totals = totals.lock().expect("no thread panics while it adds");
                    match outcome {
                        Ok(report) => totals.add(&report),
                        Err(failure) if options.all && bug.is_none() => {
                            println!("seed {seed} breaks a law {failure}");
                            totals.broken += 1;
                        }
                        Err(failure) => {
                            stop.store(true, Ordering::Relaxed);
                            // The smallest, whichever thread was quicker.
                            if totals.failed.as_ref().is_none_or(|(known, _)| seed < *known) {
                                totals.failed = Some((seed, failure));
                            }
                        }
                    }
                }
            });
        }
        if !quiet {
            let mut last = 0;
            while last < options.seeds && !stop.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(200));
                let done = next.load(Ordering::Relaxed).min(options.seeds);
                if done >= last + (options.seeds / 20).max(100) || done == options.seeds {
                    let rate = done as f64 / began.elapsed().as_secs_f64();
                    println!("{done} of {} seeds, {rate:.0} a second", options.seeds);
                    last = done;
                }
            }
        }
    });
    (next.load(Ordering::Relaxed).min(options.seeds), totals.into_inner().expect("no thread panics"))
}

fn many(template: &Template, options: &Options) -> Result<(), String> {
    let began = Instant::now();
    let (ran, totals) = sweep(template, options, options.bug, false);
    println!(
        "{ran} seeds in {:.0} s: {} federations, {} rounds completed and {} lost, {} updates, {} events",
        began.elapsed().as_secs_f64(),
        totals.federations,
        totals.completed,
        totals.lost,
        totals.updates,
        totals.events
    );
    if totals.broken > 0 {
        return Err(format!("{} seeds break a law", totals.broken));
    }
    let Some((seed, failure)) = totals.failed else { return Ok(()) };
    println!("seed {seed} breaks a law {failure}\nmaking its script small …");
    seams::plant(options.bug);
    let kind = failure.kind();
    let breaks = async |ops: &[Op]| {
        let outcome = run(template, seed, ops, |_, _| {}).await;
        outcome.is_err_and(|failure| failure.kind() == kind)
    };
    let small = block_on(shrink(&(options.draw)(seed), breaks));
    let left = block_on(run(template, seed, &small, |_, _| {}));
    let law = left.err().map_or_else(String::new, |failure| failure.to_string());
    Err(format!("seed {seed} breaks a law {law}\n# seed {seed}\n{}", write_script(&small)))
}

/// How many seeds each planted bug survives.
fn planted(template: &Template, options: &Options) -> Result<(), String> {
    let mut survivors = Vec::new();
    println!("| planted | seeds until it was found | what was broken |\n|---|---|---|");
    for bug in Bug::ALL {
        let (ran, totals) = sweep(template, options, Some(bug), true);
        match totals.failed {
            Some((seed, failure)) => {
                println!("| `{bug:?}` | {} | {} |", seed - options.from + 1, failure.law);
            }
            None => survivors.push(format!("{bug:?} survives {ran} seeds")),
        }
    }
    if survivors.is_empty() { Ok(()) } else { Err(survivors.join("\n")) }
}
