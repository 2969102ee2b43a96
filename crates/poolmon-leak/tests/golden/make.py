"""Makes the golden values of tests/golden.rs from independent implementations.

    pip install scipy pymannkendall && python make.py

The inputs are written by a formula, so that both sides build the same ones.
"""
import numpy as np
import pymannkendall
import scipy
from scipy import stats


def lcg(seed, n):
    """Uniform numbers of a linear congruential generator (Knuth's MMIX constants), the same in Rust."""
    out, state = [], seed
    for _ in range(n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((state >> 11) / 2**53)
    return np.array(out)


def series():
    n = 80
    u = lcg(1, n)
    white = 5.0 * u + 0.05 * np.arange(n)
    ties = np.floor(4 * lcg(2, n)) + np.arange(n) // 20
    e, ar = lcg(3, n) - 0.5, [0.0]
    for k in range(1, n):
        ar.append(0.8 * ar[-1] + e[k])
    ar = np.array(ar) + 0.01 * np.arange(n)
    step = lcg(4, n) + np.where(np.arange(n) >= 31, 1.5, 0.0)
    return {"white": white, "ties": ties, "ar": ar, "step": step}


print("scipy", scipy.__version__, "pymannkendall", pymannkendall.__version__)
for name, y in series().items():
    mk = pymannkendall.original_test(y)
    hr = pymannkendall.hamed_rao_modification_test(y)
    x = np.arange(len(y)) * 0.25
    ts = stats.theilslopes(y, x, 0.95)
    print(f'Golden {{ name: "{name}", s: {mk.s!r}, variance: {mk.var_s!r}, tau: {mk.Tau!r}, z: {mk.z!r}, p: {mk.p!r}, '
          f'hr_z: {hr.z!r}, hr_p: {hr.p!r}, hr_variance: {hr.var_s!r}, slope: {ts.slope!r}, low: {ts.low_slope!r}, '
          f'high: {ts.high_slope!r}, intercept: {ts.intercept!r} }},'.replace("np.float64(", "").replace(")", ""))
    ranks = stats.rankdata(y)
    k = np.arange(1, len(y) + 1)
    u = np.abs(2 * np.cumsum(ranks) - k * (len(y) + 1))
    print(f"  pettitt at {int(np.argmax(u))} k {float(np.max(u))!r}")
p = lcg(9, 12) ** 4
print("bh p", [float(v) for v in p])
print("bh q", [float(v) for v in stats.false_discovery_control(p)])
for z in (0.0, 0.3, 1.0, 1.959963984540054, 3.4, 6.0, 12.0):
    print("two_sided", z, repr(float(2 * stats.norm.sf(z))))
for q in (1e-9, 0.001, 0.02, 0.3, 0.5, 0.975, 0.9999):
    print("ppf", q, repr(float(stats.norm.ppf(q))))
# Least squares with two regressors.
y = series()["ar"]
X = np.column_stack([np.ones(80), np.arange(80) * 0.25, np.sin(np.arange(80) / 7)])
b, rss, *_ = np.linalg.lstsq(X, y, rcond=None)
print("ols", [float(v) for v in b], float(rss[0]))
# The signed-rank test of differences, with its interval by brute force over all signs.
def hodges_lehmann(d, alpha):
    n = len(d)
    means = sorted((d[i] + d[j]) / 2 for i in range(n) for j in range(i, n))
    sums = np.zeros(1)
    for rank in range(1, n + 1):
        sums = np.concatenate([sums, sums + rank])
    depth = 1
    while np.mean(sums <= depth) <= alpha / 2:
        depth += 1
    level = 1 - 2 * np.mean(sums <= depth - 1)
    return [float(v) for v in (np.median(means), means[depth - 1], means[-depth], level)]


exact = stats.PermutationMethod(n_resamples=10**9)
for name, d in {
    "plain": 8 * lcg(21, 14) - 2.5,
    "ties": np.floor(7 * lcg(22, 16)) - 2,
    "few": 3 * lcg(23, 5) - 0.5,
    "many": 10 * lcg(24, 150) - 4.5,
}.items():
    d = np.asarray(d)
    method = "approx" if len(d) > 100 else exact
    w = stats.wilcoxon(d[d != 0], alternative="greater", method=method, correction=len(d) > 100)
    print("wilcoxon", name, float(w.statistic), repr(float(w.pvalue)), hodges_lehmann(d, 0.05) if len(d) < 20 else "")
