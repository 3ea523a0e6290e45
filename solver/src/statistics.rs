//! Sample means and Student's bounds on what they estimate.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The `level` quantile of Student's t with `freedom` degrees of freedom; infinite (a bound that says nothing) where that is
/// not defined: no degree of freedom, or a level outside (0, 1).
pub(crate) fn student_quantile(level: f64, freedom: usize) -> f64 {
    if !(level > 0.0 && level < 1.0) {
        return f64::INFINITY;
    }
    StudentsT::new(0.0, 1.0, freedom as f64).map_or(f64::INFINITY, |student| student.inverse_cdf(level))
}

/// The mean of independent draws and its standard error `s/√n`, which is infinite for fewer than two draws.
pub(crate) fn mean_and_error(draws: &[f64]) -> (f64, f64) {
    let count = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / count;
    if draws.len() < 2 {
        return (mean, f64::INFINITY);
    }
    let squares: f64 = draws.iter().map(|draw| (draw - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
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
        // Far in the tail of many degrees of freedom: the normal quantile.
        assert!((student_quantile(1.0 - 1e-6, 1_000_000) - 4.753_424).abs() < 1e-3);
        for (level, freedom) in [(0.95, 0), (1.0, 5), (0.0, 5), (f64::NAN, 5)] {
            assert_eq!(student_quantile(level, freedom), f64::INFINITY);
        }
    }

    #[test]
    fn the_error_is_that_of_the_mean() {
        let (mean, error) = mean_and_error(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(mean, 2.5);
        assert!((error - (5.0_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-15);
        assert_eq!(mean_and_error(&[7.0]), (7.0, f64::INFINITY));
    }
}
