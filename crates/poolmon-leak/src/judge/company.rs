//! How sure it is of each member of a lockstep group that it leaks.

use poolmon_model::Pool;

use crate::suspicion::Level;
use crate::verdict::{Group, Verdict, VerdictKind};

/// What a row's own log odds weigh among others in lockstep with it, what the mean of the others' weighs, and what is added: a logistic
/// regression over the rows of groups on 1,221 tuning hosts. One cause loses all of its rows, but rows that follow the load go together,
/// too, and in far larger groups: of rows that had the confidence of the strongest, 0.8 to 0.95, 59 % leaked.
const IN_COMPANY: [f64; 3] = [0.88, 0.47, 1.45];

/// How sure it is that a member of a group leaks, by what it shows itself and what the others do; `None` if it did not grow.
fn in_company(own: &[Option<f64>], place: usize) -> Option<f64> {
    let odds = |confidence: f64| {
        let confidence = confidence.clamp(1e-5, 1.0 - 1e-5);
        (confidence / (1.0 - confidence)).ln()
    };
    let alone = own.get(place).copied().flatten()?;
    let others =
        own.iter().enumerate().filter(|(at, _)| *at != place).filter_map(|(_, own)| Some(odds((*own)?)));
    let (mut sum, mut count) = (0.0, 0.0);
    for other in others {
        (sum, count) = (sum + other, count + 1.0);
    }
    if count == 0.0 {
        return Some(alone);
    }
    let [own, company, more] = IN_COMPANY;
    let sum = own * odds(alone) + company * sum / count + more;
    Some(1.0 / (1.0 + (-sum).exp()))
}

/// A group is as sure as its strongest member, and its culprit speaks for it: they are one cause. The others are as sure as what they
/// show themselves and in company. Puts the verdicts back into order.
pub fn strongest(groups: &mut [Group], verdicts: &mut Vec<Verdict>) {
    for group in &*groups {
        let own = |&at: &usize| verdicts.get(at)?.confidence;
        let own: Vec<Option<f64>> = group.members.iter().map(own).collect();
        let members = || group.members.iter().filter_map(|&at| verdicts.get(at));
        let strongest = own.iter().copied().flatten().reduce(f64::max);
        let kind = members().map(|member| member.kind).min();
        let Some(kind) = kind.filter(|kind| *kind < VerdictKind::Growing) else { continue };
        let each = group.members.iter().enumerate();
        let in_company: Vec<Option<f64>> = each
            .map(|(place, &at)| if at == group.culprit { strongest } else { in_company(&own, place) })
            .collect();
        for (&at, confidence) in group.members.iter().zip(in_company) {
            let Some(verdict) = verdicts.get_mut(at) else { continue };
            let level = confidence.and_then(Level::of);
            let speaks = at == group.culprit;
            if verdict.kind == VerdictKind::Suspected && kind == verdict.kind {
                (verdict.level, verdict.confidence) = (level, confidence);
                if level.is_none() {
                    verdict.kind = VerdictKind::Growing;
                    verdict.reasons.push("grows with others that are less likely to leak".into());
                }
            } else if verdict.kind > kind && verdict.pool != Pool::Reclaimable && (speaks || level.is_some())
            {
                // What may not grow at all is not called a leak for its company.
                let sure = verdict.bytes.low > 0.0;
                verdict.kind = if sure && speaks { kind } else { kind.max(VerdictKind::Suspected) };
                verdict.needs_hours = None;
                verdict.reasons = vec!["grows in lockstep with one that is more likely to leak".into()];
                (verdict.level, verdict.confidence) = (level, confidence);
            }
        }
    }
    let mut order: Vec<usize> = (0..verdicts.len()).collect();
    order.sort_by_key(|&at| verdicts[at].kind);
    let mut place = vec![0; order.len()];
    for (new, &old) in order.iter().enumerate() {
        place[old] = new;
    }
    for group in groups {
        for member in &mut group.members {
            *member = place[*member];
        }
        group.culprit = place[group.culprit];
    }
    let mut old: Vec<Option<Verdict>> = std::mem::take(verdicts).into_iter().map(Some).collect();
    verdicts.extend(order.into_iter().filter_map(|at| old[at].take()));
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use poolmon_model::{CounterWidth, Counters, Origin, Row, Sample, SourceKind, Tag};

    use super::*;
    use crate::{Analysis, AnalysisConfig};

    #[test]
    fn company_counts_but_does_not_decide() {
        let among = |own: f64, others: &[f64]| {
            let all: Vec<Option<f64>> =
                std::iter::once(own).chain(others.iter().copied()).map(Some).collect();
            in_company(&all, 0).expect("it grew")
        };
        assert_eq!(in_company(&[Some(0.6)], 0), Some(0.6), "alone");
        assert_eq!(in_company(&[None, Some(0.9)], 0), None, "what did not grow has no confidence");
        // Suspects make each other more certain, and one among many that follow the load becomes less sure.
        assert!(among(0.6, &[0.9, 0.9]) > 0.8);
        assert!(among(0.6, &[0.02; 40]) < 0.5);
        // What shows nothing itself is not as sure as the strongest.
        assert!(among(0.05, &[0.95, 0.05, 0.05]) < 0.3);
        assert!(among(0.3, &[0.5]) < among(0.3, &[0.9]));
        assert!((0.0..=1.0).contains(&among(1.0, &[1.0])) && (0.0..=1.0).contains(&among(0.0, &[0.0])));
    }

    /// A verdict of this kind and confidence.
    fn verdict(tag: &str, kind: VerdictKind, confidence: f64) -> Verdict {
        let origin = Origin::new(SourceKind::Linux, &[Pool::Unreclaimable]);
        let mut sample = Sample::new(origin.into(), CounterWidth::Bits64);
        let mut analysis = Analysis::new(AnalysisConfig::default());
        for n in 0..40_u64 {
            sample.time = Timestamp::from_second(1_772_409_600 + (n * 600).cast_signed()).ok();
            let held = n * n % 7 + n * 1000;
            sample.rows = vec![Row {
                tag: Tag::name(tag),
                pool: Pool::Unreclaimable,
                counters: Counters {
                    reported_diff: Some(held.cast_signed()),
                    bytes: Some(held * 512),
                    ..Counters::default()
                },
                reported_owner: None,
            }];
            analysis.push(&sample);
        }
        let mut verdict = analysis.report().verdicts.pop().expect("a verdict");
        (verdict.kind, verdict.confidence, verdict.level) = (kind, Some(confidence), Level::of(confidence));
        verdict
    }

    /// What becomes of a group, of which the first is the culprit: tag, kind and confidence of each.
    fn judged(members: &[(&str, VerdictKind, f64)]) -> (Vec<(String, VerdictKind, f64)>, String) {
        let mut verdicts: Vec<Verdict> =
            members.iter().map(|(tag, kind, confidence)| verdict(tag, *kind, *confidence)).collect();
        let members = (0..verdicts.len()).collect();
        let mut groups = vec![Group { members, culprit: 0, reason: String::new(), bytes_per_hour: 1.0 }];
        strongest(&mut groups, &mut verdicts);
        let culprit = verdicts[groups[0].culprit].tag.to_string();
        let each =
            |verdict: &Verdict| (verdict.tag.to_string(), verdict.kind, verdict.confidence.unwrap_or(0.0));
        (verdicts.iter().map(each).collect(), culprit)
    }

    #[test]
    fn the_culprit_speaks_for_the_most_certain() {
        use VerdictKind::{Growing, Suspected};
        let (all, culprit) = judged(&[("own", Growing, 0.3), ("sure", Suspected, 0.97)]);
        assert_eq!(culprit, "own");
        let own = all.iter().find(|one| one.0 == "own").expect("it stays");
        assert_eq!((own.1, own.2), (Suspected, 0.97));
    }

    #[test]
    fn what_shows_nothing_is_not_accused_for_its_company() {
        use VerdictKind::{Growing, LoadDriven, Suspected};
        let load =
            [("a", LoadDriven, 0.005), ("b", Growing, 0.005), ("c", Growing, 0.004), ("d", Growing, 0.003)];
        let (all, _) = judged(&[&[("own", Suspected, 0.9)][..], &load].concat());
        for (tag, kind, _) in load {
            let one = all.iter().find(|one| one.0 == tag).expect("it stays");
            assert_eq!(one.1, kind, "{tag}");
            assert!(one.2 < 0.2, "{tag}: {}", one.2);
        }
        // A suspect among many that are none was one of the load's rows, too.
        let (all, _) = judged(&[&[("own", Suspected, 0.6), ("weak", Suspected, 0.55)][..], &load].concat());
        assert_eq!(all.iter().find(|one| one.0 == "weak").map(|one| one.1), Some(Growing));
        // Two that are nearly sure make a third one more certain.
        let (all, _) = judged(&[("own", Suspected, 0.95), ("two", Suspected, 0.9), ("third", Growing, 0.45)]);
        let third = all.iter().find(|one| one.0 == "third").expect("it stays");
        assert!(third.1 == Suspected && third.2 > 0.5, "{third:?}");
    }
}
