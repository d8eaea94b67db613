//! When servers leave, when they are asked and when they are back; and how a large ring follows.

use nutcracker_ring::{DistributionKind, RingServer};

use super::*;

/// The health of so many servers, one failure of which is enough.
fn health(servers: usize, on_eject: OnEject) -> Health {
    let names = (0..servers).map(|at| RingServer::new(format!("s{at}"), 1));
    let builder = RingBuilder::new(DistributionKind::Ketama, &names.collect::<Vec<_>>());
    let retry_timeout = Duration::from_secs(30);
    Health::new(builder, servers, Some(Ejection { failure_limit: 1, retry_timeout, on_eject }))
}

/// Ejects the first `gone` servers at `now`, and counts the rings that makes.
fn eject(health: &Health, gone: u32, now: Tick) -> usize {
    let mut rings = 0;
    let mut ring = health.routing().ring;
    for at in 0..gone {
        assert!(matches!(health.record_failure(ServerId(at), now), Verdict::Leave { .. }));
        let next = health.routing().ring;
        rings += usize::from(!Arc::ptr_eq(&ring, &next));
        ring = next;
    }
    rings
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn a_large_ring_is_made_once_for_all_that_are_ejected_at_a_time() {
    let health = health(500, OnEject::Rehash);
    let now = Tick(1_000_000);
    assert_eq!(eject(&health, 300, now), 1);
    let routing = health.routing();
    assert_eq!(routing.ring.live_count(), 499, "the first has left it at once");
    let failing = routing.failing.expect("the others are in it still");
    assert_eq!(failing.iter().filter(|fails| **fails).count(), 299);
    assert!(!failing[0] && failing[1] && failing[299] && !failing[300]);
    assert!(health.is_replaced(ServerId(0)) && !health.is_replaced(ServerId(1)));

    let at = health.next_probe().expect("the ring is to follow");
    assert!(at > now && at <= now.after(Duration::from_millis(10)), "{at:?}");
    assert!(!health.is_probe_due(now) && health.is_probe_due(at));
    assert_eq!(health.take_probes(at, Duration::from_secs(1)), [], "nobody is asked yet");
    let routing = health.routing();
    assert_eq!(routing.ring.live_count(), 200);
    assert!(routing.failing.is_none() && health.is_replaced(ServerId(299)));
    let at = health.next_probe().expect("the servers are to be probed");
    assert_eq!(at, now.after(Duration::from_secs(30)));
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn a_large_ring_is_made_once_for_all_that_are_back_at_a_time() {
    let health = health(500, OnEject::Rehash);
    eject(&health, 500, Tick(1_000_000));
    assert_eq!(health.routing().ring.live_count(), 0, "one of nobody takes no time");
    let now = Tick(2_000_000);
    assert!((0..500).all(|at| health.restore(ServerId(at), now)));
    assert_eq!(health.routing().ring.live_count(), 1);
    assert!(health.routing().failing.is_none());
    let at = health.next_probe().expect("the ring is to follow");
    assert_eq!(health.take_probes(at, Duration::from_secs(1)), []);
    assert_eq!(health.routing().ring.live_count(), 500);
    assert_eq!(health.next_probe(), None);
}

#[test]
fn while_every_server_is_away_each_is_asked_as_often_as_the_first_time() {
    for on_eject in [OnEject::Rehash, OnEject::Fail] {
        let health = health(2, on_eject);
        let retry = Duration::from_secs(30);
        let mut now = Tick(1_000_000);
        eject(&health, 1, now);
        // The other one serves: the first is asked less and less often.
        for times in [1, 2, 4, 8, 8] {
            assert_eq!(health.next_probe(), Some(now.after(retry * times)), "{on_eject:?}");
            now = now.after(retry * times);
            assert_eq!(health.take_probes(now, retry), [ServerId(0)]);
            health.record_vain_probe(ServerId(0), now);
        }
        // It goes as well.
        let _ = health.record_failure(ServerId(1), now);
        for _ in 0..20 {
            assert_eq!(health.next_probe(), Some(now.after(retry)), "{on_eject:?}");
            now = now.after(retry);
            assert_eq!(health.take_probes(now, retry), [ServerId(0), ServerId(1)]);
            health.record_vain_probe(ServerId(0), now);
            health.record_vain_probe(ServerId(1), now);
        }
        assert!(health.restore(ServerId(1), now));
        health.record_vain_probe(ServerId(0), now);
        assert_eq!(health.next_probe(), Some(now.after(retry * 8)), "{on_eject:?}");
    }
}

#[test]
fn who_closed_a_conn_and_takes_none_soon_after_was_going_and_is_told_of_once() {
    let (server, at) = (ServerId(1), Tick(1_000_000));
    let health = health(2, OnEject::Rehash);
    assert!(!health.take_departure(server, at), "it closed nothing");
    let end = at.after(DEPARTURE_WINDOW);
    for (now, was_going) in [(at, true), (Tick(end.0 - 1), true), (end, false)] {
        health.note_departure(server, at);
        assert!(!health.take_departure(ServerId(0), now), "that is another");
        assert_eq!(health.take_departure(server, now), was_going, "{now:?}");
        assert!(!health.take_departure(server, now), "it has been told");
    }
    health.note_departure(server, at);
    health.note_connect(server);
    assert!(!health.take_departure(server, at), "it was tidying up");
}

#[test]
fn who_is_ejected_again_soon_after_it_came_back_stays_away_twice_as_long() {
    let retry = Duration::from_secs(30);
    let back = Tick(1_000_000);
    let end = back.after(retry * FLAPPING_TIMES);
    for (again, times) in [(back, 2), (Tick(end.0 - 1), 2), (end, 1)] {
        let health = health(2, OnEject::Rehash);
        eject(&health, 1, Tick(1));
        assert!(health.restore(ServerId(0), back));
        let verdict = health.record_failure(ServerId(0), again);
        assert_eq!(verdict, Verdict::Leave { away: retry * times }, "{again:?}");
    }
}

#[test]
fn whom_those_before_hold_ejected_is_ejected_until_the_same_time_wherever_it_stands_now() {
    let (now, retry) = (Tick(1_000_000), Duration::from_secs(30));
    let earlier = health(3, OnEject::Rehash);
    let _ = earlier.record_failure(ServerId(2), now);
    let later = health(3, OnEject::Rehash);
    let version = later.version();
    later.learn(&earlier, &[Some(ServerId(2)), None, Some(ServerId(0))]);
    assert_eq!(later.live(), [false, true, true]);
    assert_eq!(later.routing().ring.live_count(), 2);
    assert!(later.version() > version && later.is_replaced(ServerId(0)));
    assert_eq!(later.next_probe(), Some(now.after(retry)));

    let version = later.version();
    later.learn(&health(3, OnEject::Rehash), &[Some(ServerId(0)), None, None]);
    assert_eq!(later.version(), version, "there is nothing to learn");
    assert_eq!(later.live(), [false, true, true]);
}

#[test]
fn where_no_server_is_ejected_none_is_learnt_to_be() {
    let earlier = health(1, OnEject::Rehash);
    eject(&earlier, 1, Tick(1));
    let servers = [RingServer::new("0", 1)];
    let later = Health::new(RingBuilder::new(DistributionKind::Ketama, &servers), 1, None);
    later.learn(&earlier, &[Some(ServerId(0))]);
    assert_eq!(later.live(), [true]);
}

#[test]
fn a_small_ring_follows_at_once() {
    let health = health(20, OnEject::Rehash);
    assert_eq!(eject(&health, 20, Tick(1_000_000)), 20);
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn where_keys_fail_the_ring_stays_and_no_time_is_set_for_it() {
    let health = health(500, OnEject::Fail);
    let now = Tick(1_000_000);
    assert_eq!(eject(&health, 300, now), 0);
    assert_eq!(health.next_probe(), Some(now.after(Duration::from_secs(30))));
    assert!(!health.is_replaced(ServerId(0)));
}
