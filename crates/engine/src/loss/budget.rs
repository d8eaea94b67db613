//! How many requests a pool may send again.
//!
//! When a server is in trouble, every request to it fails, and to send each once more is to double the
//! load of those that are left. So retries are earned: each request that is sent earns a share of one, and what
//! is earned goes stale. Where there is little traffic, a few are allowed all the same.

use crate::limits::{RETRIES_A_SECOND, RETRY_REQUESTS, RETRY_WINDOW};
use crate::time::tick::Tick;

/// What one worker has earned for one pool.
#[derive(Debug)]
pub(crate) struct Budget {
    /// What is left, in shares: [`RETRY_REQUESTS`] of them are a retry.
    shares: u32,
    /// Those earned since the window began.
    earned: u32,
    window_ends: Tick,
    /// Until when time has been paid for.
    paid_until: Tick,
}

impl Budget {
    /// One that allows what a second does.
    pub(crate) const fn new() -> Self {
        let shares = RETRIES_A_SECOND * RETRY_REQUESTS;
        Self { shares, earned: 0, window_ends: Tick::NEVER, paid_until: Tick(0) }
    }

    /// So many requests were sent.
    pub(crate) fn earn(&mut self, requests: u32, now: Tick) {
        if self.window_ends == Tick::NEVER {
            self.window_ends = now.after(RETRY_WINDOW);
        } else if now >= self.window_ends {
            self.shares = self.shares.min(self.earned);
            self.earned = 0;
            self.window_ends = now.after(RETRY_WINDOW);
        }
        self.shares = self.shares.saturating_add(requests);
        self.earned = self.earned.saturating_add(requests);
    }

    /// Takes a retry, if there is one.
    pub(crate) fn take(&mut self, now: Tick) -> bool {
        const SECOND: u64 = 1_000_000;
        const OF_A_SECOND: u64 = (RETRIES_A_SECOND * RETRY_REQUESTS) as u64;
        const OF_A_SHARE: u64 = SECOND / OF_A_SECOND;
        let since = now.0.saturating_sub(self.paid_until.0).min(SECOND);
        let of_time = (since / OF_A_SHARE) as u32;
        if of_time > 0 {
            // What is not a share yet is paid later.
            self.paid_until = Tick(now.0 - since % OF_A_SHARE);
            // What time gives is not saved up beyond a second's.
            let most = self.shares.max(OF_A_SECOND as u32);
            self.shares = self.shares.saturating_add(of_time).min(most);
        }
        if self.shares < RETRY_REQUESTS {
            return false;
        }
        self.shares -= RETRY_REQUESTS;
        true
    }

    /// A retry that was taken was not made.
    pub(crate) const fn give_back(&mut self) {
        self.shares = self.shares.saturating_add(RETRY_REQUESTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn takes(budget: &mut Budget, at: u64) -> u32 {
        let mut taken = 0;
        while budget.take(Tick(at)) {
            taken += 1;
        }
        taken
    }

    #[test]
    fn without_traffic_there_are_a_few_a_second_and_none_are_saved() {
        let mut budget = Budget::new();
        assert_eq!(takes(&mut budget, 0), RETRIES_A_SECOND);
        assert_eq!(takes(&mut budget, SECOND / 2), RETRIES_A_SECOND / 2);
        assert_eq!(takes(&mut budget, SECOND / 2), 0);
        assert_eq!(takes(&mut budget, 60 * SECOND), RETRIES_A_SECOND);
    }

    #[test]
    fn requests_earn_a_share_of_a_retry_each() {
        let mut budget = Budget::new();
        assert_eq!(takes(&mut budget, SECOND), RETRIES_A_SECOND);
        (0..100).for_each(|_| budget.earn(10, Tick(SECOND)));
        assert_eq!(takes(&mut budget, SECOND), 1_000 / RETRY_REQUESTS);
    }

    #[test]
    fn what_was_given_back_can_be_taken() {
        let mut budget = Budget::new();
        assert_eq!(takes(&mut budget, 0), RETRIES_A_SECOND);
        budget.give_back();
        assert_eq!(takes(&mut budget, 0), 1);
    }

    #[test]
    fn what_was_earned_long_ago_is_worth_nothing() {
        let mut budget = Budget::new();
        let window = RETRY_WINDOW.as_micros() as u64;
        budget.earn(100_000, Tick(1));
        // A quiet window, and the one after it.
        budget.earn(1, Tick(1 + window));
        budget.earn(1, Tick(1 + 2 * window));
        assert!(takes(&mut budget, 1 + 2 * window) <= RETRIES_A_SECOND);
    }

    #[test]
    #[cfg_attr(miri, ignore = "long")]
    fn an_outage_of_a_minute_is_not_multiplied() {
        let mut budget = Budget::new();
        let (mut asked, mut retries) = (0_u32, 0_u32);
        for at in 0..60_000 {
            budget.earn(10, Tick(at * 1_000));
            asked += 10;
            // Everything fails, and what is sent again earns as well.
            let taken = takes(&mut budget, at * 1_000);
            budget.earn(taken, Tick(at * 1_000));
            retries += taken;
        }
        assert!(retries <= asked / 5 + 61 * RETRIES_A_SECOND * RETRY_REQUESTS / 5, "{retries}");
    }
}
