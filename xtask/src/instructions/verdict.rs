//! A count against the recorded one.

use std::fmt;

/// What a count is beside the recorded one; changes are shares of it, 0.05 for 5 % more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Within the tolerance, either way.
    Same(f64),
    /// More than it may be.
    Above(f64),
    /// So much less that it should be recorded, lest it grow back unseen.
    Below(f64),
    /// Nothing is recorded.
    New,
}

impl Verdict {
    pub(crate) fn of(recorded: Option<f64>, now: f64, tolerance: f64) -> Self {
        let Some(recorded) = recorded else { return Self::New };
        let change = now / recorded - 1.0;
        if change > tolerance {
            Self::Above(change)
        } else if change < -tolerance {
            Self::Below(change)
        } else {
            Self::Same(change)
        }
    }

    /// What to say about it where it will not do.
    pub(crate) fn complaint(self, name: &str, tolerance: f64) -> Option<String> {
        let (most, percent) = (tolerance * 100.0, 100.0);
        match self {
            Self::Same(_) | Self::Below(_) => None,
            Self::Above(change) => Some(format!(
                "'{name}' takes {:.1} % more instructions than recorded, and {most:.0} % is the most",
                change * percent
            )),
            Self::New => Some(format!("'{name}' is not recorded")),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (change, remark) = match self {
            Self::Same(change) => (change, ""),
            Self::Above(change) => (change, "  ABOVE"),
            Self::Below(change) => (change, "  below"),
            Self::New => return write!(f, "{:>9}", "new"),
        };
        write!(f, "{:>+7.1} %{remark}", change * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_more_than_the_tolerance_above_and_what_is_not_recorded_are_wrong() {
        let cases = [
            (Some(100.0), 100.0, "    +0.0 %", None),
            (Some(100.0), 102.9, "    +2.9 %", None),
            (Some(100.0), 97.1, "    -2.9 %", None),
            (Some(100.0), 96.0, "    -4.0 %  below", None),
            (Some(100.0), 110.0, "   +10.0 %  ABOVE", Some("'a' takes 10.0 % more")),
            (None, 100.0, "      new", Some("'a' is not recorded")),
        ];
        for (recorded, now, shown, complaint) in cases {
            let verdict = Verdict::of(recorded, now, 0.03);
            assert_eq!(verdict.to_string().trim(), shown.trim(), "{recorded:?} {now}");
            let said = verdict.complaint("a", 0.03);
            assert_eq!(said.is_some(), complaint.is_some(), "{recorded:?} {now}: {said:?}");
            assert!(said.unwrap_or_default().starts_with(complaint.unwrap_or_default()));
        }
    }
}
