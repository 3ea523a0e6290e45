//! Axes that fit what they show.

/// A vertical axis: logarithmic where values differ widely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    pub logarithmic: bool,
    pub minimum: f64,
    pub maximum: f64,
}

impl Axis {
    /// From 0 up, or logarithmic where the positive values span more than a factor of 30; none without a finite value.
    pub fn fitting(values: &[f64]) -> Option<Self> {
        let (least, most) = extremes(values.iter().copied().filter(|&value| value > 0.0))
            .or_else(|| extremes(values.iter().copied()))?;
        if least > 0.0 && most / least > 30.0 {
            return Some(Self {
                logarithmic: true,
                minimum: 10f64.powf(least.log10().floor()),
                maximum: 10f64.powf(most.log10().ceil()),
            });
        }
        Some(Self { logarithmic: false, minimum: 0.0, maximum: round_up(most) })
    }

    /// Linear, close around the values; none without a finite value.
    pub fn near(values: &[f64]) -> Option<Self> {
        let (least, most) = extremes(values.iter().copied())?;
        let margin = (0.1 * (most - least)).max(1e-3 * most.abs()).max(1e-12);
        Some(Self { logarithmic: false, minimum: least - margin, maximum: most + margin })
    }

    /// Close around values within a factor of 2 of each other, where zero means nothing; otherwise as [`fitting`](Self::fitting).
    pub fn near_or_fitting(values: &[f64]) -> Option<Self> {
        let (least, most) = extremes(values.iter().copied())?;
        if least > 0.0 && most < 2.0 * least { Self::near(values) } else { Self::fitting(values) }
    }

    /// Whether the axis has a place for `value`.
    pub fn shows(&self, value: f64) -> bool {
        value.is_finite() && (!self.logarithmic || value > 0.0)
    }
}

fn extremes(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |found, value| match found {
        None => Some((value, value)),
        Some((least, most)) => Some((f64::min(least, value), f64::max(most, value))),
    })
}

/// A round number above `value`.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let unit = 10f64.powf((value * 1.05).log10().floor());
    [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|factor| factor * unit)
        .find(|&bound| bound >= value * 1.05)
        .unwrap_or(10.0 * unit)
}

/// Whole numbers of devices between ticks, at most nine ticks up to `most`.
pub(super) fn devices_step(most: usize) -> usize {
    [1, 2, 5, 10, 20].into_iter().find(|step| most <= 8 * step).unwrap_or(most.div_ceil(8))
}

/// A tick of a logarithmic axis: plain from 0.01 to 1000 and between powers of ten, else as a power of ten.
pub(super) fn logarithmic_tick(value: f64) -> String {
    let exponent = value.log10().round();
    let is_power = (value.log10() - exponent).abs() < 1e-9;
    if !is_power || (-2.0..=3.0).contains(&exponent) {
        return format!("{}", (value * 1e6).round() / 1e6);
    }
    let superscript = |digit: char| match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        _ => digit.to_digit(10).and_then(|digit| char::from_u32(0x2070 + digit)).unwrap_or(digit),
    };
    format!("10{}", exponent.to_string().chars().map(superscript).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_fit_their_values() {
        assert_eq!(Axis::fitting(&[]), None);
        assert_eq!(Axis::fitting(&[f64::NAN]), None);
        let linear = |maximum| Some(Axis { logarithmic: false, minimum: 0.0, maximum });
        assert_eq!(Axis::fitting(&[0.0, 0.0]), linear(1.0));
        assert_eq!(Axis::fitting(&[33.9, 37.0, f64::INFINITY]), linear(40.0));
        let wide = Axis::fitting(&[0.0, 1.1e-4, 24.0]).unwrap();
        assert!(wide.logarithmic && !wide.shows(0.0) && wide.shows(1e-3));
        assert!((wide.minimum - 1e-4).abs() < 1e-12 && (wide.maximum - 100.0).abs() < 1e-9);
        assert!(Axis::near_or_fitting(&[50.0, 58.0]).is_some_and(|axis| axis.minimum > 40.0));
        assert_eq!(Axis::near_or_fitting(&[50.0, 400.0]), Axis::fitting(&[50.0, 400.0]));
        let near = Axis::near(&[2.0, 2.0]).unwrap();
        assert!(near.minimum < 2.0 && near.maximum > 2.0);
    }

    #[test]
    fn ticks_are_whole_devices_and_powers_of_ten() {
        assert_eq!([1, 8, 9, 16, 64, 128].map(devices_step), [1, 1, 2, 2, 10, 20]);
        let ticks = [1e-4, 0.02, 1.0, 1000.0, 1e12].map(logarithmic_tick);
        assert_eq!(ticks, ["10⁻⁴", "0.02", "1", "1000", "10¹²"]);
    }
}
