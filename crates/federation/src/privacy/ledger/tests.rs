//! Random schedules of concurrent federations with crashes and retries never overspend.

use std::collections::BTreeSet;

use thunderline_numerics::random::Rng;

use super::*;

const SCHEDULES: u64 = 100_000;

/// A federation of the model: its data, its goal, and what n rounds of it cost.
struct Federation {
    data: Vec<usize>,
    goal: (f64, f64),
    costs: Vec<f64>,
    /// Rounds that were paid for.
    paid: usize,
    spent: Amount,
    /// The attempt that is open: it was paid for, and its owner may not know.
    open: Option<u64>,
    over: bool,
}

fn federation(rng: &mut Rng, datasets: usize) -> Federation {
    let mut data: Vec<usize> = (0..datasets).filter(|_| rng.below(2) == 0).collect();
    data.push(0);
    data.sort_unstable();
    data.dedup();
    let step = 0.01 + rng.uniform();
    // Sublinear, as accountants say.
    let costs = (1..=12).map(|n| step * f64::from(n).powf(0.5 + rng.uniform() / 2.0)).collect();
    let goal = (0.1 + 4.0 * rng.uniform(), 10f64.powf(-3.0 - 6.0 * rng.uniform()));
    Federation { data, goal, costs, paid: 0, spent: Amount::default(), open: None, over: false }
}

/// What is committed: accounts, and the rounds that were charged.
struct Stored {
    accounts: [Account; 3],
    charged: BTreeSet<u64>,
}

/// One transaction, as `charge` does it: a round that was charged before is not charged again.
fn begin(stored: &Stored, it: &Federation, attempt: u64) -> Result<(Amount, [Account; 3]), Refusal> {
    let after = Amount::cost(it.costs[it.paid], it.goal.1);
    let wanted = charge(it.spent, after, Amount::limit(it.goal.0, it.goal.1))?;
    let mut accounts: BTreeMap<String, Account> =
        it.data.iter().map(|place| (place.to_string(), stored.accounts[*place])).collect();
    assert!(!stored.charged.contains(&attempt), "a round's own state lets it begin once only");
    pay(&mut accounts, wanted)?;
    let mut after = stored.accounts;
    for (name, account) in accounts {
        after[name.parse::<usize>().unwrap()] = account;
    }
    Ok((wanted, after))
}

fn overspent(federations: &[Federation], limits: &[Option<(f64, f64)>]) -> Option<String> {
    for (place, limit) in limits.iter().enumerate() {
        let Some((epsilon, delta)) = limit else { continue };
        let users: Vec<_> = federations.iter().filter(|it| it.paid > 0 && it.data.contains(&place)).collect();
        let spent: f64 = users.iter().map(|it| it.costs[..it.paid].iter().copied().fold(0.0, f64::max)).sum();
        let deltas: f64 = users.iter().map(|it| it.goal.1).sum();
        // Sums of doubles are allowed their own rounding.
        if spent > epsilon * (1.0 + 1e-12) || deltas > delta * (1.0 + 1e-12) + 1e-18 {
            return Some(format!("data set {place}: ε {spent} of {epsilon}, δ {deltas} of {delta}"));
        }
    }
    federations
        .iter()
        .find(|it| it.paid > 0 && it.costs[it.paid - 1] > it.goal.0 * (1.0 + 1e-12))
        .map(|it| format!("a federation spent {} of its own {}", it.costs[it.paid - 1], it.goal.0))
}

/// `enforced` off: the same schedule without asking the ledger.
fn schedule(seed: u64, enforced: bool) -> (Option<String>, bool) {
    let mut rng = Rng::derive(seed, &["ledger"]);
    let limits = [0; 3].map(|_| {
        (rng.below(4) > 0).then(|| (0.2 + 5.0 * rng.uniform(), 10f64.powf(-2.0 - 5.0 * rng.uniform())))
    });
    let account = |limit: Option<(f64, f64)>| Account {
        limit: limit.map(|(epsilon, delta)| Amount::limit(epsilon, delta)),
        spent: Amount::default(),
    };
    let mut stored = Stored { accounts: limits.map(account), charged: BTreeSet::new() };
    let mut federations: Vec<_> = (0..4).map(|_| federation(&mut rng, 3)).collect();
    let (mut attempts, mut refused) = (0, false);
    for _ in 0..40 {
        let it = &mut federations[rng.place(4)];
        if it.over || it.paid == it.costs.len() {
            continue;
        }
        if it.open.is_some() {
            // The open round succeeds, fails, or its owner has crashed and looks again; none of it gives anything back.
            it.open = (rng.below(3) == 0).then_some(attempts);
            continue;
        }
        attempts += 1;
        let result =
            if enforced { begin(&stored, it, attempts) } else { Ok((Amount::default(), stored.accounts)) };
        match result {
            // A crash before the commit: nothing happened, and another round is tried.
            Ok(_) if rng.below(4) == 0 => {}
            Ok((amount, accounts)) => {
                stored.accounts = accounts;
                stored.charged.insert(attempts);
                it.spent = it.spent.plus(amount);
                it.paid += 1;
                it.open = Some(attempts);
            }
            Err(_) => (it.over, refused) = (true, true),
        }
        if let Some(problem) = overspent(&federations, &limits) {
            return (Some(problem), refused);
        }
    }
    (None, refused)
}

#[test]
fn a_hundred_thousand_random_schedules_never_overspend() {
    let mut refusals = 0;
    for seed in 0..SCHEDULES {
        let (problem, refused) = schedule(seed, true);
        assert_eq!(problem, None, "schedule {seed}");
        refusals += u64::from(refused);
    }
    assert!(refusals > SCHEDULES / 2, "the ledger refused in {refusals} schedules only: they are too tame");
}

#[test]
fn without_the_ledger_the_same_schedules_do_overspend() {
    let overspent = (0..1000).filter(|seed| schedule(*seed, false).0.is_some()).count();
    assert!(overspent > 500, "{overspent}");
}

#[test]
fn a_charge_is_taken_from_all_accounts_or_from_none() {
    let account = |limit: f64| Account { limit: Some(Amount::limit(limit, 1.0)), spent: Amount::default() };
    let mut accounts = BTreeMap::from([("a".to_owned(), account(5.0)), ("b".into(), account(1.0))]);
    pay(&mut accounts, Amount::cost(0.6, 1e-6)).unwrap();
    let before = accounts.clone();
    let refused = pay(&mut accounts, Amount::cost(0.6, 1e-6)).unwrap_err();
    assert_eq!((refused.budget.as_str(), refused.left.numbers().0), ("b", 0.4));
    assert_eq!(accounts, before);
    assert!(refused.to_string().starts_with("privacy_budget_exhausted"), "{refused}");
}

#[test]
fn costs_are_rounded_up_and_what_is_no_number_costs_everything() {
    assert_eq!(Amount::cost(1e-10, 1e-19), Amount { epsilon: 1, delta: 1 });
    assert_eq!(Amount::cost(f64::INFINITY, f64::NAN), Amount { epsilon: i64::MAX, delta: i64::MAX });
    let goal = Amount::limit(2.0, 1e-5);
    assert_eq!(charge(Amount::default(), Amount::cost(2.0, 1e-5), goal).unwrap(), goal);
    assert!(charge(Amount::default(), Amount::cost(2.000_000_001, 1e-5), goal).is_err());
    assert_eq!(charge(goal, Amount::cost(1.0, 1e-5), goal).unwrap(), Amount::default());
}
