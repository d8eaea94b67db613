//! The report as a tree that keeps its order, and as a shape: all but the figures.

/// A value of the report. There are no others: no fractions, signs, lists, `true` or `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Text(String),
    Number(u64),
    Object(Vec<(String, Self)>),
}

impl Node {
    /// Reads one object at the front of `text`; returns it with what stands behind it.
    pub(crate) fn read(text: &str) -> Result<(Self, &str), String> {
        let text = text.trim_start();
        if let Some(rest) = text.strip_prefix('"') {
            let (string, rest) = rest.split_once('"').ok_or("a text without an end")?;
            return Ok((Self::Text(string.to_owned()), rest));
        }
        if let Some(rest) = text.strip_prefix('{') {
            return Self::read_members(rest);
        }
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number = text[..end].parse();
        let number = number.map_err(|_| format!("no value begins at {:?}", head(text)))?;
        Ok((Self::Number(number), &text[end..]))
    }

    fn read_members(mut text: &str) -> Result<(Self, &str), String> {
        let mut members = Vec::new();
        loop {
            let (key, rest) = Self::read(text)?;
            let Self::Text(key) = key else { return Err(format!("{key:?} is no key")) };
            let rest = rest.trim_start().strip_prefix(':');
            let (value, rest) = Self::read(rest.ok_or_else(|| format!("no colon behind {key}"))?)?;
            members.push((key, value));
            let rest = rest.trim_start();
            if let Some(rest) = rest.strip_prefix('}') {
                return Ok((Self::Object(members), rest));
            }
            text = rest.strip_prefix(',').ok_or_else(|| format!("{:?} in a map", head(rest)))?;
        }
    }

    /// All of `text`, which is one object and white space behind it.
    pub(crate) fn read_all(text: &str) -> Result<Self, String> {
        match Self::read(text)? {
            (node, rest) if rest.trim().is_empty() => Ok(node),
            (_, rest) => Err(format!("more behind the object: {:?}", head(rest))),
        }
    }

    /// The members, none where there can be none.
    pub(crate) fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Each figure below this, named by its path.
    pub(crate) fn figures(&self) -> Vec<(String, u64)> {
        let mut figures = Vec::new();
        for (key, value) in self.members() {
            if let Self::Number(number) = value {
                figures.push((key.clone(), *number));
            }
            let below = value.figures().into_iter();
            figures.extend(below.map(|(path, figure)| (format!("{key}/{path}"), figure)));
        }
        figures
    }
}

fn head(text: &str) -> &str {
    text.get(..20).unwrap_or(text)
}

/// The report with an `N` in place of each figure: every byte of it but those that change.
pub(crate) fn shape(text: &str) -> String {
    let mut shape = String::new();
    let mut rest = text;
    // Names may hold a colon with a digit behind it, so only those colons count that follow a quote.
    while let Some(at) = rest.find("\":") {
        let (head, tail) = rest.split_at(at + 2);
        shape += head;
        rest = tail.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() < tail.len() {
            shape.push('N');
        }
    }
    shape + rest
}
