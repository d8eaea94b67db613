//! Answers that count subscribers: one number for a message, or a list of channels with one each.
//!
//! Whose numbers they become is the caller's affair; here they are found and replaced.

use super::digits;
use super::pubsub::Topic;
use super::response::{array_head, elements_end, integer};
use crate::command::Audience;

impl Audience {
    /// The kind of topic that it is about, and whether it counts whom one message reached (not who is
    /// subscribed by name).
    #[must_use]
    pub const fn of(self) -> (Topic, bool) {
        match self {
            Self::OfMessage => (Topic::Channel, true),
            Self::OfShardMessage => (Topic::Shard, true),
            Self::OfChannels => (Topic::Channel, false),
            Self::OfShards => (Topic::Shard, false),
        }
    }
}

/// Makes of `answer` one with other numbers: `count` is given each channel and the number that the
/// server has for it. What was published to `channel` is answered with a number alone.
///
/// `None` for what is no such answer, which is an error most likely. O(answer).
pub fn recount(
    answer: &[u8],
    channel: &[u8],
    mut count: impl FnMut(&[u8], u64) -> u64,
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(answer.len() + 20);
    if let Some(number) = number(answer) {
        write(count(channel, number), &mut out);
        return Some(out);
    }
    let (elements, begin) = array_head(answer)?;
    out.extend_from_slice(&answer[..begin]);
    let mut at = begin;
    for _pair in 0..elements / 2 {
        let behind_name = elements_end(answer, at, 1)?;
        let end = elements_end(answer, behind_name, 1)?;
        let name = bulk_body(&answer[at..behind_name])?;
        let number = number(&answer[behind_name..end])?;
        out.extend_from_slice(&answer[at..behind_name]);
        write(count(name, number), &mut out);
        at = end;
    }
    (at == answer.len()).then_some(out)
}

fn write(number: u64, out: &mut Vec<u8>) {
    out.push(b':');
    digits::push(number, out);
    out.extend_from_slice(b"\r\n");
}

/// The number that an element is, of things that are counted.
fn number(element: &[u8]) -> Option<u64> {
    u64::try_from(integer(element)?).ok()
}

/// What a whole bulk string says.
fn bulk_body(element: &[u8]) -> Option<&[u8]> {
    let text = element.strip_prefix(b"$")?.strip_suffix(b"\r\n")?;
    let header = text.iter().position(|&byte| byte == b'\n')?;
    Some(&text[header + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten more than the server says, and a hundred more for `b`.
    fn recounted(answer: &str, channel: &str) -> Option<String> {
        let more = |name: &[u8], number| number + if name == b"b" { 100 } else { 10 };
        let out = recount(answer.as_bytes(), channel.as_bytes(), more)?;
        Some(String::from_utf8(out).expect("made of text"))
    }

    #[test]
    fn a_number_alone_is_about_the_channel_that_was_published_to() {
        assert_eq!(recounted(":1\r\n", "a").as_deref(), Some(":11\r\n"));
        assert_eq!(recounted(":0\r\n", "b").as_deref(), Some(":100\r\n"));
    }

    #[test]
    fn each_channel_of_a_list_has_its_own_number() {
        let answer = "*6\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:99\r\n$0\r\n\r\n:0\r\n";
        let expected = "*6\r\n$1\r\na\r\n:11\r\n$1\r\nb\r\n:199\r\n$0\r\n\r\n:10\r\n";
        assert_eq!(recounted(answer, "").as_deref(), Some(expected));
        assert_eq!(recounted("*0\r\n", "").as_deref(), Some("*0\r\n"));
        // A name is bytes and may look like anything.
        let answer = "*2\r\n$6\r\n:1\r\n\r\n\r\n:7\r\n";
        assert_eq!(recounted(answer, "").as_deref(), Some("*2\r\n$6\r\n:1\r\n\r\n\r\n:17\r\n"));
    }

    #[test]
    fn what_is_no_such_answer_is_left_alone() {
        for odd in [
            "-ERR no\r\n",
            "-MOVED 1 a:1\r\n",
            ":-1\r\n",
            "+OK\r\n",
            "$1\r\n1\r\n",
            "*-1\r\n",
            "*1\r\n$1\r\na\r\n",
            "*2\r\n:1\r\n:1\r\n",
            "*2\r\n$1\r\na\r\n$1\r\n1\r\n",
            "*2\r\n$-1\r\n:1\r\n",
            "*3\r\n$1\r\na\r\n:1\r\n:1\r\n",
        ] {
            assert_eq!(recounted(odd, "a"), None, "{odd:?}");
        }
    }
}
