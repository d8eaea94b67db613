//! The proxy's counters against what its clients saw: both kept books of the same run.
//!
//! What is compared begins after the keys were set, so counts are differences. Where ejection moves keys,
//! clients cannot know how many requests servers were sent; what they were told and how often they came is
//! known always. What the proxy gave to a server once more it counts apart.

use serde_json::Value;

use super::tally::Tally;

/// What the statistics of the pool say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Clients that ever came.
    came: i64,
    /// Errors of the proxy's own making.
    errors: i64,
    /// Fragments of split requests.
    fragments: i64,
    /// Requests queued for servers.
    requests: i64,
    /// Responses of servers.
    responses: i64,
    /// Requests that were queued once more, because their server was lost.
    again: i64,
}

impl Counters {
    /// Reads them in the statistics and, what these lack, in the text of `/metrics`; `None` where the
    /// statistics lack the pool.
    pub(super) fn of(statistics: &Value, metrics: &str) -> Option<Self> {
        let pool = statistics["chaos"].as_object()?;
        let of_pool = |name: &str| pool.get(name).and_then(Value::as_i64).unwrap_or(0);
        let of_servers = |name: &str| -> i64 {
            pool.values().filter_map(|server| server.get(name)?.as_i64()).sum()
        };
        Some(Self {
            came: ["client_eof", "client_err", "client_connections"].map(of_pool).iter().sum(),
            errors: of_pool("forward_error"),
            fragments: of_pool("fragments"),
            requests: of_servers("requests"),
            responses: of_servers("responses"),
            again: ["nutcracker_requests_retried_total", "nutcracker_requests_moved_total"]
                .map(|name| metric(metrics, name))
                .iter()
                .sum(),
        })
    }

    fn since(self, before: Self) -> Self {
        Self {
            came: self.came - before.came,
            errors: self.errors - before.errors,
            fragments: self.fragments - before.fragments,
            requests: self.requests - before.requests,
            responses: self.responses - before.responses,
            again: self.again - before.again,
        }
    }
}

/// The sum of a metric over all its labels.
fn metric(metrics: &str, name: &str) -> i64 {
    metrics
        .lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as i64
}

/// What the counters say otherwise than the clients. `keys_stay` says that each request went to the
/// servers its keys live on.
pub(super) fn differences(
    before: Counters,
    after: Counters,
    tally: &Tally,
    keys_stay: bool,
) -> Vec<String> {
    let told = after.since(before);
    let mut found = Vec::new();
    let mut within = |what: &str, told: i64, least: u64, most: u64| {
        let [least, most] = [least, most].map(|bound| i64::try_from(bound).unwrap_or(i64::MAX));
        if !(least..=most).contains(&told) {
            let seen = if least == most { least.to_string() } else { format!("{least} to {most}") };
            found.push(format!("the proxy counts {told} {what}, its clients {seen}"));
        }
    };
    let is = |seen: u64| (seen, seen);
    let (least, most) = is(tally.connections);
    within("clients", told.came, least, most);
    let (least, most) = is(tally.errors());
    within("errors", told.errors, least, most);
    if keys_stay {
        let (least, most) = is(tally.fragments);
        within("fragments", told.fragments, least, most);
        // A request that failed may have failed before it was queued, or after its response came.
        let least = tally.parts_sent - tally.parts_failed;
        let again = u64::try_from(told.again).unwrap_or(0);
        within("requests to servers", told.requests, least + again, tally.parts_sent + again);
        within("responses of servers", told.responses, least, tally.parts_sent);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::tally::Owner;
    use super::*;

    const NO_METRICS: &str = "";
    const METRICS: &str = "\
# TYPE nutcracker_requests_retried_total counter
nutcracker_requests_retried_total{pool=\"chaos\"} 2
nutcracker_requests_retried_total_of_another{pool=\"chaos\"} 70
nutcracker_requests_moved_total{pool=\"chaos\"} 1
";

    fn statistics(came: i64, errors: i64, requests: i64) -> Value {
        json!({ "service": "nutcracker", "chaos": {
            "client_eof": came - 2, "client_err": 1, "client_connections": 1,
            "forward_error": errors, "fragments": 4,
            "A": { "requests": requests - 1, "responses": 3 },
            "B": { "requests": 1, "responses": 5 },
        }})
    }

    fn tally() -> Tally {
        let mut tally = Tally {
            connections: 5,
            fragments: 4,
            parts_sent: 10,
            parts_failed: 2,
            ..Tally::default()
        };
        tally.error("any", Owner::Faulty, Duration::ZERO);
        tally
    }

    #[test]
    fn books_that_agree_have_no_differences() {
        let none: [&str; 0] = [];
        for (requests, metrics) in [(9, NO_METRICS), (12, METRICS)] {
            let after = Counters::of(&statistics(5, 1, requests), metrics);
            let after = after.expect("the pool is there");
            assert_eq!(differences(Counters::default(), after, &tally(), true), none);
        }
    }

    #[test]
    fn each_difference_is_told_with_both_numbers() {
        for (came, errors, requests, words) in [
            (6, 1, 9, "counts 6 clients, its clients 5"),
            (5, 0, 9, "counts 0 errors, its clients 1"),
            (5, 1, 11, "counts 11 requests to servers, its clients 8 to 10"),
            (5, 1, 7, "counts 7 requests to servers, its clients 8 to 10"),
        ] {
            let after = Counters::of(&statistics(came, errors, requests), NO_METRICS);
            let after = after.expect("the pool is there");
            let found = differences(Counters::default(), after, &tally(), true);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(words), "{found:?}");
        }
    }

    #[test]
    fn what_was_before_does_not_count_and_moved_keys_are_not_counted_by_server() {
        let of = |statistics| Counters::of(&statistics, NO_METRICS).expect("the pool is there");
        let (before, after) = (of(statistics(100, 7, 50)), of(statistics(105, 8, 500)));
        let found = differences(before, after, &tally(), false);
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(Counters::of(&json!({ "service": "nutcracker" }), NO_METRICS), None);
    }
}
