//! What goes out leaves in the order it came, and buffers are used again.

use super::*;

fn shared(bytes: &[u8]) -> Shared {
    Shared::whole(bytes.to_vec())
}

/// `aabbBBBBccCCddDD`, of which the capital letters are shared.
fn mixed(spares: &mut Spares) -> Outbox {
    let mut outbox = Outbox::default();
    for (copied, by_reference) in [(&b"aabb"[..], &b"BBBB"[..]), (b"cc", b"CC"), (b"dd", b"DD")] {
        outbox.push(copied, spares);
        outbox.share(shared(by_reference));
    }
    outbox
}

fn flatten(outbox: &Outbox) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 16];
    let used = outbox.slices(None, &mut slices);
    slices[..used].iter().flat_map(|slice| slice.iter().copied()).collect()
}

#[test]
fn copied_and_shared_bytes_leave_in_the_order_they_came_however_they_are_cut() {
    let expected = b"aabbBBBBccCCddDD";
    for cut in 1..=expected.len() {
        let mut spares = Spares::default();
        let mut outbox = mixed(&mut spares);
        let mut got = Vec::new();
        while !outbox.is_empty() {
            let rest = flatten(&outbox);
            assert_eq!(rest.len(), outbox.len(), "cut every {cut}");
            let step = cut.min(rest.len());
            got.extend_from_slice(&rest[..step]);
            outbox.advance(step, &mut spares);
        }
        assert_eq!(got, expected, "cut every {cut}");
    }
}

#[test]
fn what_waits_is_taken_apart_in_order_whatever_the_cuts() {
    let expected = b"bbBBBBccCCddDD";
    for cut in 1..=expected.len() {
        for skipped in 0..=expected.len() {
            let mut spares = Spares::default();
            let mut outbox = mixed(&mut spares);
            outbox.pass(2, &mut spares);
            let mut waiting = outbox.waiting();
            waiting.skip(skipped);
            let mut got = Vec::new();
            while got.len() < expected.len() - skipped {
                let len = cut.min(expected.len() - skipped - got.len());
                got.extend_from_slice(waiting.take(len).bytes());
            }
            assert_eq!(got, &expected[skipped..], "cut every {cut} after {skipped}");
        }
    }
}

#[test]
fn what_was_shared_is_taken_by_reference() {
    let mut spares = Spares::default();
    let mut outbox = Outbox::default();
    outbox.push(b"head", &mut spares);
    outbox.share(shared(b"body"));
    let body = |waiting: &mut Waiting<'_>, len| waiting.take(len).bytes().as_ptr();
    let mut waiting = outbox.waiting();
    waiting.skip(4);
    let first = body(&mut waiting, 2);
    assert_eq!(first.wrapping_add(2), body(&mut waiting, 2));
    assert_eq!(outbox.waiting().take(8).bytes(), b"headbody");
}

#[test]
fn a_shared_message_before_anything_copied_goes_first() {
    let mut spares = Spares::default();
    let mut outbox = Outbox::default();
    outbox.share(shared(b"first"));
    outbox.push(b"second", &mut spares);
    assert_eq!(flatten(&outbox), b"firstsecond");
}

#[test]
fn a_limit_counts_from_what_is_sent() {
    let mut spares = Spares::default();
    let mut outbox = Outbox::default();
    outbox.push(b"abcdef", &mut spares);
    outbox.share(shared(b"GHI"));
    outbox.advance(3, &mut spares);
    for (limit, expected) in [(0, &b""[..]), (2, b"de"), (3, b"def")] {
        let mut slices = [IoSlice::new(&[]); 4];
        let used = outbox.slices(Some(limit), &mut slices);
        let got: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.to_vec()).collect();
        assert_eq!(got, expected, "{limit} bytes");
    }
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn an_outbox_that_never_empties_forgets_what_is_gone() {
    let mut spares = Spares::default();
    let mut outbox = Outbox::default();
    outbox.push(b"x", &mut spares);
    for _ in 0..1_000 {
        outbox.push(&[b'y'; 1_000], &mut spares);
        outbox.advance(1_000, &mut spares);
    }
    assert_eq!(outbox.len(), 1);
    assert!(outbox.copied.capacity() < 8 * EVERYDAY_BYTES, "{}", outbox.copied.capacity());
}

#[test]
fn what_was_sent_is_there_until_it_is_forgotten() {
    let mut spares = Spares::default();
    let mut outbox = Outbox::default();
    outbox.push(b"aabb", &mut spares);
    outbox.share(shared(b"CCC"));
    outbox.push(b"dd", &mut spares);
    outbox.pass(8, &mut spares);
    assert_eq!((outbox.copied(), outbox.sent()), (&b"aabbdd"[..], 5));
    assert_eq!(flatten(&outbox), b"d");
    assert_eq!(outbox.forget(4, &mut spares).capacity(), 0);
    outbox.pass(1, &mut spares);
    assert_eq!(outbox.forget(4, &mut spares).capacity(), 0);
    assert_eq!(outbox.copied(), b"aabbdd", "so little is not worth moving the rest");
    assert!(outbox.forget(6, &mut spares).capacity() >= 6);
    assert!(outbox.copied().is_empty() && outbox.is_empty());
}

#[test]
fn of_a_long_line_what_is_forgotten_makes_room_and_the_rest_stays_as_it_was() {
    let mut spares = Spares::default();
    let mut outbox = Outbox::default();
    outbox.push(&[b'x'; 3 * EVERYDAY_BYTES], &mut spares);
    outbox.push(b"aa", &mut spares);
    outbox.share(shared(b"BB"));
    outbox.push(b"cc", &mut spares);
    outbox.pass(3 * EVERYDAY_BYTES + 1, &mut spares);
    assert_eq!(outbox.forget(2 * EVERYDAY_BYTES, &mut spares).capacity(), 0);
    assert_eq!(outbox.sent(), EVERYDAY_BYTES + 1);
    assert_eq!(flatten(&outbox), b"aBBcc");
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn what_a_burst_needed_is_not_kept_though_the_line_never_empties() {
    let mut spares = Spares::default();
    let mut outbox = Outbox::default();
    outbox.push(&vec![b'x'; 8 << 20], &mut spares);
    outbox.pass(8 << 20, &mut spares);
    outbox.push(b"a", &mut spares);
    let gone = outbox.forget(8 << 20, &mut spares);
    assert!(
        gone.capacity() >= 8 << 20,
        "it is for the next, and given to the system by who keeps them"
    );
    assert_eq!((flatten(&outbox), outbox.sent()), (b"a".to_vec(), 0));
    assert!(outbox.copied.capacity() < 4 * EVERYDAY_BYTES, "{}", outbox.copied.capacity());
}

#[test]
fn many_small_messages_find_the_buffers_of_those_before_them() {
    let mut spares = Spares::default();
    let round = |spares: &mut Spares| {
        let mut outboxes = [Outbox::default(), Outbox::default()];
        for outbox in &mut outboxes {
            (0..100).for_each(|n| outbox.push(&[n; 1_000], spares));
            assert!(
                flatten(outbox).iter().enumerate().all(|(at, &n)| usize::from(n) == at / 1_000)
            );
        }
        for mut outbox in outboxes {
            outbox.advance(100_000, spares);
        }
        spares.bytes()
    };
    let first = round(&mut spares);
    assert!(first < 2 * 4 * 100_000, "{first}");
    for again in 1..10 {
        assert_eq!(round(&mut spares), first, "round {again}");
    }
}

#[test]
fn a_large_message_that_was_sent_leaves_its_buffer_for_the_next() {
    let mut spares = Spares::default();
    let mut outbox = Outbox::default();
    outbox.share(shared(&[7; 200_000]));
    outbox.advance(60_000, &mut spares);
    assert_eq!(spares.large_bytes(), 0, "part of it waits");
    outbox.advance(140_000, &mut spares);
    assert!(spares.large_bytes() >= 200_000);
}
