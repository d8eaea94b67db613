//! Figures as text: as many digits as tell something.

/// A figure in three digits or, from 100 up and where it is a whole number of ten or more, without
/// any after the point; `-0` is `0`.
pub(crate) fn figure(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        0.0..0.095 => 3,
        0.0..9.995 => 2,
        0.0..99.95 if value.fract() != 0.0 => 1,
        _ => 0,
    };
    format!("{:.digits$}", value + 0.0)
}

/// A figure in a column, or a dash where there is none.
pub(crate) fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), figure)
}

/// A ratio: two digits after the point, whatever its size, so that a column of them lines up.
pub(crate) fn ratio(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_as_many_digits_as_tell_something() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (0.0412, "0.041"),
            (0.85, "0.85"),
            (0.096, "0.10"),
            (9.994, "9.99"),
            (9.996, "10.0"),
            (17.02, "17.0"),
            (17.0, "17"),
            (1.0, "1.00"),
            (99.96, "100"),
            (2429.1, "2429"),
            (-17.02, "-17.0"),
        ];
        for (value, text) in cases {
            assert_eq!(figure(value), text, "{value}");
        }
    }
}
