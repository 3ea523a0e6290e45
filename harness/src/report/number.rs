//! Numbers for people.

/// `value` to four significant digits: plain between 10⁻³ and 10⁶, scientific beyond, an exact zero as `0`.
pub(crate) fn significant(value: f64) -> String {
    const DIGITS: i32 = 4;
    if value == 0.0 {
        return "0".into();
    }
    let magnitude = value.abs();
    if !magnitude.is_finite() {
        return value.to_string();
    }
    if (1e-3..1e6).contains(&magnitude) {
        let decimals = (DIGITS - 1 - magnitude.log10().floor() as i32).max(0) as usize;
        return format!("{value:.decimals$}");
    }
    format!("{value:.3e}")
}

/// `mean ± error`, the error to two significant digits and the mean to as many decimals.
pub(crate) fn with_error(mean: f64, error: f64) -> String {
    if !(mean.is_finite() && error.is_finite() && error > 0.0) {
        return significant(mean);
    }
    let decimals = 1 - error.log10().floor() as i32;
    if !(0..=6).contains(&decimals) {
        return format!("{} ± {}", significant(mean), significant(error));
    }
    let decimals = decimals as usize;
    format!("{mean:.decimals$} ± {error:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits() {
        for (value, text) in [
            (0.0, "0"),
            (33.916, "33.92"),
            (0.0012345, "0.001234"),
            (1.0, "1.000"),
            (123_456.7, "123457"),
            (2.5e-7, "2.500e-7"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(significant(value), text);
        }
    }

    #[test]
    fn errors_set_the_decimals() {
        assert_eq!(with_error(33.91612, 0.0234), "33.916 ± 0.023");
        assert_eq!(with_error(2.0, 0.0), "2.000");
        assert_eq!(with_error(2.0, f64::NAN), "2.000");
        assert_eq!(with_error(12345.0, 250.0), "12345 ± 250.0");
    }
}
