//! The header `Accept`: media types that a client wants, the one it wants most first (RFC 9110, section 12.5.1).

use super::request::Request;

/// One media range of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clause<'h> {
    media_type: (&'h str, &'h str),
    parameters: Vec<(&'h str, &'h str)>,
}

/// All media ranges of a request, the best first; anything when it says nothing.
pub(crate) fn clauses(request: &Request) -> Vec<Clause<'_>> {
    let header = request.header("accept").unwrap_or_default();
    let mut clauses: Vec<_> = header.split(',').filter_map(Clause::parse).collect();
    if clauses.is_empty() {
        clauses.extend(Clause::parse("*/*"));
    }
    clauses.sort_by_key(Clause::rank);
    clauses
}

/// Which of some media types the client of a request wants most; of equals the first.
pub(crate) fn best(request: &Request, offers: &[&str]) -> Option<usize> {
    let clauses = clauses(request);
    let mut found = clauses
        .iter()
        .filter_map(|clause| offers.iter().position(|offer| clause.matches(offer)));
    found.next()
}

impl<'h> Clause<'h> {
    fn parse(text: &'h str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media_type = match parts.next().filter(|one| !one.is_empty())? {
            "*" => ("*", "*"),
            media_type => media_type.split_once('/')?,
        };
        let parameters = parts.filter_map(|part| part.split_once('='));
        let parameters =
            parameters.map(|(name, value)| (name.trim(), value.trim().trim_matches('"')));
        Some(Self {
            media_type,
            parameters: parameters.collect(),
        })
    }

    /// The value of a parameter; empty when there is none.
    pub(crate) fn parameter(&self, name: &str) -> &'h str {
        let mut all = self.parameters.iter();
        all.find(|(one, _)| *one == name)
            .map_or("", |(_, value)| value)
    }

    /// The better, the smaller: what weighs more, then what is said more exactly.
    fn rank(&self) -> (u32, u8) {
        let weight: f64 = self.parameter("q").parse().unwrap_or(1.0);
        let thousandths = (weight.clamp(0.0, 1.0) * 1000.0) as u32;
        let wildcards = match self.media_type {
            ("*", _) => 2,
            (_, "*") => 1,
            _ => 0,
        };
        (1000 - thousandths, wildcards)
    }

    /// Whether a media type is in the range.
    pub(crate) fn matches(&self, media_type: &str) -> bool {
        let offered = media_type.split_once('/').unwrap_or((media_type, ""));
        match self.media_type {
            ("*", "*") => true,
            (group, "*") => group == offered.0,
            exact => exact == offered,
        }
    }
}
