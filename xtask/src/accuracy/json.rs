//! The figures as JSON, for comparisons of two runs.

use serde_json::{Map, Value, json};

use crate::baselines::METHODS;
use crate::judge::LEVELS;
use crate::tally::{Share, Sums, Tally, quantile};

/// The whole document.
pub fn document(set: &str, first: u64, tally: &Tally, seconds: f64) -> String {
    let lengths: Map<String, Value> =
        tally.lengths.iter().map(|(length, of)| (length.name().to_owned(), sums(of))).collect();
    let mechanisms: Map<String, Value> = tally
        .mechanisms
        .iter()
        .map(|(mechanism, of)| {
            let value = json!({
                "recall": by_level(&of.recall),
                "wrong": numbers(&of.wrong),
                "neutral": numbers(&of.neutral),
            });
            (mechanism.name().to_owned(), value)
        })
        .collect();
    let bins: Vec<Value> = tally
        .reliability
        .bins
        .iter()
        .map(|&(stated, leaks, rows)| json!({"stated": stated, "leaks": leaks, "rows": rows}))
        .collect();
    let document = json!({
        "set": set,
        "first": first,
        "seconds": seconds,
        "all": sums(&tally.all),
        "lengths": lengths,
        "mechanisms": mechanisms,
        "reliability": bins,
        "calibration_error": tally.reliability.error(),
    });
    format!("{document:#}\n")
}

fn share(share: Share) -> Value {
    json!({"hits": share.hits, "of": share.of, "share": share.value()})
}

fn by_level(shares: &[Share]) -> Value {
    LEVELS
        .iter()
        .zip(shares)
        .map(|(level, of)| ((*level).to_owned(), share(*of)))
        .collect::<Map<_, _>>()
        .into()
}

fn numbers(counts: &[usize]) -> Value {
    LEVELS
        .iter()
        .zip(counts)
        .map(|(level, count)| ((*level).to_owned(), json!(count)))
        .collect::<Map<_, _>>()
        .into()
}

fn sums(sums: &Sums) -> Value {
    let method = |at: usize| {
        let method = sums.methods[at];
        json!({"top1": share(method.top), "in_first": share(method.in_first), "precision": share(method.precision)})
    };
    let methods: Map<String, Value> =
        METHODS.iter().enumerate().map(|(at, name)| ((*name).to_owned(), method(at))).collect();
    json!({
        "hosts": sums.hosts,
        "top1": share(sums.top),
        "in_first": share(sums.in_first),
        "recall": by_level(&sums.recall),
        "precision": by_level(&sums.precision),
        "neutral": numbers(&sums.neutral),
        "culprit": share(sums.culprit),
        "inside": by_level(&sums.inside),
        "rate_error": {"median": quantile(&sums.rate_errors, 0.5), "p90": quantile(&sums.rate_errors, 0.9)},
        "onset_error": {"median": quantile(&sums.onset_errors, 0.5), "p90": quantile(&sums.onset_errors, 0.9)},
        "methods": methods,
    })
}
