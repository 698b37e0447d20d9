//! Sets of completion indexes, as a Job writes them: `1,3-5,7`.

use std::fmt;

/// Intervals of indexes, both ends included, in order and without touching each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Indexes(Vec<(i64, i64)>);

/// Why a text is no set of indexes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IndexesError {
    #[error(
        "the fragment {0:?} violates the requirement that an index interval can have at most two parts separated by '-'"
    )]
    TooManyParts(String),
    #[error("cannot convert string to integer for index: {0:?}")]
    NoNumber(String),
    #[error("too large index: {0:?}")]
    TooLarge(String),
    #[error("non-increasing order, previous: {previous}, current: {current}")]
    Order { previous: i64, current: i64 },
}

impl Indexes {
    /// What a client wrote, each index below `completions`.
    ///
    /// # Errors
    /// When it is not in order, or no number.
    pub(crate) fn parse_strictly(text: &str, completions: i64) -> Result<Self, IndexesError> {
        let mut indexes = Self::default();
        let mut before = None;
        for fragment in text.split(',').filter(|_| !text.is_empty()) {
            let number = |part: &str| {
                let number: i64 = part
                    .parse()
                    .map_err(|_| IndexesError::NoNumber(part.to_owned()))?;
                match number < completions {
                    true => Ok(number),
                    false => Err(IndexesError::TooLarge(part.to_owned())),
                }
            };
            let (first, last) = match fragment.split('-').collect::<Vec<_>>().as_slice() {
                [one] => (number(one)?, number(one)?),
                [first, last] => {
                    let (previous, current) = (number(first)?, number(last)?);
                    if previous >= current {
                        return Err(IndexesError::Order { previous, current });
                    }
                    (previous, current)
                }
                _ => return Err(IndexesError::TooManyParts(fragment.to_owned())),
            };
            if let Some(previous) = before.filter(|before| *before >= first) {
                let current = first;
                return Err(IndexesError::Order { previous, current });
            }
            indexes.insert(first, last);
            before = Some(last);
        }
        Ok(indexes)
    }

    /// What a status says; what makes no sense in it, or is not below `completions`, is left out.
    pub(crate) fn parse(text: &str, completions: i64) -> Self {
        let mut indexes = Self::default();
        for fragment in text.split(',') {
            let (first, last) = fragment.split_once('-').unwrap_or((fragment, fragment));
            if let (Ok(first), Ok(last)) = (first.parse(), last.parse::<i64>()) {
                indexes.insert(first, last.min(completions - 1));
            }
        }
        indexes
    }

    /// Adds all from `first` to `last`.
    pub(crate) fn insert(&mut self, first: i64, last: i64) {
        if first > last {
            return;
        }
        let start = self.0.partition_point(|(_, end)| *end < first - 1);
        let end = self.0.partition_point(|(begin, _)| *begin <= last + 1);
        let (mut low, mut high) = (first, last);
        for (begin, end) in &self.0[start..end] {
            low = low.min(*begin);
            high = high.max(*end);
        }
        self.0.splice(start..end, [(low, high)]);
    }

    /// Both together.
    pub(crate) fn union(mut self, other: &Self) -> Self {
        for (first, last) in &other.0 {
            self.insert(*first, *last);
        }
        self
    }

    /// Whether it has this one.
    pub(crate) fn contains(&self, index: i64) -> bool {
        let place = self.0.partition_point(|(_, last)| *last < index);
        self.0.get(place).is_some_and(|(first, _)| *first <= index)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> i64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many of `others` are in it.
    pub(crate) fn count_of(&self, others: &Self) -> i64 {
        let mut count = 0;
        for (first, last) in &others.0 {
            let place = self.0.partition_point(|(_, end)| end < first);
            let touching = self.0[place..]
                .iter()
                .take_while(|(begin, _)| begin <= last);
            count += touching
                .map(|(begin, end)| last.min(end) - first.max(begin) + 1)
                .sum::<i64>();
        }
        count
    }

    /// The first `count` below `completions` that are not in it.
    pub(crate) fn first_missing(&self, count: usize, completions: i64) -> Vec<i64> {
        let ends = self.0.iter().map(|(_, last)| last + 1);
        let starts = self.0.iter().map(|(first, _)| *first);
        let gaps = std::iter::once(0)
            .chain(ends)
            .zip(starts.chain([completions]));
        let missing = gaps.flat_map(|(from, to)| from..to.min(completions));
        missing.take(count).collect()
    }
}

impl FromIterator<i64> for Indexes {
    fn from_iter<I: IntoIterator<Item = i64>>(iter: I) -> Self {
        let mut indexes = Self::default();
        for index in iter {
            indexes.insert(index, index);
        }
        indexes
    }
}

impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (first, last)) in self.0.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                1 => write!(f, "{comma}{first},{last}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_written_as_intervals() {
        let check = |indexes: &[i64], text: &str| {
            let indexes: Indexes = indexes.iter().copied().collect();
            assert_eq!(indexes.to_string(), text);
            assert_eq!(Indexes::parse(text, 100), indexes);
            assert_eq!(Indexes::parse_strictly(text, 100), Ok(indexes));
        };
        check(&[], "");
        check(&[5], "5");
        check(&[5, 4], "4,5");
        check(&[1, 3, 2, 9, 7, 8, 5], "1-3,5,7-9");
        check(&[1, 3, 2, 1, 3], "1-3");
        assert_eq!(Indexes::parse("1-3,8,x,20-30", 9).to_string(), "1-3,8");
    }

    #[test]
    fn texts_that_are_no_indexes_are_refused() {
        let check = |text: &str, error: &str| {
            let found = Indexes::parse_strictly(text, 10).unwrap_err();
            assert_eq!(found.to_string(), error);
        };
        check("1,x", "cannot convert string to integer for index: \"x\"");
        check("10", "too large index: \"10\"");
        check("3,2", "non-increasing order, previous: 3, current: 2");
        check("3-2", "non-increasing order, previous: 3, current: 2");
        check(
            "1-2-3",
            "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated \
             by '-'",
        );
    }

    #[test]
    fn sets_know_what_they_have_not() {
        let indexes = Indexes::parse("0-2,5,8", 10);
        assert_eq!(indexes.first_missing(4, 10), [3, 4, 6, 7]);
        assert_eq!(indexes.first_missing(9, 10), [3, 4, 6, 7, 9]);
        assert_eq!(indexes.first_missing(9, 6), [3, 4]);
        assert_eq!(indexes.len(), 5);
        assert!(indexes.contains(5) && !indexes.contains(6));
        assert_eq!(indexes.count_of(&Indexes::parse("2-8", 10)), 3);
    }
}
