//! A federation's progress: a block of lines on a terminal, a line per round elsewhere.

use thunderline_core::Timestamp;
use thunderline_web::dto::{federation::FederationDetails, rollup::Rollup};

use super::{
    numbers::{duration, metric},
    sparkline::sparkline,
};

const BAR: usize = 24;
const CURVE: usize = 40;

/// The block that is drawn over again.
#[must_use]
pub fn block(details: &FederationDetails, rollups: &[Rollup], now: Timestamp) -> Vec<String> {
    let federation = &details.federation;
    let (done, total) = (federation.completed_rounds, federation.rounds_total);
    let mut lines = vec![format!(
        "{}  {}  {}  round {done} of {total}{}",
        federation.name,
        federation.state,
        bar(done, total),
        left(details, now).map_or_else(String::new, |seconds| format!("  {} left", duration(seconds)))
    )];
    for name in ["accuracy", "loss"] {
        let values: Vec<f64> = rollups.iter().filter_map(|rollup| rollup.metric(name)).collect();
        if let Some(last) = values.last() {
            lines.push(format!("  {name:<8} {last:.4}  {}", sparkline(&values, CURVE)));
        }
    }
    lines.push(format!("  {}", present(details)));
    lines
}

/// One completed round.
#[must_use]
pub fn round_line(rollup: &Rollup, total: u32) -> String {
    let exchange = &rollup.train;
    let dropped =
        if exchange.dropped > 0 { format!(", {} dropped", exchange.dropped) } else { String::new() };
    format!(
        "round {} of {total}  accuracy {}  loss {}  {} clients{dropped}  {}",
        rollup.round,
        metric(rollup.metric("accuracy")),
        metric(rollup.metric("loss")),
        exchange.clients,
        duration(exchange.seconds)
    )
}

/// True while the newest round cannot begin for want of nodes.
#[must_use]
pub fn waits_for_nodes(details: &FederationDetails) -> bool {
    details.current_round.as_ref().is_some_and(|round| round.state == "selecting")
        && details.federation.state == "running"
}

/// That a round waits for nodes, with how many there are and how many it needs.
#[must_use]
pub fn waiting_line(details: &FederationDetails, online: Option<usize>) -> String {
    let online = online.map_or_else(String::new, |online| format!("; {online} online"));
    let needed = details.spec["min_clients"].as_u64();
    let needed = needed.map_or_else(String::new, |needed| format!(", at least {needed} needed"));
    format!("{}{online}{needed}", present(details))
}

/// What the newest round is doing.
#[must_use]
pub fn present(details: &FederationDetails) -> String {
    let Some(round) = &details.current_round else { return "waits to begin".to_owned() };
    let count = |state: &str| details.clients.get(state).copied().unwrap_or(0);
    let asked: u32 = details.clients.values().sum();
    let lost = match count("dropped") + count("expired") {
        0 => String::new(),
        lost => format!(", {lost} lost"),
    };
    let (taken, training) = (count("released"), count("issued") + count("claimed"));
    let what = match round.state.as_str() {
        // Without an end by itself, it is a buffer that is filled.
        "running" if round.deadline.is_none() => {
            format!("{taken} of {} updates are in the buffer, {training} clients train{lost}", round.wanted)
        }
        "selecting" => "waits for enough nodes".to_owned(),
        "running" => format!("{} of {asked} clients have trained{lost}", count("released")),
        "evaluating" => format!("{} of {asked} clients have evaluated{lost}", count("released")),
        other => other.replace('_', " "),
    };
    format!("round {}: {what}", round.number)
}

/// Seconds that are left, if it goes on as it went.
fn left(details: &FederationDetails, now: Timestamp) -> Option<f64> {
    let federation = &details.federation;
    let remaining =
        federation.rounds_total.checked_sub(federation.completed_rounds).filter(|&rounds| rounds > 0)?;
    if federation.state != "running" || federation.completed_rounds == 0 {
        return None;
    }
    let passed = now.duration_since(federation.started_at?).as_secs_f64();
    Some(passed / f64::from(federation.completed_rounds) * f64::from(remaining))
}

fn bar(done: u32, total: u32) -> String {
    let filled = (BAR as u64 * u64::from(done) / u64::from(total.max(1))) as usize;
    let filled = filled.min(BAR);
    "━".repeat(filled) + &"─".repeat(BAR - filled)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use thunderline_core::SignedDuration;
    use thunderline_web::dto::{
        federation::Federation,
        rollup::{Exchange, ServerMetrics},
        round::Round,
    };

    use super::*;

    fn start() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn details(done: u32) -> FederationDetails {
        let federation = Federation {
            id: "1".into(),
            name: "digits".into(),
            state: "running".into(),
            reason: None,
            waiting: None,
            run_id: "7".into(),
            strategy: "fedavg".into(),
            app: "builtin".into(),
            rounds_total: 50,
            completed_rounds: done,
            failures: 0,
            model: None,
            created_by: "user:x".into(),
            created_at: start(),
            started_at: Some(start()),
            completed_at: None,
        };
        let round = Round {
            id: "2".into(),
            federation: "1".into(),
            number: done + 1,
            attempt: 1,
            state: "running".into(),
            reason: None,
            deadline: Some(start()),
            wanted: 10,
            quorum: 5,
            model_in: None,
            model_out: None,
            created_at: start(),
            started_at: None,
            closed_at: None,
            completed_at: None,
        };
        let clients = BTreeMap::from([
            ("released".to_owned(), 7),
            ("claimed".to_owned(), 2),
            ("dropped".to_owned(), 1),
        ]);
        FederationDetails {
            federation,
            spec: serde_json::Value::Null,
            document: String::new(),
            current_round: Some(round),
            clients,
            privacy: None,
        }
    }

    fn rollup(round: u32, accuracy: f64) -> Rollup {
        let server = ServerMetrics { accuracy, loss: 1.0 - accuracy, examples: 10 };
        let train = Exchange { clients: 9, dropped: 1, seconds: 1.25, ..Exchange::default() };
        Rollup { round, server: Some(server), train, ..Rollup::default() }
    }

    #[test]
    fn the_block_shows_round_time_left_curves_and_clients() {
        let now = start() + SignedDuration::from_secs(20);
        let lines = block(&details(20), &[rollup(19, 0.5), rollup(20, 0.75)], now);
        assert_eq!(
            lines,
            [
                "digits  running  ━━━━━━━━━───────────────  round 20 of 50  30 s left",
                "  accuracy 0.7500  ▁█",
                "  loss     0.2500  █▁",
                "  round 21: 7 of 10 clients have trained, 1 lost",
            ]
        );
    }

    #[test]
    fn before_the_first_round_no_time_is_promised() {
        assert!(!block(&details(0), &[], start())[0].contains("left"));
    }

    #[test]
    fn a_round_without_nodes_says_how_many_there_are_and_how_many_it_needs() {
        let mut waiting = details(0);
        assert!(!waits_for_nodes(&waiting));
        waiting.current_round.as_mut().unwrap().state = "selecting".into();
        waiting.spec = serde_json::json!({"min_clients": 3});
        assert!(waits_for_nodes(&waiting));
        let line = waiting_line(&waiting, Some(1));
        assert_eq!(line, "round 1: waits for enough nodes; 1 online, at least 3 needed");
        assert_eq!(waiting_line(&details(0), None), "round 1: 7 of 10 clients have trained, 1 lost");
    }

    #[test]
    fn a_buffer_is_told_by_what_is_in_it() {
        let mut filling = details(4);
        filling.current_round.as_mut().unwrap().deadline = None;
        let line = "round 5: 7 of 10 updates are in the buffer, 2 clients train, 1 lost";
        assert_eq!(present(&filling), line);
    }

    #[test]
    fn a_round_is_one_plain_line() {
        let line = round_line(&rollup(3, 0.9), 50);
        assert_eq!(line, "round 3 of 50  accuracy 0.9000  loss 0.1000  9 clients, 1 dropped  1.2 s");
    }
}
