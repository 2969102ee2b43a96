//! The work of a host: requests with the rhythm of days and weeks, wandering, bursts and flash crowds.

use super::chance::Chance;
use super::schedule::Schedule;

/// What happens on the whole host from one sample to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    /// Hours from the first sample to its start.
    pub from: f64,
    /// To its end.
    pub to: f64,
    /// Work done: 1 an hour on average over a week.
    pub work: f64,
    /// Working hours in it.
    pub office: f64,
    /// Share of a full office that is logged on at its end, 0 to 1.
    pub present: f64,
    /// Nights (03:00) that begin in it.
    pub nights: u32,
    /// The machine was rebooted in it.
    pub reboot: bool,
}

impl Step {
    /// Hours in it.
    pub(crate) fn hours(&self) -> f64 {
        self.to - self.from
    }

    /// Work for something that follows the load by this part, 0 to 1.
    pub(crate) fn demand(&self, follows: f64) -> f64 {
        self.hours() * (1.0 - follows) + self.work * follows
    }

    /// Hours of it within a stretch of time.
    pub(crate) fn within(&self, from: f64, to: f64) -> f64 {
        (self.to.min(to) - self.from.max(from)).max(0.0)
    }
}

/// Longest piece in which the load counts as constant, hours.
const PIECE: f64 = 0.1;

/// How the load of a host behaves.
struct Load {
    /// Part of the load that is there at night.
    night: f64,
    /// Part of a working day's load on Saturdays and Sundays.
    weekend: f64,
    /// Hour at which the day's work begins.
    opens: f64,
    /// Hour at which it ends.
    closes: f64,
    /// How far the load wanders, relative.
    wander: f64,
    /// Bursts an hour.
    bursts: f64,
    /// A flash crowd: from, to, factor.
    crowd: Option<(f64, f64, f64)>,
}

impl Load {
    fn draw(schedule: &Schedule, chance: &mut Chance) -> Self {
        let span = schedule.span();
        let crowd = chance.happens(0.12).then(|| {
            let from = span * chance.between(0.2, 0.9);
            (from, from + span * chance.between(0.03, 0.2), chance.magnitude(3.0, 12.0))
        });
        let opens = chance.between(6.0, 9.5);
        Self {
            night: chance.weighted(&[(2.0, 0.1), (2.0, 0.4), (1.0, 1.0)]),
            weekend: chance.weighted(&[(1.0, 0.1), (1.0, 0.5), (1.0, 1.0)]),
            opens,
            closes: opens + chance.between(8.0, 12.0),
            wander: chance.between(0.05, 0.35),
            bursts: chance.magnitude(0.02, 1.0),
            crowd,
        }
    }

    /// How much of a full working hour's load there is at a moment of the week, without noise.
    fn rhythm(&self, of_week: f64) -> f64 {
        let level = self.night + (1.0 - self.night) * self.day(of_week.rem_euclid(24.0));
        if of_week >= 120.0 { level * self.weekend } else { level }
    }

    /// 0 at night, 1 in the day, with an hour and a half of transition.
    fn day(&self, of_day: f64) -> f64 {
        let ramp = |from: f64| ((of_day - from) / 1.5).clamp(0.0, 1.0);
        ramp(self.opens - 0.75) - ramp(self.closes - 0.75)
    }

    /// Mean of the rhythm over a week.
    fn mean(&self) -> f64 {
        (0..672).map(|quarter| self.rhythm(f64::from(quarter) / 4.0)).sum::<f64>() / 672.0
    }

    fn is_office(&self, of_week: f64) -> bool {
        of_week < 120.0 && self.day(of_week.rem_euclid(24.0)) > 0.5
    }
}

/// The steps between the samples of a schedule.
pub(crate) fn steps(schedule: &Schedule, chance: &mut Chance) -> Vec<Step> {
    let load = Load::draw(schedule, chance);
    let mean = load.mean();
    let mut wander = chance.normal();
    let mut burst_until = f64::MIN;
    let mut steps = Vec::with_capacity(schedule.hours.len());
    for (at, ends) in schedule.hours.windows(2).enumerate() {
        let (from, to) = (ends[0], ends[1]);
        let mut step = Step { from, to, reboot: schedule.reboot == Some(at + 1), ..Step::default() };
        let pieces = ((to - from) / PIECE).ceil().max(1.0);
        let piece = (to - from) / pieces;
        for number in 0..pieces as u64 {
            let now = from + (number as f64 + 0.5) * piece;
            let of_week = schedule.of_week(now);
            // An Ornstein-Uhlenbeck process that forgets within some forty minutes.
            let keeps = (-piece / 0.7).exp();
            wander = wander * keeps + (1.0 - keeps * keeps).sqrt() * chance.normal();
            if chance.happens(load.bursts * piece) {
                burst_until = now + chance.wait(0.12);
            }
            let mut level = load.rhythm(of_week) / mean * (load.wander * wander).exp();
            if now < burst_until {
                level *= 3.0;
            }
            if let Some((_, _, factor)) = load.crowd.filter(|crowd| (crowd.0..crowd.1).contains(&now)) {
                level *= factor;
            }
            step.work += level * piece;
            step.office += if load.is_office(of_week) { piece } else { 0.0 };
        }
        let nights = |hours: f64| ((schedule.of_week(0.0) + hours - 3.0) / 24.0).floor();
        step.nights = (nights(to) - nights(from)) as u32;
        let end = schedule.of_week(to);
        step.present = if end < 120.0 { 0.03 + 0.97 * load.day(end.rem_euclid(24.0)) } else { 0.03 };
        steps.push(step);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::super::schedule::Length;
    use super::*;

    #[test]
    fn two_weeks_hold_two_weeks_of_work_ten_working_days_and_fourteen_nights() {
        let mut work = 0.0;
        for seed in 0..40 {
            let schedule = Schedule::draw(Length::TwoWeeks, 200, &mut Chance::new(seed, 0));
            let steps = steps(&schedule, &mut Chance::new(seed, 1));
            work += steps.iter().map(|step| step.work).sum::<f64>() / 336.0 / 40.0;
            let office: f64 = steps.iter().map(|step| step.office).sum();
            assert!((75.0..125.0).contains(&office), "{office}");
            assert_eq!(steps.iter().map(|step| step.nights).sum::<u32>(), 14);
        }
        // Bursts and flash crowds come on top of the 1 an hour.
        assert!((0.95..1.6).contains(&work), "{work}");
    }
}
