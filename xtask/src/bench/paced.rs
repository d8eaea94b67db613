//! A load at moments of its own: requests come as they come from many people, and not as soon as the response before is
//! there.
//!
//! With clients that wait for each response a slower proxy gets fewer requests, and its latency tells little. Here batches
//! are due at random moments, so many a second on average, whatever comes back. A latency is counted from the moment that
//! its batch was due, also where no client was free to send it then.

use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::load::{Load, Outcome, READ_BYTES, SILENCE_MAX, histogram};
use super::workload::Random;
use crate::failure::{Failure, Result};
use crate::interrupt;

/// How long a wait may be at most, so that an interrupt is seen.
const WAIT_MAX: Duration = Duration::from_millis(100);

impl Load {
    /// Has `rate` batches a second sent for `time`, at moments that are the same in each run, and waits for every response
    /// that is due at its end.
    ///
    /// # Errors
    /// As [`Load::run`].
    pub(crate) fn run_at(&mut self, rate: u32, time: Duration) -> Result<Outcome> {
        let poller = epoll::create(CreateFlags::CLOEXEC).map_err(failed)?;
        for (index, client) in self.clients.iter().enumerate() {
            let data = EventData::new_u64(index as u64);
            let edges = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
            epoll::add(&poller, &client.stream, data, edges).map_err(failed)?;
        }
        let mut moments = Moments { random: Random::new(usize::MAX / 2), rate };
        let mut idle: Vec<usize> = (0..self.clients.len()).rev().collect();
        let (mut latency, mut batches) = (histogram()?, 0_u64);
        let mut events = Vec::with_capacity(self.clients.len());
        let mut buffer = vec![0; READ_BYTES];
        let start = Instant::now();
        let (mut due, mut last_heard) = (start, start);
        while due < start + time || idle.len() < self.clients.len() {
            interrupt::check()?;
            while due <= Instant::now().min(start + time) {
                let Some(index) = idle.pop() else { break };
                let client = &mut self.clients[index];
                client.begin_batch(&self.script, self.pipeline);
                client.begun = due;
                client.send()?;
                due += moments.gap();
            }
            let is_next = due < start + time && !idle.is_empty();
            let patience =
                if is_next { due.saturating_duration_since(Instant::now()) } else { WAIT_MAX };
            let patience = Timespec::try_from(patience.min(WAIT_MAX)).expect("a short time");
            // A poller itself waits for milliseconds only.
            let mut ready = [PollFd::new(&poller, PollFlags::IN)];
            match poll(&mut ready, Some(&patience)) {
                Err(rustix::io::Errno::INTR) => continue,
                result => result.map_err(failed)?,
            };
            events.clear();
            let none = Timespec { tv_sec: 0, tv_nsec: 0 };
            epoll::wait(&poller, rustix::buffer::spare_capacity(&mut events), Some(&none))
                .map_err(failed)?;
            if !events.is_empty() {
                last_heard = Instant::now();
            } else if idle.len() < self.clients.len() && last_heard.elapsed() > SILENCE_MAX {
                return Err(self.silence());
            }
            for event in &events {
                let index = event.data.u64() as usize;
                let client = &mut self.clients[index];
                // What the kernel did not take at once.
                client.send()?;
                if client.receive(&mut buffer, &self.script)? {
                    batches += 1;
                    let micros = client.begun.elapsed().as_micros() as u64;
                    latency.saturating_record_n(micros, self.pipeline as u64);
                    idle.push(index);
                }
            }
        }
        let requests = batches * self.pipeline as u64;
        Ok(Outcome { requests, elapsed: start.elapsed(), latency })
    }
}

/// Random moments, each independent of the others: a Poisson process.
struct Moments {
    random: Random,
    /// A second, on average.
    rate: u32,
}

impl Moments {
    /// From one to the next.
    fn gap(&mut self) -> Duration {
        const STEPS: u32 = 1 << 31;
        let share = f64::from(self.random.below(STEPS) + 1) / f64::from(STEPS);
        Duration::from_secs_f64(-share.ln() / f64::from(self.rate))
    }
}

fn failed(error: rustix::io::Errno) -> Failure {
    Failure::system("polling")(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::load::tests::{GET, server};

    #[test]
    fn so_many_come_a_second_on_average_and_no_two_gaps_are_alike() {
        let mut moments = Moments { random: Random::new(1), rate: 1_000 };
        let gaps: Vec<Duration> = (0..10_000).map(|_| moments.gap()).collect();
        let mean = gaps.iter().sum::<Duration>() / gaps.len() as u32;
        assert!((970..1_030).contains(&mean.as_micros()), "{mean:?}");
        let short = gaps.iter().filter(|gap| **gap < mean).count();
        assert!(
            (6_000..6_600).contains(&short),
            "1 - 1/e of them are shorter than the mean: {short}"
        );
    }

    #[test]
    fn batches_are_sent_when_they_are_due_and_their_responses_are_compared() {
        let mut load =
            Load::connect(server(b"$8\r\n0000000;\r\n", 1_000), GET, 1, 1).expect("a server");
        let outcome = load.run_at(200, Duration::from_millis(500)).expect("right answers");
        assert!((60..140).contains(&outcome.requests), "{outcome:?}");
        assert_eq!(outcome.latency.len(), outcome.requests);
        let mut load =
            Load::connect(server(b"$8\r\n0000001;\r\n", 1_000), GET, 1, 1).expect("a server");
        let failure = load.run_at(200, Duration::from_millis(500)).expect_err("a wrong answer");
        assert!(failure.to_string().contains("0000001"), "{failure}");
    }
}
