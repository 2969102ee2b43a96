//! The load of a machine over time: a daily rhythm, week-ends, noise, busy episodes, and a shift that stays.

use super::rng::Rng;

/// How the load moves. Its long-run mean is about 1.
#[derive(Clone, Debug)]
pub struct Load {
    /// Swing of the daily rhythm, 0 to 1.
    pub swing: f64,
    /// Hour of the day with the highest load.
    pub peak: f64,
    /// Load on Saturday and Sunday against other days.
    pub weekend: f64,
    /// Standard deviation of its noise.
    pub noise: f64,
    /// Busy episodes in a day (a backup, a build).
    pub episodes: f64,
    /// From this hour of the recording on, load is multiplied.
    pub shift_at: Option<f64>,
    /// By how much.
    pub shift_by: f64,
    slow: f64,
    busy_until: f64,
    busy_by: f64,
}

impl Load {
    /// A steady load of 1.
    pub const fn steady() -> Self {
        Self {
            swing: 0.0,
            peak: 15.0,
            weekend: 1.0,
            noise: 0.0,
            episodes: 0.0,
            shift_at: None,
            shift_by: 1.0,
            slow: 0.0,
            busy_until: -1.0,
            busy_by: 1.0,
        }
    }

    /// A load as servers and desktops have it.
    pub fn random(rng: &mut Rng) -> Self {
        Self {
            swing: rng.between(0.1, 0.7),
            peak: rng.between(10.0, 18.0),
            weekend: if rng.chance(0.5) { rng.between(0.4, 0.9) } else { 1.0 },
            noise: rng.between(0.02, 0.2),
            episodes: rng.between(0.0, 6.0),
            ..Self::steady()
        }
    }

    /// The load `hour` hours into the recording, at hour `of_day` of day `day`, `step` hours after the last call.
    pub fn at(&mut self, hour: f64, of_day: f64, day: u64, step: f64, rng: &mut Rng) -> f64 {
        let memory = (-step / 0.5).exp();
        self.slow = self.slow * memory + (1.0 - memory * memory).sqrt() * rng.normal();
        if hour > self.busy_until && rng.chance(self.episodes / 24.0 * step) {
            self.busy_until = hour + rng.between(0.1, 1.2);
            self.busy_by = rng.between(1.4, 3.5);
        }
        let rhythm = 1.0 + self.swing * ((of_day - self.peak) / 24.0 * std::f64::consts::TAU).cos();
        let weekend = if day % 7 >= 5 { self.weekend } else { 1.0 };
        let busy = if hour <= self.busy_until { self.busy_by } else { 1.0 };
        let shift = if self.shift_at.is_some_and(|at| hour >= at) { self.shift_by } else { 1.0 };
        (rhythm * weekend * busy * shift * (1.0 + self.noise * self.slow)).max(0.02)
    }
}
