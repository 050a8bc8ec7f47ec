//! Many jobs on all cores.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

/// Runs every job; the outcomes are in the order of the jobs.
pub fn run_all<J: Sync, O: Send>(jobs: &[J], run: impl Fn(&J) -> O + Sync) -> Vec<O> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(jobs.len()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(place) else { return };
                    let outcome = run(job);
                    outcomes.lock().expect("nobody panics while holding the outcomes").push((place, outcome));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().expect("nobody panics while holding the outcomes");
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}
