//! Hosts written down by hand: `tests/scenarios/*.toml` names the shapes and the verdict expected of each.

use poolmon_model::{Pool, Tag};
use serde::Deserialize;

use super::plan::Follow;
use super::{Clock, Host, Limits, Load, Plan, Shape, random};

/// A scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Ordinary tags around the ones named here.
    #[serde(default)]
    pub background: usize,
    /// Length, hours.
    pub hours: f64,
    /// Seconds from sample to sample.
    pub interval_s: f64,
    /// Hour of the day at the start.
    #[serde(default = "nine")]
    pub start_hour: f64,
    /// Nothing is sampled between these hours.
    pub gap: Option<(f64, f64)>,
    /// The machine reboots at this hour.
    pub reboot: Option<f64>,
    /// Samples carry no boot id and no uptime.
    #[serde(default)]
    pub hides_boot: bool,
    /// Swing of the daily load, 0 to 1.
    #[serde(default)]
    pub load_swing: f64,
    /// Noise of the load.
    #[serde(default)]
    pub load_noise: f64,
    /// The load is multiplied from this hour on.
    pub load_shift_at: Option<f64>,
    /// By how much.
    #[serde(default = "one")]
    pub load_shift_by: f64,
    /// The tags.
    pub tag: Vec<TagEntry>,
}

/// A tag of a scenario.
#[derive(Clone, Debug, Deserialize)]
pub struct TagEntry {
    /// Its four characters.
    pub tag: String,
    /// `nonpaged` or `paged`.
    pub pool: String,
    /// Bytes of one allocation.
    pub per_alloc: f64,
    /// Outstanding allocations.
    pub base: f64,
    /// Noise, part of `base`.
    #[serde(default)]
    pub noise: f64,
    /// How far it follows the load.
    #[serde(default)]
    pub follows_load: f64,
    /// How often in an hour everything is freed and allocated again.
    #[serde(default = "one")]
    pub turnover: f64,
    /// Never frees.
    #[serde(default)]
    pub no_frees: bool,
    /// Appears at this hour.
    #[serde(default)]
    pub appears: f64,
    /// Counters pass 2³² on the way.
    #[serde(default)]
    pub wraps: bool,
    /// Dragged along by this tag, named earlier in the file.
    pub follows: Option<String>,
    /// Allocations for each of that tag's.
    #[serde(default = "once")]
    pub multiple: u32,
    /// The verdict expected; several where the evidence is on the border: `leaking or suspected`.
    pub expect: String,
    /// What it does.
    #[serde(flatten)]
    pub shape: Shape,
}

const fn nine() -> f64 {
    9.0
}

const fn one() -> f64 {
    1.0
}

const fn once() -> u32 {
    1
}

impl Scenario {
    /// Reads a scenario's text. The message says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// The host that the scenario describes.
    pub fn host(&self) -> Result<Host, String> {
        let mut plans: Vec<Plan> = Vec::new();
        for entry in &self.tag {
            let tag: poolmon_model::PoolTag =
                entry.tag.parse().map_err(|error: poolmon_model::tag::NotATag| error.to_string())?;
            let pool = Pool::parse(&entry.pool).ok_or_else(|| format!("`{}` is no pool", entry.pool))?;
            let mut plan = Plan::new(Tag::from(tag), pool, entry.per_alloc, entry.base);
            plan.noise = entry.noise;
            plan.gain = entry.follows_load;
            plan.turnover = entry.turnover;
            plan.no_frees = entry.no_frees;
            plan.appears = entry.appears;
            plan.wraps = entry.wraps;
            plan.shape = entry.shape;
            plan.expect = Some(entry.expect.clone());
            if let Some(name) = &entry.follows {
                let leader =
                    self.tag.iter().position(|other| other.tag == *name).filter(|at| *at < plans.len());
                let leader = leader.ok_or_else(|| format!("`{name}` is not named before `{}`", entry.tag))?;
                plan.follows = Some(Follow { leader, multiple: entry.multiple });
            }
            plans.push(plan);
        }
        plans.extend(random::quiet(self.seed, self.background));
        let clock = Clock {
            hours: self.hours,
            interval: self.interval_s,
            start_hour: self.start_hour,
            gap: self.gap,
            reboot: self.reboot,
            tells_boot: !self.hides_boot,
        };
        let mut load = Load::steady();
        load.swing = self.load_swing;
        load.noise = self.load_noise;
        load.shift_at = self.load_shift_at;
        load.shift_by = self.load_shift_by;
        let limits = Limits { memory: 16 << 30, commit: 20 << 30 };
        Ok(Host::new(self.seed, plans, clock, load, limits))
    }
}
