//! What a request with several keys may get when some of its servers failed, in pools that give what
//! the others brought.

use nutcracker_engine::MultiError;
use nutcracker_proto::Protocol;

use super::answers::{answer, bad, block};
use super::asks::Asker;
use super::key::{Kind, Tag};
use super::wire::{Tongue, response};

/// A part of an answer.
#[derive(Debug)]
pub(crate) enum Partly {
    /// An element a key: its own, or null.
    Elements { own: Vec<Vec<u8>>, null: &'static [u8] },
    /// No more than this.
    UpTo(u64),
    /// Some of these blocks, in any order, and `END`.
    Blocks(Vec<Vec<u8>>),
    /// An error that says of how many keys some failed.
    Failed(usize),
}

impl Partly {
    /// Bytes of the longest of them, at most.
    pub(crate) fn len_max(&self) -> usize {
        match self {
            Self::Elements { own, .. } => own.iter().map(|element| element.len() + 5).sum(),
            Self::Blocks(blocks) => blocks.iter().map(|block| block.len() + 5).sum(),
            Self::UpTo(_) | Self::Failed(_) => 0,
        }
    }

    pub(crate) fn allows(&self, whole: &[u8]) -> bool {
        match self {
            Self::Elements { own, null } => {
                let head = format!("*{}\r\n", own.len());
                let Some(mut rest) = whole.strip_prefix(head.as_bytes()) else { return false };
                own.iter().all(|own| {
                    let Ok(Some(len)) = response(Protocol::Redis, rest) else { return false };
                    let (element, behind) = rest.split_at(len);
                    rest = behind;
                    element == own || element == *null
                })
            }
            Self::UpTo(most) => {
                let number = whole.strip_prefix(b":").and_then(|rest| rest.strip_suffix(b"\r\n"));
                let number = number.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
                number.is_some_and(|number: u64| number <= *most)
            }
            Self::Blocks(blocks) => {
                let mut left: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
                let mut rest = whole;
                while let Some(at) = left.iter().position(|block| rest.starts_with(block)) {
                    rest = &rest[left.swap_remove(at).len()..];
                }
                rest == b"END\r\n"
            }
            Self::Failed(keys) => {
                let text = String::from_utf8_lossy(whole).into_owned();
                let middle = format!(" of {keys} keys failed: ");
                text.starts_with("-ERR ") && text.contains(&middle)
            }
        }
    }
}

impl Asker<'_> {
    /// What a request of that name for those keys may get if some of its servers fail; `None` where
    /// none may, or where the pool has one error stand for all.
    pub(crate) fn partly(&self, name: &str, keys: &[impl AsRef<[u8]>]) -> Option<Partly> {
        let config = self.config();
        let is_bad = |key: &[u8]| bad(config.protocol, &[key]).is_some();
        let may_fail = !self.plan.quiet || keys.iter().any(|key| is_bad(key.as_ref()));
        if config.multi_error == MultiError::Fail || !may_fail {
            return None;
        }
        let keys = keys.iter().map(AsRef::as_ref);
        Some(match name.to_ascii_lowercase().as_str() {
            "mget" => {
                let tongue = self.tongue();
                let null: &[u8] = if tongue == Tongue::Resp3 { b"_\r\n" } else { b"$-1\r\n" };
                let element = |key: &[u8]| {
                    let one = answer(tongue, &[b"mget".to_vec(), key.to_vec()]);
                    one.strip_prefix(b"*1\r\n").unwrap_or(null).to_vec()
                };
                Partly::Elements { own: keys.map(element).collect(), null }
            }
            "mset" => Partly::Failed(keys.count()),
            "get" | "gets" => {
                let blocks = keys.filter(|key| !is_bad(key)).map(|key| block(key, name == "gets"));
                Partly::Blocks(blocks.filter(|block| !block.is_empty()).collect())
            }
            _ => Partly::UpTo(
                keys.filter_map(|key| match Tag::of(key).map(|tag| tag.kind) {
                    Some(Kind::Number(number)) => Some(u64::from(number)),
                    _ => None,
                })
                .sum(),
            ),
        })
    }
}
