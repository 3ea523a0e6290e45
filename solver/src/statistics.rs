//! Sample means and Student's bounds on what they estimate.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// More degrees of freedom count as this many: the quantiles change no more, and fewer degrees only widen a bound.
const MOST_FREEDOM: usize = 1_000_000;
/// Halvings of the interval that holds a quantile: from a factor of 2 to rounding.
const BISECTIONS: usize = 52;

/// The `level` quantile of Student's t with `freedom` degrees of freedom times the standard error `error`; infinite (a bound that says
/// nothing) where the quantile is not defined or not finite: no degree of freedom, or a level outside (0, 1).
pub(crate) fn student_margin(level: f64, freedom: usize, error: f64) -> f64 {
    let quantile = student_quantile(level, freedom);
    if quantile.is_finite() { quantile * error } else { f64::INFINITY }
}

/// By bisection of the survival function, which keeps its relative accuracy far in the tail; `statrs`' own inverse loses it there and
/// returns bounds that are too narrow.
fn student_quantile(level: f64, freedom: usize) -> f64 {
    if !(level > 0.0 && level < 1.0) {
        return f64::INFINITY;
    }
    let Ok(student) = StudentsT::new(0.0, 1.0, freedom.min(MOST_FREEDOM) as f64) else {
        return f64::INFINITY;
    };
    let tail = level.min(1.0 - level);
    let (mut low, mut high) = (0.0, 1.0);
    while student.sf(high) > tail && high.is_finite() {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        if student.sf(middle) > tail { low = middle } else { high = middle }
    }
    if level < 0.5 { -low } else { high }
}

/// Mean and spread of independent draws of any size, taken one by one and not kept (Welford's recursion).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moments {
    count: usize,
    mean: f64,
    /// `√Σ (x − mean)²`; the sum itself leaves the range of a double where the root does not.
    spread: f64,
}

impl Moments {
    pub(crate) fn push(&mut self, draw: f64) {
        self.count += 1;
        let count = self.count as f64;
        let above = draw - self.mean;
        // Not `above/count`: of finite draws it may be infinite.
        self.mean += draw / count - self.mean / count;
        let still = draw - self.mean;
        self.spread = self.spread.hypot(above.abs().sqrt() * still.abs().sqrt());
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard error of the mean, `s/√n`; infinite for fewer than two draws, or where draws are further apart than any double.
    pub(crate) fn standard_error(&self) -> f64 {
        let count = self.count as f64;
        if self.count < 2 { f64::INFINITY } else { self.spread / ((count - 1.0) * count).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of the usual table.
    #[test]
    fn quantiles_are_those_of_the_table() {
        for (level, freedom, value) in
            [(0.95, 1, 6.314), (0.95, 9, 1.833), (0.975, 4, 2.776), (0.995, 30, 2.750), (0.5, 3, 0.0)]
        {
            assert!((student_quantile(level, freedom) - value).abs() < 5e-4, "{level} {freedom}");
        }
        // Far in the tail: the closed forms of one and of two degrees of freedom.
        for tail in [1e-3, 1e-6, 1e-9, 1e-12_f64] {
            let level = 1.0 - tail;
            let one = 1.0 / (std::f64::consts::PI * (1.0 - level)).tan();
            let two = (2.0 * level - 1.0) * (0.5 / (level * (1.0 - level))).sqrt();
            for (freedom, value) in [(1, one), (2, two)] {
                let found = student_quantile(level, freedom);
                assert!((found / value - 1.0).abs() < 1e-8, "{tail} {freedom}: {found} {value}");
                let opposite = student_quantile(1.0 - level, freedom);
                assert!((opposite / value + 1.0).abs() < 1e-8, "{tail} {freedom}: {opposite} {value}");
            }
        }
        assert!((student_quantile(0.95, usize::MAX) - 1.644_854).abs() < 1e-5);
        // Far in the tail of many degrees of freedom: the normal quantile.
        assert!((student_quantile(1.0 - 1e-6, 1_000_000) - 4.753_424).abs() < 1e-3);
        for (level, freedom) in [(0.95, 0), (1.0, 5), (0.0, 5), (f64::NAN, 5)] {
            assert_eq!(student_quantile(level, freedom), f64::INFINITY);
            assert_eq!(student_margin(level, freedom, 0.0), f64::INFINITY);
        }
    }

    #[test]
    fn the_error_is_that_of_the_mean() {
        let of = |draws: &[f64]| {
            let mut moments = Moments::default();
            draws.iter().for_each(|&draw| moments.push(draw));
            moments
        };
        let four = of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!((four.count(), four.mean()), (4, 2.5));
        assert!((four.standard_error() - (5.0_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-15);
        // Far from 0 nothing cancels.
        let far = of(&[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0, 1e9 + 4.0]);
        assert!((far.standard_error() / four.standard_error() - 1.0).abs() < 1e-9);
        assert_eq!((of(&[7.0]).mean(), of(&[7.0]).standard_error()), (7.0, f64::INFINITY));
        assert_eq!(of(&[0.3; 7]).standard_error(), 0.0);
        // At any size that a double has.
        for size in [1e-320, 1e-300, 1e-162, 1e-155, 1e155, 1e200, 1e307] {
            let scaled = of(&[1.0, 2.0, 3.0, 4.0].map(|draw| size * draw));
            let rounding = if size < f64::MIN_POSITIVE { 1e-3 } else { 1e-14 };
            assert!((scaled.mean() / size / 2.5 - 1.0).abs() < rounding, "{size:e}");
            let ratio = scaled.standard_error() / size / four.standard_error();
            assert!((ratio - 1.0).abs() < rounding, "{size:e}: {ratio}");
        }
        // Differences that no double holds: a bound that says nothing, of a mean that is right.
        let extremes = of(&[f64::MAX, -f64::MAX, f64::MAX, -f64::MAX]);
        assert!(extremes.mean().abs() <= f64::MAX * f64::EPSILON, "{:e}", extremes.mean());
        assert_eq!(extremes.standard_error(), f64::INFINITY);
    }
}
