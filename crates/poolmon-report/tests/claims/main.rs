//! Every sentence that is printed about a row, worked out again from the samples of random histories.
//!
//! `history.rs` makes the histories; `raw.rs` knows every sentence and what has to be so for it to be true. A sentence that is not
//! known there fails: who adds one says there how it is checked.
#![allow(
    missing_docs,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    clippy::semicolon_if_nothing_returned,
    clippy::similar_names,
    reason = "a test with small numbers"
)]

mod history;
mod raw;

use history::{Plans, plans};
use poolmon_leak::Analysis;
use poolmon_report::AnalysedSeries;
use proptest::prelude::*;

/// Judges a history as `poolmon leaks` does; gives each sentence that is not true.
fn false_sentences(plans: &Plans) -> Vec<String> {
    let history = plans.run();
    let mut analysis = Analysis::new(AnalysedSeries::config());
    for sample in &history.samples {
        analysis.push(sample);
    }
    let judged = AnalysedSeries {
        source: "a folder".into(),
        host: None,
        system: None,
        span: None,
        report: analysis.report(),
        needs: analysis.needs(),
        perfmon: None,
        analysis,
        last: history.samples[history.samples.len() - 1].clone(),
        holders: rustc_hash::FxHashMap::default(),
    };
    let judged = judged.with_first(&history.samples[0].rows);
    raw::false_sentences(&history, &judged)
}

/// Some thousand, unless `PROPTEST_CASES` asks for others.
fn cases() -> u32 {
    if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { 4000 }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, cases: cases(), ..ProptestConfig::default() })]
    #[test]
    fn no_sentence_is_false(plans in plans()) {
        let wrong = false_sentences(&plans);
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
