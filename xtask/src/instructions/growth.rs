//! What may not grow, and with what: two scenarios of the same run, one much larger than the other.

use super::count::Count;

/// What is compared between the two.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Each {
    Request,
    Key,
    Byte,
}

/// A claim: what one of something costs in `large` is at most `at_most` times what it costs in
/// `small`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) what: &'static str,
    pub(crate) small: &'static str,
    pub(crate) large: &'static str,
    pub(crate) each: Each,
    pub(crate) at_most: f64,
}

/// Costs do not grow: above this is more than a deeper search in a larger table.
const NOT_AT_ALL: f64 = 1.2;

/// A value of up to 64 MiB finds the buffer of the one before it; one of more than 80 MiB gets a fresh
/// buffer, whose bytes are set to zero once. That is one pass more, whatever the size.
const ONE_PASS_MORE: f64 = 6.0;

#[rustfmt::skip]
pub(crate) const CLAIMS: &[Claim] = &[
    Claim { what: "a key of MGET: 10,000 keys against 100", small: "grow redis MGET 100", large: "grow redis MGET 10000", each: Each::Key, at_most: NOT_AT_ALL },
    Claim { what: "a key of get: 10,000 keys against 100", small: "grow memcached get 100", large: "grow memcached get 10000", each: Each::Key, at_most: NOT_AT_ALL },
    Claim { what: "a request: 1,000 servers against 4", small: "grow redis GET, 4 servers", large: "grow redis GET, 1000 servers", each: Each::Request, at_most: NOT_AT_ALL },
    Claim { what: "a request: 10,000 idle clients against none", small: "turn redis GET", large: "grow redis GET, 10000 idle", each: Each::Request, at_most: NOT_AT_ALL },
    Claim { what: "a byte of GET: 64 MiB against 1 MiB", small: "grow redis GET 1 MiB", large: "grow redis GET 64 MiB", each: Each::Byte, at_most: NOT_AT_ALL },
    Claim { what: "a byte of GET: 100 MiB against 1 MiB", small: "grow redis GET 1 MiB", large: "grow redis GET 100 MiB", each: Each::Byte, at_most: ONE_PASS_MORE },
    Claim { what: "a byte of SET: 64 MiB against 1 MiB", small: "grow redis SET 1 MiB", large: "grow redis SET 64 MiB", each: Each::Byte, at_most: NOT_AT_ALL },
    Claim { what: "a byte of SET: 100 MiB against 1 MiB", small: "grow redis SET 1 MiB", large: "grow redis SET 100 MiB", each: Each::Byte, at_most: ONE_PASS_MORE },
];

impl Claim {
    /// How many times as much one costs in `large`. A scenario without keys or bytes has no cost
    /// of one: the ratio is then infinite, which no claim allows.
    pub(crate) fn ratio(&self, small: &Count, large: &Count) -> f64 {
        let cost = |count: &Count| match self.each {
            Each::Request => Some(count.a_request()),
            Each::Key => count.a_key(),
            Each::Byte => count.a_byte(),
        };
        match (cost(small), cost(large)) {
            (Some(small), Some(large)) => large / small,
            _ => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_of_what_one_of_them_costs() {
        let small = Count::made_up("small", 1000.0, 1, 10, 100);
        let large = Count::made_up("large", 30_000.0, 10, 100, 1000);
        let plain = Count::made_up("plain", 30_000.0, 10, 0, 0);
        for (each, plain_ratio) in
            [(Each::Request, 3.0), (Each::Key, f64::INFINITY), (Each::Byte, f64::INFINITY)]
        {
            let claim = Claim { what: "", small: "small", large: "large", each, at_most: 1.2 };
            assert_eq!(claim.ratio(&small, &large), 3.0, "{each:?}");
            assert_eq!(claim.ratio(&small, &plain), plain_ratio, "{each:?}");
        }
    }
}
