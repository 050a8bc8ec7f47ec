//! The metric record of a reply.

use thunderline_flower::record::{MetricValue, Metrics};

use crate::task::Outcome;

/// Puts together what the server is told: the weight first, then what was measured, then what it cost. A trainer's own
/// value of `duration_seconds` or `energy_joules` goes before ours; its `num-examples` does not.
pub(crate) fn record(outcome: &Outcome, seconds: f64, joules: Option<f64>) -> Metrics {
    let mut metrics: Metrics = vec![("num-examples".into(), outcome.examples.into())];
    let measured = [("duration_seconds", Some(seconds)), ("energy_joules", joules)];
    let ours =
        measured.into_iter().filter_map(|(key, value)| Some((key.to_owned(), MetricValue::Double(value?))));
    for (key, value) in outcome.metrics.iter().cloned().chain(ours) {
        if metrics.iter().all(|(other, _)| *other != key) {
            metrics.push((key, value));
        }
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_comes_first_and_no_key_twice() {
        let metrics = vec![
            ("num-examples".to_owned(), MetricValue::Int(9)),
            ("tokens".to_owned(), MetricValue::Int(5)),
            ("energy_joules".to_owned(), MetricValue::Double(2.0)),
        ];
        let outcome = Outcome { examples: 3, metrics, model: None, own: None };
        let record = record(&outcome, 1.5, Some(7.0));
        let keys: Vec<_> = record.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["num-examples", "tokens", "energy_joules", "duration_seconds"]);
        assert_eq!((&record[0].1, &record[2].1), (&MetricValue::Int(3), &MetricValue::Double(2.0)));
        assert_eq!(super::record(&outcome, 1.5, None).len(), 4);
    }
}
