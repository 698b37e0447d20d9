//! One field of a schedule.

/// What a field may say.
pub(super) struct Bounds {
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

pub(super) const MINUTES: Bounds = bounds(0, 59, &[]);
pub(super) const HOURS: Bounds = bounds(0, 23, &[]);
pub(super) const DAYS: Bounds = bounds(1, 31, &[]);
pub(super) const MONTHS: Bounds = bounds(
    1,
    12,
    &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
);
pub(super) const WEEKDAYS: Bounds =
    bounds(0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]);

const fn bounds(min: u32, max: u32, names: &'static [&'static str]) -> Bounds {
    Bounds { min, max, names }
}

/// Numbers from 0 to 62, and whether they were said by a star.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set(u64);

const STAR: u64 = 1 << 63;

/// Why a text is no field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FieldError {
    #[error("too many hyphens: {0}")]
    Hyphens(String),
    #[error("too many slashes: {0}")]
    Slashes(String),
    #[error("failed to parse int from {0}: strconv.Atoi: parsing {0:?}: invalid syntax")]
    Number(String),
    #[error("negative number ({0}) not allowed: {1}")]
    Negative(i64, String),
    #[error("beginning of range ({0}) below minimum ({1}): {2}")]
    Low(u32, u32, String),
    #[error("end of range ({0}) above maximum ({1}): {2}")]
    High(u32, u32, String),
    #[error("beginning of range ({0}) beyond end of range ({1}): {2}")]
    Order(u32, u32, String),
    #[error("step of range should be a positive number: {0}")]
    Step(String),
}

impl Set {
    /// Ranges with commas between them.
    pub(super) fn parse(text: &str, bounds: &Bounds) -> Result<Self, FieldError> {
        let mut all = 0;
        for range in text.split(',').filter(|range| !range.is_empty()) {
            all |= parse_range(range, bounds)?;
        }
        Ok(Self(all))
    }

    /// Whether it has this number.
    pub(super) fn contains(self, number: i8) -> bool {
        u32::try_from(number).is_ok_and(|number| number < 63 && self.0 & (1 << number) != 0)
    }

    /// Whether a star is in it.
    pub(super) fn is_star(self) -> bool {
        self.0 & STAR != 0
    }
}

fn parse_range(text: &str, bounds: &Bounds) -> Result<u64, FieldError> {
    let mut parts = text.split('/');
    let range = parts.next().unwrap_or_default();
    let step = match (parts.next(), parts.next()) {
        (None, _) => None,
        (Some(step), None) => Some(parse_number(step)?),
        (Some(_), Some(_)) => return Err(FieldError::Slashes(text.to_owned())),
    };
    let ends: Vec<&str> = range.split('-').collect();
    let is_star = matches!(ends[0], "*" | "?");
    let (first, last) = match ends.as_slice() {
        _ if is_star => (bounds.min, bounds.max),
        // `5/10` goes on to the end.
        [one] if step.is_some() => (parse_name(one, bounds)?, bounds.max),
        [one] => (parse_name(one, bounds)?, parse_name(one, bounds)?),
        [first, last] => (parse_name(first, bounds)?, parse_name(last, bounds)?),
        _ => return Err(FieldError::Hyphens(text.to_owned())),
    };
    if first < bounds.min {
        return Err(FieldError::Low(first, bounds.min, text.to_owned()));
    }
    if last > bounds.max {
        return Err(FieldError::High(last, bounds.max, text.to_owned()));
    }
    if first > last {
        return Err(FieldError::Order(first, last, text.to_owned()));
    }
    let star = if is_star && step.unwrap_or(1) <= 1 {
        STAR
    } else {
        0
    };
    let step = match step.unwrap_or(1) {
        0 => return Err(FieldError::Step(text.to_owned())),
        step => usize::try_from(step).unwrap_or(usize::MAX),
    };
    let numbers = (first..=last).step_by(step);
    Ok(numbers.fold(star, |set, number| set | (1 << number)))
}

fn parse_name(text: &str, bounds: &Bounds) -> Result<u32, FieldError> {
    let lower = text.to_ascii_lowercase();
    let name = (bounds.min..)
        .zip(bounds.names)
        .find(|(_, name)| **name == lower);
    name.map_or_else(|| parse_number(text), |(number, _)| Ok(number))
}

fn parse_number(text: &str) -> Result<u32, FieldError> {
    let number: i64 = text
        .parse()
        .map_err(|_| FieldError::Number(text.to_owned()))?;
    u32::try_from(number).map_err(|_| match number < 0 {
        true => FieldError::Negative(number, text.to_owned()),
        false => FieldError::Number(text.to_owned()),
    })
}
