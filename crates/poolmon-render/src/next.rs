//! The command that follows on an answer.

use poolmon_model::{Pool, Tag};
use poolmon_report::AnalysedSeries;

/// Who it is: the command that follows on a verdict, quoted for a shell.
pub fn who(tag: &Tag) -> String {
    let drivers = poolmon_owner::drivers_of(tag);
    format!("find the driver, with evidence: poolmon who {}{drivers}", quoted(tag))
}

/// Which code it is, of a slab cache of the running Linux: a trace needs the machine itself.
pub fn trace(judged: &AnalysedSeries, tag: &Tag, pool: Pool) -> Option<String> {
    let cache = matches!(tag, Tag::Name(_)) && matches!(pool, Pool::Reclaimable | Pool::Unreclaimable);
    (cache && judged.is_live()).then(|| {
        format!("find the code that allocates and does not free: sudo poolmon trace {}", quoted(tag))
    })
}

fn quoted(tag: &Tag) -> String {
    let tag = tag.to_string();
    let tag = tag.trim_end();
    if tag.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
        tag.to_owned()
    } else {
        format!("'{}'", tag.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use poolmon_leak::{Analysis, AnalysisConfig};

    use super::*;

    #[test]
    fn a_trace_is_for_caches_of_the_running_machine() {
        let of = |source: &str, tag: &Tag, pool| {
            let analysis = Analysis::new(AnalysisConfig::default());
            let judged = AnalysedSeries {
                source: source.into(),
                host: None,
                system: None,
                span: None,
                report: analysis.report(),
                needs: None,
                perfmon: None,
                analysis,
            };
            trace(&judged, tag, pool)
        };
        let cache = Tag::name("kmalloc-256");
        let live = of(AnalysedSeries::THIS_MACHINE, &cache, Pool::Unreclaimable);
        assert!(live.unwrap().ends_with("sudo poolmon trace kmalloc-256"));
        assert_eq!(of("recording", &cache, Pool::Unreclaimable), None);
        assert_eq!(of(AnalysedSeries::THIS_MACHINE, &cache, Pool::Vmalloc), None);
        let tag = Tag::pool(*b"Leak");
        assert_eq!(of(AnalysedSeries::THIS_MACHINE, &tag, Pool::Nonpaged), None);
    }
}
