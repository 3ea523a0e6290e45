//! Values of options that clap does not know.

/// Numbers separated by commas or colons, as `0.1,0.2` or `1:2:4:8`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numbers(pub Vec<f64>);

/// Reads [`Numbers`].
pub(super) fn numbers(text: &str) -> Result<Numbers, String> {
    text.split([',', ':'])
        .map(|number| {
            let number = number.trim();
            number.parse().map_err(|_| format!("{number:?} is not a number"))
        })
        .collect::<Result<_, _>>()
        .map(Numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_colons() {
        assert_eq!(numbers("1:2,4").unwrap(), Numbers(vec![1.0, 2.0, 4.0]));
        assert_eq!(numbers("0.5").unwrap(), Numbers(vec![0.5]));
        assert_eq!(numbers("1,,2").unwrap_err(), "\"\" is not a number");
        assert!(numbers("one").is_err());
    }
}
