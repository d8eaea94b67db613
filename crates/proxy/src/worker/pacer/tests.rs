//! When a worker pauses, and for how long.

use super::*;

const PAUSE: Duration = Duration::from_micros(50);

/// A turn of enough events, after which many requests are outstanding, and responses of the servers'
/// count share writes: that of a pipeline.
fn turn(work: u64) -> Done {
    Done {
        work: Duration::from_micros(work),
        events: EVENTS_FEW,
        outstanding: 100,
        ..Done::default()
    }
}

fn responses(count: u32, each: u64) -> ResponseTimes {
    ResponseTimes { count, time: Duration::from_micros(each) * count }
}

/// Has turns of so much work and so much waiting pass.
fn pass(pacer: &mut Pacer, done: Done, waited: u64, turns: usize) {
    for _ in 0..turns {
        pacer.record_turn(&done);
        pacer.record_wait(Duration::from_micros(waited));
        pacer.since = Since::default();
    }
}

/// A pacer after many turns of so much work and so much waiting.
fn after(worked: u64, waited: u64) -> Pacer {
    let mut pacer = Pacer::pausing(PAUSE);
    pass(&mut pacer, turn(worked), waited, 1_000);
    pacer
}

/// The pause after one more turn, which does as much as those before.
fn pause_after(pacer: &mut Pacer, done: Done) -> Option<Duration> {
    pacer.record_turn(&done);
    pacer.pause().map(|pause| pause.length)
}

#[test]
fn few_large_events_are_enough_or_many_small_ones() {
    let enough = |events, bytes| Since { events, bytes, responses: 0 }.enough();
    assert_eq!(enough(10, 10 * 100), EVENTS_ENOUGH);
    assert_eq!(enough(10, 10 * 16 * 1024), 8);
    assert_eq!(enough(1, 1 << 20), 1);
    assert_eq!(enough(0, 0), EVENTS_ENOUGH);
}

#[test]
fn a_busy_worker_with_several_requests_pauses() {
    for (worked, waited, paused) in
        [(30, 10, true), (30, 200, true), (30, 220, false), (1, 500, false), (10, 10_000, false)]
    {
        let pause = paused.then_some(PAUSE);
        assert_eq!(pause_after(&mut after(worked, waited), turn(0)), pause, "{worked} to {waited}");
    }
}

#[test]
fn turns_of_few_events_are_followed_by_a_longer_pause() {
    let few = Done { events: EVENTS_FEW - 1, ..turn(0) };
    assert_eq!(pause_after(&mut after(30, 0), few), Some(PAUSE * 2));
    assert_eq!(pause_after(&mut after(30, 0), turn(0)), Some(PAUSE));
    assert_eq!(pause_after(&mut after(1, 500), few), None, "not when there is little to do");
    let mut pacer = after(30, 0);
    pacer.record_turn(&few);
    assert_eq!(pause_after(&mut pacer, few), Some(PAUSE), "two of them since the last pause");
}

#[test]
fn the_pause_is_for_clients_alone_where_each_response_has_a_write_of_its_own() {
    for (writes, alone) in [(0, false), (4, false), (8, false), (9, true), (12, true)] {
        let mut pacer = Pacer::pausing(PAUSE);
        let done = Done { responses: responses(12, 400), writes, ..turn(30) };
        pass(&mut pacer, done, 0, 100);
        pacer.record_turn(&done);
        let pause = pacer.pause().expect("it is busy");
        assert_eq!(pause.takes_answers, alone, "12 responses in {writes} writes");
    }
}

#[test]
fn a_pause_for_clients_alone_asks_not_how_quick_the_servers_are() {
    for each in [1, 100, 700] {
        let mut pacer = Pacer::pausing(PAUSE);
        let done = Done { responses: responses(1, each), writes: 1, ..turn(30) };
        pass(&mut pacer, done, 0, 1);
        let few = Done { events: 1, ..done };
        assert_eq!(pause_after(&mut pacer, few), Some(PAUSE), "{each} us");
    }
}

#[test]
fn slow_servers_make_the_pause_a_small_part_of_their_time() {
    for (each, paused) in [(100, 0), (799, 0), (800, 50), (1_600, 100), (3_200, 200), (90_000, 200)]
    {
        for writes in [0, 10] {
            let mut pacer = after(1, 500);
            let pause = (paused > 0).then_some(Duration::from_micros(paused));
            let done = Done { responses: responses(10, each), writes, ..turn(0) };
            assert_eq!(pause_after(&mut pacer, done), pause, "{each} us a response");
        }
    }
    let done = |each| Done { responses: responses(10, each), ..turn(0) };
    assert_eq!(pause_after(&mut after(30, 0), done(200)), Some(PAUSE), "neither quick nor slow");
    let quick = Some(Duration::from_micros(25));
    assert_eq!(pause_after(&mut after(30, 0), done(100)), quick);
    assert_eq!(
        pause_after(&mut Pacer::pausing(Duration::ZERO), done(100_000)),
        None,
        "told not to"
    );
}

#[test]
fn the_pause_is_the_one_that_brings_most_if_any_does() {
    // Where responses wait as well, servers that are quick make the shorter one; elsewhere it is half.
    let shorter = PAUSE - Duration::from_micros(10);
    for (writes, [shorter, longer]) in [(0, [shorter, PAUSE]), (200, [PAUSE, PAUSE * 2])] {
        for (without, longer_brings, pause) in
            [(90, 120, Some(longer)), (90, 80, Some(shorter)), (110, 120, None)]
        {
            let mut pacer = Pacer { trial: Trial::free_of_cost(), ..Pacer::new(PAUSE) };
            let mut last = None;
            for _ in 0..10_000 {
                let brought = match last {
                    None => without,
                    Some(last) if last == longer => longer_brings,
                    Some(_) => 100,
                };
                let each = 4 * shorter.as_micros() as u64;
                let responses = responses(brought, each);
                let work = PAUSE;
                last = pause_after(&mut pacer, Done { work, responses, writes, ..turn(0) });
                pacer.record_wait(PAUSE);
            }
            assert_eq!(last, pause, "{without}, 100, {longer_brings}");
        }
    }
}

#[test]
fn while_slow_servers_make_the_pause_nothing_is_found_out_about_others() {
    let mut pacer = Pacer { trial: Trial::free_of_cost(), ..Pacer::new(PAUSE) };
    let mut last = None;
    let mut without = |each, brought_without, seconds| {
        let turns = Duration::from_secs(seconds).as_micros() / (2 * PAUSE).as_micros();
        let mut without = 0;
        for _ in 0..turns {
            let brought = if last.is_none() { brought_without } else { 100 };
            let responses = responses(brought, each);
            last = pause_after(&mut pacer, Done { work: PAUSE, responses, ..turn(0) });
            pacer.record_wait(PAUSE);
            without += usize::from(last.is_none());
        }
        without as f64 / turns as f64
    };
    let slow = 2 * u64::from(RESPONSE_PART) * PAUSE.as_micros() as u64;
    assert_eq!(without(slow, 100, 20), 0.0);
    let quick = 4 * PAUSE.as_micros() as u64;
    let lost = without(quick, 80, 3);
    assert!(lost < 0.1, "{lost}");
    assert_eq!(without(slow, 100, 20), 0.0);
    let found = without(quick, 100, 3);
    assert!(found > 0.8, "{found}");
}

#[test]
fn the_time_of_a_response_that_is_forgotten_is_no_others() {
    let mut pacer = Pacer::pausing(PAUSE);
    let done = |each| Done { responses: responses(1, each), ..turn(0) };
    pass(&mut pacer, done(1_000_000), WINDOW.as_micros() as u64 * 2, 1);
    assert_eq!(pause_after(&mut pacer, done(100)), None, "quick servers, and nothing to do");
}

#[test]
fn turns_that_read_large_values_are_followed_by_no_pause() {
    let mut pacer = after(30, 0);
    let read = |bytes| Done { bytes, ..turn(0) };
    assert_eq!(pause_after(&mut pacer, read(8 * BULK_BYTES)), Some(PAUSE));
    assert_eq!(pause_after(&mut pacer, read(8 * BULK_BYTES + 1)), None);
    let left = Done { events: 0, ..read(BULK_BYTES + 1) };
    assert_eq!(pause_after(&mut pacer, left), None, "left from the turn before");
    let small = Done { responses: responses(9, 400), ..read(8 * BULK_BYTES + 1) };
    assert_eq!(pause_after(&mut pacer, small), Some(PAUSE), "nine small ones");
    pacer.record_turn(&read(8 * BULK_BYTES + 1));
    assert_eq!(pause_after(&mut pacer, turn(0)), Some(PAUSE), "a turn later they are fewer");
}

#[test]
fn a_worker_with_few_requests_never_pauses() {
    let with = |outstanding| Done { outstanding, ..turn(30) };
    for (outstanding, pause) in [(OUTSTANDING_MIN - 1, None), (OUTSTANDING_MIN, Some(PAUSE))] {
        let mut pacer = Pacer::pausing(PAUSE);
        pass(&mut pacer, with(outstanding), 0, 1_000);
        assert_eq!(pause_after(&mut pacer, with(0)), pause);
    }
}

#[test]
fn a_worker_that_had_several_requests_at_one_time_pauses_for_a_while() {
    let mut pacer = after(30, 0);
    let none = Done { outstanding: 0, ..turn(30) };
    let turns = WINDOW.as_micros() as usize / 30;
    pass(&mut pacer, none, 0, turns / 2);
    assert_eq!(pause_after(&mut pacer, none), Some(PAUSE), "they were answered in between");
    pass(&mut pacer, none, 0, turns * 2);
    assert_eq!(pause_after(&mut pacer, none), None);
}

#[test]
fn a_worker_that_has_not_begun_and_one_told_not_to_never_pause() {
    assert_eq!(pause_after(&mut Pacer::pausing(PAUSE), turn(0)), None);
    let mut pacer = Pacer::pausing(Duration::ZERO);
    assert_eq!(pause_after(&mut pacer, turn(1_000_000)), None);
}

#[test]
fn what_was_long_ago_is_forgotten() {
    let mut pacer = after(30, 0);
    pacer.record_wait(Duration::from_millis(50));
    assert_eq!(pause_after(&mut pacer, turn(0)), None, "it has been idle since");
    pass(&mut pacer, turn(30), 5, 200);
    assert_eq!(pause_after(&mut pacer, turn(0)), Some(PAUSE), "it is busy again");
}
