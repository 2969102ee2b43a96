//! Whether a leak goes with a version of its driver: Fisher's exact test.
//!
//! R. A. Fisher, *The Design of Experiments* (1935); one-sided: at least N of the leaking hosts have it by chance.

use serde::Serialize;

/// One version of a driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// Driver and version (`example.sys 1.2.3`).
    pub name: String,
    /// Hosts that have it and the tag.
    pub hosts: usize,
    /// Of these, hosts where the tag leaks.
    pub leaking: usize,
}

/// The version with which the leak goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// All versions, the one with the leak first.
    pub versions: Vec<Version>,
    /// That chance puts the leaking hosts there, times the number of versions that were tried.
    pub p: f64,
}

/// The version that stands out, if one does more than chance explains: one in twenty.
pub fn find(mut versions: Vec<Version>) -> Option<Contrast> {
    if versions.len() < 2 {
        return None;
    }
    let all = versions.iter().map(|version| version.hosts).sum();
    let leaking = versions.iter().map(|version| version.leaking).sum();
    let p = |version: &Version| tail(version.leaking, version.hosts, leaking, all);
    let (first, least) = versions.iter().map(p).enumerate().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let p = (least * versions.len() as f64).min(1.0);
    if p > 0.05 {
        return None;
    }
    let first = versions.remove(first);
    versions.sort_by(|a, b| {
        b.leaking.cmp(&a.leaking).then(b.hosts.cmp(&a.hosts)).then_with(|| a.name.cmp(&b.name))
    });
    versions.insert(0, first);
    Some(Contrast { versions, p })
}

/// That of `all` hosts, `marked` of them drawn at random, at least `hits` fall among `group`.
fn tail(hits: usize, group: usize, marked: usize, all: usize) -> f64 {
    let logs: Vec<f64> = std::iter::once(0.0)
        .chain((1..=all).scan(0.0, |sum, n| {
            *sum += (n as f64).ln();
            Some(*sum)
        }))
        .collect();
    let choose = |n: usize, k: usize| logs[n] - logs[k] - logs[n - k];
    let most = group.min(marked);
    let chance =
        |hits: usize| (choose(group, hits) + choose(all - group, marked - hits) - choose(all, marked)).exp();
    let possible = |hits: &usize| marked - hits <= all - group;
    (hits..=most).filter(possible).map(chance).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: &str, leaking: usize, hosts: usize) -> Version {
        Version { name: name.into(), hosts, leaking }
    }

    #[test]
    fn fishers_own_tea() {
        // Four of four: 1 in 70. Three or more: 17 in 70.
        assert!((tail(4, 4, 4, 8) - 1.0 / 70.0).abs() < 1e-12);
        assert!((tail(3, 4, 4, 8) - 17.0 / 70.0).abs() < 1e-12);
        assert!((tail(0, 4, 4, 8) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn against_exact_fractions() {
        // Sums of binomial coefficients as integers of any length, in Python (math.comb).
        assert!((tail(37, 314, 37, 412) / 2.511_140_967_641_019e-5 - 1.0).abs() < 1e-9);
        assert!((tail(3, 12, 4, 40) / 0.072_819_783_346_099_13 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_version_that_leaks_comes_first() {
        let found = find(vec![version("x 1.2.4", 0, 98), version("x 1.2.3", 37, 314)]).unwrap();
        assert_eq!(found.versions[0].name, "x 1.2.3");
        assert!(found.p < 0.001, "{}", found.p);
        assert_eq!(find(vec![version("a", 3, 50), version("b", 2, 50)]), None, "chance");
        assert_eq!(find(vec![version("a", 3, 3)]), None, "nothing to compare with");
        // One of two versions would stand out like this (p = 0.028); of three, one does so by chance too often.
        assert!(tail(4, 10, 5, 30) < 0.05);
        assert_eq!(find(vec![version("a", 4, 10), version("b", 1, 10), version("c", 0, 10)]), None);
    }
}
