//! The little language that requests of Redis are described in: a line of words.
//!
//! `a|b` stands for either, `[ ... ]+` for one to six of what is in it, `[ ... ]?` for one or none,
//! and a word that begins with `@` for something that whoever has the table of forms draws.

use crate::random::Random;

/// Turns a form into the words of a request. `draw` is given what is behind an `@`.
pub(crate) fn expand(
    form: &str,
    random: &mut Random,
    draw: &mut dyn FnMut(&str, &mut Random) -> Vec<u8>,
) -> Vec<Vec<u8>> {
    let tokens: Vec<&str> = form.split(' ').collect();
    let mut words = Vec::new();
    some(&tokens, random, draw, &mut words);
    words
}

fn some(
    tokens: &[&str],
    random: &mut Random,
    draw: &mut dyn FnMut(&str, &mut Random) -> Vec<u8>,
    words: &mut Vec<Vec<u8>>,
) {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        if let Some(what) = token.strip_prefix('@') {
            words.push(draw(what, random));
        } else if *token != "[" {
            let choices: Vec<&str> = token.split('|').collect();
            words.push(random.pick(&choices).as_bytes().to_vec());
        } else {
            let end = at + group_end(&tokens[at..]);
            let times = if tokens[end] == "]+" { random.between(1, 6) } else { random.below(2) };
            for _ in 0..times {
                some(&tokens[at..end], random, draw, words);
            }
            at = end + 1;
        }
    }
}

/// Where the group ends that `tokens` are the inside and the rest of.
fn group_end(tokens: &[&str]) -> usize {
    let mut depth = 0;
    let end = tokens.iter().position(|token| {
        let is_end = token.starts_with(']');
        if is_end && depth == 0 {
            return true;
        }
        depth += usize::from(*token == "[");
        depth -= usize::from(is_end);
        false
    });
    end.expect("a group ends")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_nest_and_choices_are_drawn() {
        let mut random = Random::of_stream(1, 1);
        for _ in 0..200 {
            let form = "SET [ [ @k ]+ x|y ]? [ z ]? end";
            let words = expand(form, &mut random, &mut |what, _| what.to_uppercase().into_bytes());
            let text: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
            let text = text.join(" ");
            let rest = text.strip_prefix("SET ").and_then(|rest| rest.strip_suffix("end"));
            let rest = rest.expect("the outer words stand");
            let rest = rest.trim_end().trim_end_matches('z').trim_end();
            assert!(
                rest.is_empty() || (rest.starts_with('K') && rest.ends_with(['x', 'y'])),
                "{text}"
            );
        }
    }
}
