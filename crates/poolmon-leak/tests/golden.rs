//! Golden values from independent implementations: scipy 1.17.1 and pymannkendall 1.4.3, printed by `golden/make.py`.
#![allow(clippy::unreadable_literal, reason = "golden values stand as they were printed")]

use poolmon_leak::stats::{
    change_point, false_discovery, mann_kendall, normal, regression, signed_rank, theil_sen,
};

/// Uniform numbers of a linear congruential generator (Knuth's MMIX constants), the same as in `make.py`.
fn lcg(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        })
        .collect()
}

fn series(name: &str) -> Vec<f64> {
    let n = 80;
    let at = |k: usize| k as f64;
    match name {
        "white" => lcg(1, n).iter().enumerate().map(|(k, u)| 5.0 * u + 0.05 * at(k)).collect(),
        "ties" => lcg(2, n).iter().enumerate().map(|(k, u)| (4.0 * u).floor() + at(k / 20)).collect(),
        "ar" => {
            let mut ar = vec![0.0];
            for u in &lcg(3, n)[1..] {
                ar.push(0.8 * ar[ar.len() - 1] + u - 0.5);
            }
            ar.iter().enumerate().map(|(k, value)| value + 0.01 * at(k)).collect()
        }
        _ => lcg(4, n).iter().enumerate().map(|(k, u)| u + if k >= 31 { 1.5 } else { 0.0 }).collect(),
    }
}

struct Golden {
    name: &'static str,
    s: f64,
    variance: f64,
    tau: f64,
    z: f64,
    p: f64,
    hr_z: f64,
    hr_p: f64,
    hr_variance: f64,
    slope: f64,
    low: f64,
    high: f64,
    intercept: f64,
    pettitt: (usize, f64),
}

const GOLDEN: [Golden; 4] = [
    Golden {
        name: "white",
        s: 1308.0,
        variance: 57933.333333333336,
        tau: 0.4139240506329114,
        z: 5.430143778017527,
        p: 5.630866839467785e-08,
        hr_z: 4.90734268587239,
        hr_p: 9.231864963599179e-07,
        hr_variance: 70934.64546143028,
        slope: 0.18538687010666582,
        low: 0.12133062807599926,
        high: 0.23711412705446505,
        intercept: 2.439566812455066,
        pettitt: (53, 988.0),
    },
    Golden {
        name: "ties",
        s: 1373.0,
        variance: 55722.333333333336,
        tau: 0.43449367088607593,
        z: 5.812185469957798,
        p: 6.1662466244172265e-09,
        hr_z: 5.541700852176754,
        hr_p: 2.9954772662321716e-08,
        hr_variance: 61294.57894802776,
        slope: 0.16552511415525112,
        low: 0.11594202898550725,
        high: 0.21052631578947367,
        intercept: 1.365439497716895,
        pettitt: (31, 1197.0),
    },
    Golden {
        name: "ar",
        s: 640.0,
        variance: 57933.333333333336,
        tau: 0.20253164556962025,
        z: 2.654829283973374,
        p: 0.007934855399057028,
        hr_z: 1.7131611468682932,
        hr_p: 0.08668289729543122,
        hr_variance: 139125.03402349527,
        slope: 0.027665555489211575,
        low: 0.006962070982942023,
        high: 0.04573190381045932,
        intercept: 0.25990639913393343,
        pettitt: (42, 979.0),
    },
    Golden {
        name: "step",
        s: 1728.0,
        variance: 57933.333333333336,
        tau: 0.5468354430379747,
        z: 7.175101992835707,
        p: 7.225331444260519e-13,
        hr_z: 3.4705312675186395,
        hr_p: 0.0005194298635604611,
        hr_variance: 247624.0099354466,
        slope: 0.10726593213091587,
        low: 0.08722501197753366,
        high: 0.12547450113097336,
        intercept: 0.5977027602213738,
        pettitt: (30, 1519.0),
    },
];

#[track_caller]
fn close(what: &str, ours: f64, golden: f64, relative: f64) {
    let away = (ours - golden).abs();
    assert!(away <= relative * golden.abs().max(1e-300), "{what}: {ours} instead of {golden}");
}

/// pymannkendall takes 1 − cdf, which keeps 16 places after the point and no more.
#[track_caller]
fn p_close(what: &str, ours: f64, golden: f64) {
    assert!((ours - golden).abs() <= 1e-15 + 1e-10 * golden, "{what}: {ours} instead of {golden}");
}

#[test]
fn mann_kendall_as_in_pymannkendall() {
    for golden in &GOLDEN {
        let y = series(golden.name);
        let test = mann_kendall::original(&y);
        close(golden.name, test.s, golden.s, 0.0);
        close(golden.name, test.variance, golden.variance, 1e-14);
        close(golden.name, test.tau, golden.tau, 1e-14);
        close(golden.name, test.z, golden.z, 1e-13);
        p_close(golden.name, test.p, golden.p);
    }
}

#[test]
fn hamed_rao_as_in_pymannkendall() {
    for golden in &GOLDEN {
        let y = series(golden.name);
        let x: Vec<f64> = (0..y.len()).map(|k| k as f64).collect();
        let slope = theil_sen::slope(&x, &y, 0.95, 1.0).expect("x differs").slope;
        let test = mann_kendall::hamed_rao(&y, slope, 0.05);
        close(golden.name, test.variance * test.correction, golden.hr_variance, 1e-11);
        close(golden.name, test.z, golden.hr_z, 1e-11);
        p_close(golden.name, test.p, golden.hr_p);
    }
}

#[test]
fn theil_sen_as_in_scipy() {
    for golden in &GOLDEN {
        let y = series(golden.name);
        let x: Vec<f64> = (0..y.len()).map(|k| k as f64 * 0.25).collect();
        let slope = theil_sen::slope(&x, &y, 0.95, 1.0).expect("x differs");
        close(golden.name, slope.slope, golden.slope, 1e-12);
        close(golden.name, slope.low, golden.low, 1e-12);
        close(golden.name, slope.high, golden.high, 1e-12);
        close(golden.name, slope.intercept, golden.intercept, 1e-12);
    }
}

#[test]
fn pettitt_by_its_definition() {
    for golden in &GOLDEN {
        let jump = change_point::pettitt(&series(golden.name)).expect("long enough");
        assert_eq!((jump.at, jump.k), golden.pettitt, "{}", golden.name);
    }
}

#[test]
fn false_discovery_as_in_scipy() {
    let p: Vec<f64> = lcg(9, 12).iter().map(|u| u.powi(4)).collect();
    let golden = [
        0.004507004265028009,
        0.4242013290328626,
        0.9709145865574336,
        0.007450067008611919,
        0.0003940690464883644,
        1.1843364846699167e-06,
        0.030891654118611653,
        0.4018531105426362,
        0.35034562079881226,
        0.006214492085877888,
        0.2975698422117896,
        0.7166145382212517,
    ];
    for (ours, golden) in false_discovery::adjust(&p).into_iter().zip(golden) {
        close("q", ours, golden, 1e-12);
    }
}

#[test]
fn normal_as_in_scipy() {
    for (z, p) in [
        (0.0, 1.0),
        (0.3, 0.7641771556220948),
        (1.0, 0.31731050786291415),
        (1.959963984540054, 0.05),
        (3.4, 0.0006738585313537617),
        (6.0, 1.973175290075389e-09),
        (12.0, 3.552964224155306e-33),
    ] {
        close("two-sided", normal::two_sided(z), p, 1e-11);
    }
    for (p, z) in [
        (1e-9, -5.9978070150076865),
        (0.001, -3.090232306167813),
        (0.02, -2.053748910631823),
        (0.3, -0.5244005127080409),
        (0.975, 1.959963984540054),
        (0.9999, 3.719016485455709),
    ] {
        close("quantile", normal::quantile(p), z, 1e-9);
    }
    assert!(normal::quantile(0.5).abs() < 1e-15);
}

#[test]
fn least_squares_as_in_numpy() {
    let y = series("ar");
    let x: Vec<f64> = (0..80).map(|k| f64::from(k) * 0.25).collect();
    let wave: Vec<f64> = (0..80).map(|k| (f64::from(k) / 7.0).sin()).collect();
    let fit = regression::fit(&[&x, &wave], &y).expect("columns differ");
    for (ours, golden) in
        fit.coefficients.iter().zip([0.08569908605969785, 0.046471514863237896, 0.4286019354519782])
    {
        close("coefficient", *ours, golden, 1e-10);
    }
    close("squares", fit.rss, 14.423960356949529, 1e-11);
}

#[test]
fn signed_ranks_as_in_scipy() {
    let plain: Vec<f64> = lcg(21, 14).iter().map(|u| 8.0 * u - 2.5).collect();
    let ties: Vec<f64> = lcg(22, 16).iter().map(|u| (7.0 * u).floor() - 2.0).collect();
    let few: Vec<f64> = lcg(23, 5).iter().map(|u| 3.0 * u - 0.5).collect();
    for (name, values, w, p, [estimate, low, high, level]) in [
        (
            "plain",
            &plain,
            72.0,
            0.12060546875,
            [1.3514133667919856, -0.4662621657343946, 2.7729878558746286, 0.9505615234375],
        ),
        ("ties", &ties, 69.0, 0.15130615234375, [1.0, -0.5, 2.0, 0.9556884765625]),
        ("few", &few, 14.0, 0.0625, [1.2854588902113004, -0.46033843175018163, 2.4373045011801047, 0.9375]),
    ] {
        let test = signed_rank::test(values);
        close(name, test.w, w, 1e-12);
        close(name, test.p, p, 1e-12);
        let at = signed_rank::location(values, 0.05).expect("there are differences");
        close(name, at.estimate, estimate, 1e-12);
        close(name, at.low, low, 1e-12);
        close(name, at.high, high, 1e-12);
        close(name, signed_rank::level(values.len(), 0.05), level, 1e-12);
    }
    let many: Vec<f64> = lcg(24, 150).iter().map(|u| 10.0 * u - 4.5).collect();
    let test = signed_rank::test(&many);
    close("many", test.w, 5454.0, 1e-12);
    close("many", test.p, 0.6525204154382827, 1e-9);
}
