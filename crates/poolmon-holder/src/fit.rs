//! Whether the course of a holder explains the course of a row.
//!
//! Both are put against time by least squares. What remains of the row when the holder is subtracted has a slope of its own. Its interval
//! (95 %) is by Ibragimov and Müller (Journal of Business & Economic Statistics 28, 2010): the slopes of a few stretches, one after the
//! other, as Student's t has it. What remains is no noise that forgets from sample to sample: the kernel counts the free places of each
//! processor's slabs as objects, so that a row falls behind its holder until these are filled, once.

/// A row over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// Seconds since the first sample, rising.
    pub seconds: Vec<f64>,
    /// Objects at each of them.
    pub objects: Vec<f64>,
}

/// Points below which nothing is said.
const LEAST: usize = 6;

/// The part of a row's growth that a holder explains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Explained {
    /// 1 = all of it.
    pub share: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How far the two courses are apart at most when each is put to the same growth, as a part of the growth: 0 = in step.
    pub apart: f64,
    /// The part of the row's ups and downs about its line that the holder has, too: 1 = each of them, 0 or less = none.
    pub steps: f64,
    /// The part of the row's squares about its mean that remains without the holder: 0 = it has the row's very course. Who grows by as
    /// much as the row, but at another time, leaves more than who does at the same time.
    pub rest: f64,
}

/// Compares; `None` if the row does not grow, the holder does not, or there are fewer than six points.
pub fn compare(row: &Course, held: &[f64]) -> Option<Explained> {
    if row.seconds.len() < LEAST || row.seconds.len() != row.objects.len() || row.objects.len() != held.len()
    {
        return None;
    }
    let of_row = line(&row.seconds, &row.objects)?;
    let of_held = line(&row.seconds, held)?;
    if of_row.slope <= 0.0 || of_held.slope <= 0.0 {
        return None;
    }
    let rest: Vec<f64> = row.objects.iter().zip(held).map(|(row, held)| row - held).collect();
    let of_rest = line(&row.seconds, &rest)?;
    let share = |slope: f64| 1.0 - slope / of_row.slope;
    let length = row.seconds.last()? - row.seconds.first()?;
    let gaps = row.objects.iter().zip(held).map(|(row, held)| {
        ((row - of_row.mean) / of_row.slope - (held - of_held.mean) / of_held.slope).abs() / length
    });
    let squares = |values: &[f64], mean: f64| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    Some(Explained {
        share: share(of_rest.slope),
        low: share(of_rest.high()),
        high: share(of_rest.low()),
        apart: gaps.fold(0.0, f64::max),
        steps: 1.0
            - about(&row.seconds, &rest, &of_rest)? / about(&row.seconds, &row.objects, &of_row)?.max(1e-9),
        rest: squares(&rest, of_rest.mean) / squares(&row.objects, of_row.mean).max(1e-9),
    })
}

/// Squares about a line.
fn about(x: &[f64], y: &[f64], line: &Line) -> Option<f64> {
    let middle = (!x.is_empty()).then(|| x.iter().sum::<f64>() / x.len() as f64)?;
    Some(x.iter().zip(y).map(|(x, y)| (y - line.mean - line.slope * (x - middle)).powi(2)).sum())
}

impl Explained {
    /// The same as a part of the whole: who grows by more than the row (what others freed, places that were free) explains all of it, and
    /// no more.
    pub(crate) fn clipped(self) -> Self {
        let part = |share: f64| share.clamp(0.0, 1.0);
        Self { share: part(self.share), low: part(self.low), high: part(self.high), ..self }
    }
}

/// A line through points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Per second.
    pub slope: f64,
    /// Mean of the values.
    pub mean: f64,
    /// Half the interval (95 %) of the slope.
    pub half: f64,
}

impl Line {
    /// Lower end of the slope's interval.
    pub const fn low(&self) -> f64 {
        self.slope - self.half
    }

    /// Its upper end.
    pub const fn high(&self) -> f64 {
        self.slope + self.half
    }
}

/// Student's t, 97.5 %, for 1, 2, 3 and 4 degrees of freedom: of two to five stretches.
const STUDENT: [f64; 4] = [12.706, 4.303, 3.182, 2.776];

/// Least squares, with the interval of Ibragimov and Müller; `None` for fewer than three points or without length.
pub fn line(x: &[f64], y: &[f64]) -> Option<Line> {
    let n = x.len() as f64;
    if x.len() < 3 || x.len() != y.len() {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (middle, mean_y) = (mean(x), mean(y));
    let squares: f64 = x.iter().map(|x| (x - middle).powi(2)).sum();
    if squares <= 0.0 {
        return None;
    }
    let slope = x.iter().zip(y).map(|(x, y)| (x - middle) * (y - mean_y)).sum::<f64>() / squares;
    let stretches = (x.len() - 1).min(STUDENT.len() + 1);
    let end = |stretch: usize| {
        let at = stretch * (x.len() - 1) / stretches;
        Some((*x.get(at)?, *y.get(at)?))
    };
    let slopes: Option<Vec<f64>> = (0..stretches)
        .map(|stretch| {
            let ((from, before), (to, then)) = (end(stretch)?, end(stretch + 1)?);
            (to > from).then(|| (then - before) / (to - from))
        })
        .collect();
    let slopes = slopes?;
    let count = slopes.len() as f64;
    let middle = slopes.iter().sum::<f64>() / count;
    let variance = slopes.iter().map(|slope| (slope - middle).powi(2)).sum::<f64>() / (count - 1.0);
    // The line's slope is none of theirs: as far as it is from their mean, it is uncertain, too.
    let half =
        STUDENT.get(slopes.len().checked_sub(2)?)? * (variance / count).sqrt() + (slope - middle).abs();
    Some(Line { slope, mean: mean_y, half })
}

/// A course that is level at first bends if a level and then a line leaves at most this part of the squares that one line leaves.
const BENDS: f64 = 0.25;

/// From which point on it grows, if it was level before: the bend of the level and the line that fit best (least squares), with at least
/// six points from there on, and three before.
pub fn bend(x: &[f64], y: &[f64]) -> Option<usize> {
    let (n, first) = (x.len() as f64, *x.first()?);
    let whole = line(x, y)?;
    let squares: f64 = y.iter().map(|y| (y - whole.mean).powi(2)).sum();
    let one_line = about(x, y, &whole)?;
    let mut best = None;
    // Sums over what lies behind the bend, from the last point on.
    let (mut count, mut sum_x, mut squares_x, mut total, mut products) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (at, (x, y)) in x.iter().zip(y).enumerate().rev() {
        let (x, y) = (x - first, y - whole.mean);
        count += 1.0;
        sum_x += x;
        squares_x += x * x;
        total += y;
        products += x * y;
        if count < LEAST as f64 || at < 3 {
            continue;
        }
        // Of z = max(0, x - bend): its sum, its squares about their mean, its products with y.
        let sum_z = sum_x - count * x;
        let of_z = squares_x - 2.0 * x * sum_x + count * x * x - sum_z * sum_z / n;
        let product = products - x * total;
        if of_z <= 0.0 || product <= 0.0 {
            continue;
        }
        let left = squares - product * product / of_z;
        if best.is_none_or(|(least, _)| left < least) {
            best = Some((left, at));
        }
    }
    let (left, at) = best?;
    (left <= BENDS * one_line && one_line > 1e-9 * squares).then_some(at)
}

/// A course most of whose growth comes at once has jumped: this part of it.
const JUMP: f64 = 0.8;

/// What has been level at the end for this part of the time has stopped, unless it often is for about as long.
const LEVEL: f64 = 0.25;

/// Whether it grows and goes on to: what jumped once (from one point to the next but one, as a count may come in the middle of it), or has
/// stopped, keeps what it has, and is in step with nothing.
pub fn goes_on(x: &[f64], y: &[f64]) -> bool {
    let (Some(first), Some(last)) = (y.first(), y.last()) else { return false };
    let growth = last - first;
    if growth <= 0.0 {
        return false;
    }
    let at_once = y.iter().zip(y.iter().skip(2)).map(|(before, after)| after - before).fold(0.0, f64::max);
    if y.len() >= LEAST && at_once >= JUMP * growth {
        return false;
    }
    // When it rose above all that was before.
    let (mut highest, mut rises) = (*first, Vec::new());
    for (at, count) in x.iter().zip(y) {
        if *count > highest {
            highest = *count;
            rises.push(*at);
        }
    }
    let (Some(begin), Some(end), Some(last)) = (x.first(), x.last(), rises.last()) else { return false };
    let longest = rises.iter().zip(rises.iter().skip(1)).map(|(from, to)| to - from).fold(0.0, f64::max);
    end - last < (LEVEL * (end - begin)).max(2.0 * longest)
}

/// Whether it grows beyond doubt: over all of the time, or since it bent.
pub fn grows(course: &Course) -> bool {
    let (x, y) = (&course.seconds, &course.objects);
    let rises = |x: &[f64], y: &[f64]| line(x, y).is_some_and(|line| line.low() > 0.0);
    let since = || bend(x, y).and_then(|at| Some(rises(x.get(at..)?, y.get(at..)?)));
    rises(x, y) || since().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_jumped_or_has_stopped_does_not_go_on() {
        let goes = |count: fn(f64) -> f64| {
            let x: Vec<f64> = (0..=40).map(f64::from).collect();
            let y: Vec<f64> = x.iter().copied().map(count).collect();
            goes_on(&x, &y)
        };
        assert!(goes(|at| 50.0 * at) && goes(|at| (at / 5.0).floor()), "also slowly");
        assert!(goes(|at| 100.0 * (at - 30.0).max(0.0)), "it began late");
        assert!(!goes(|at| if at < 9.0 { 40.0 } else { 20_000.0 }), "one jump");
        assert!(!goes(|at| if at < 39.0 { 40.0 } else { 20_000.0 }), "just now");
        assert!(!goes(|at| 2_000.0 * at.min(10.0)), "filled, and stopped");
        assert!(!goes(|_| 7.0) && !goes(|at| -at), "it does not grow");
        assert!(!goes_on(&[], &[]));
    }

    fn course(objects: Vec<f64>) -> Course {
        Course { seconds: (0..objects.len()).map(|at| at as f64).collect(), objects }
    }

    /// Worked out by hand: of ten points, stretches of 1, 2, 2, 2 and 2 seconds with slopes of 2, 1, 1.5, 1.5 and 0.5: their mean is
    /// 1.3, their variance 0.325. The line through all points has another slope.
    #[test]
    fn intervals_as_ibragimov_and_mueller_have_them() {
        let y = [1.0, 3.0, 2.0, 5.0, 4.0, 8.0, 7.0, 11.0, 12.0, 12.0];
        let x: Vec<f64> = (0..10).map(f64::from).collect();
        let found = line(&x, &y).unwrap();
        let student = 2.776 * (0.325_f64 / 5.0).sqrt();
        assert!((found.half - student - (found.slope - 1.3).abs()).abs() < 1e-9, "{found:?}");
        let even = line(&x, &x).unwrap();
        assert!((even.slope - 1.0).abs() < 1e-9 && even.half < 1e-9, "{even:?}");
    }

    /// A pseudo-random number between 0 and 1: the same in each run.
    fn dice(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 40) as f64 / (1_u64 << 24) as f64
    }

    /// What the kernel does: places that were free in slabs of processors are taken first, and slabs are counted whole. One holder is the
    /// only cause, and its interval has to contain all of the growth nearly always.
    #[test]
    fn the_only_cause_explains_all_within_its_interval() {
        let mut state = 7;
        let (mut right, mut wide) = (0, 0);
        for _ in 0..500 {
            let (free, from) = (100.0 * dice(&mut state), 25.0 * dice(&mut state) - 5.0);
            let held: Vec<f64> = (0..41).map(|at| f64::from(at) * 50.0).collect();
            let taken = |at: usize| ((at as f64 - from) * 50.0).clamp(0.0, free);
            let slabs = |objects: f64| (objects / 16.0).ceil() * 16.0;
            let row = course(held.iter().enumerate().map(|(at, held)| slabs(held - taken(at))).collect());
            let found = compare(&row, &held).unwrap();
            right += u32::from(found.low <= 1.0 && found.high >= 1.0);
            wide += u32::from(found.high - found.low > 0.3);
        }
        assert!(right >= 475, "{right} of 500");
        assert!(wide < 25, "{wide} of 500 say little");
    }

    #[test]
    fn who_grows_by_more_explains_all() {
        let explained = Explained { share: 1.2, low: 1.08, high: 1.33, apart: 0.0, steps: 1.0, rest: 0.0 };
        assert_eq!(explained.clipped(), Explained { share: 1.0, low: 1.0, high: 1.0, ..explained });
    }

    #[test]
    fn a_course_bends_where_it_begins_to_grow() {
        let x: Vec<f64> = (0..40).map(f64::from).collect();
        let from = |start: f64| x.iter().map(|x| 7.0 + 60.0 * (x - start).max(0.0)).collect::<Vec<_>>();
        assert_eq!(bend(&x, &from(20.0)), Some(20));
        assert_eq!(bend(&x, &from(0.0)), None, "it grew all the time");
        assert_eq!(bend(&x, &from(37.0)), None, "three points are no course");
        let jump: Vec<f64> = x.iter().map(|x| if *x < 20.0 { 0.0 } else { 900.0 }).collect();
        assert_eq!(bend(&x, &jump), None, "a jump");
        assert_eq!(bend(&x, &vec![3.0; 40]), None);
        assert!(grows(&course(from(20.0))) && grows(&course(from(0.0))) && !grows(&course(jump)));
    }

    /// A row that goes up and down and ends a little higher has a slope, which says nothing.
    #[test]
    fn a_slope_that_may_be_none_is_no_growth() {
        let waves = (0..40).map(|at| 900.0 * (f64::from(at) / 4.0).sin() + 3.0 * f64::from(at)).collect();
        let waves = course(waves);
        assert!(line(&waves.seconds, &waves.objects).unwrap().slope > 0.0);
        assert!(!grows(&waves));
    }

    #[test]
    fn a_holder_that_has_it_all() {
        let held: Vec<f64> = (0..40).map(|at| f64::from(at) * 50.0 + 1000.0).collect();
        let noise = |at: usize| [30.0, -20.0, 10.0, -40.0, 20.0][at % 5];
        let row = course(held.iter().enumerate().map(|(at, held)| held + 700.0 + noise(at)).collect());
        let found = compare(&row, &held).unwrap();
        assert!((found.share - 1.0).abs() < 0.02 && found.low < 1.0 && found.high > 1.0, "{found:?}");
        assert!(found.apart < 0.03, "{found:?}");
        let half: Vec<f64> = held.iter().map(|held| held / 2.0).collect();
        assert!((compare(&row, &half).unwrap().share - 0.5).abs() < 0.02);
    }

    #[test]
    fn a_holder_that_grew_at_another_time_is_not_in_step() {
        let row = course((0..40).map(f64::from).collect());
        let late: Vec<f64> = (0..40).map(|at| if at < 30 { 0.0 } else { 40.0 }).collect();
        let found = compare(&row, &late).unwrap();
        assert!(found.apart > 0.25, "{found:?}");
        // Half of it in step leaves a quarter of the squares.
        let half: Vec<f64> = row.objects.iter().map(|objects| objects / 2.0).collect();
        let of_half = compare(&row, &half).unwrap();
        assert!((of_half.rest - 0.25).abs() < 1e-9 && found.rest > of_half.rest, "{found:?} {of_half:?}");
    }

    #[test]
    fn nothing_is_said_of_what_does_not_grow() {
        let flat = vec![7.0; 40];
        let rising: Vec<f64> = (0..40).map(f64::from).collect();
        assert_eq!(compare(&course(flat.clone()), &rising), None);
        assert_eq!(compare(&course(rising.clone()), &flat), None);
        assert_eq!(compare(&course(rising[..5].to_vec()), &rising[..5]), None, "five points");
        assert_eq!(line(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None, "without length");
    }
}
