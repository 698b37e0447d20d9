//! Kubernetes quantities (`100Mi`, `0.5`, `500m`, `1e3`, `1E`), read exactly.

/// A quantity in billionths, the finest step that Kubernetes keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity {
    nanos: i128,
}

/// The text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)]
pub(crate) struct QuantityError;

impl Quantity {
    /// Reads a quantity. What is beyond 2^63-1 is cut to it and what is finer than a billionth is rounded up, as the
    /// documentation of Kubernetes' `Quantity` says.
    pub(crate) fn parse(text: &str) -> Result<Self, QuantityError> {
        let (negative, text) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(QuantityError);
        }
        let nanos = Decimal::new(whole, fraction).times(scale(suffix)?);
        Ok(Self {
            nanos: if negative { -nanos } else { nanos },
        })
    }

    /// Kubernetes' canonical form of a text: the largest suffix of the kind that the text has which leaves a whole number.
    pub(crate) fn canonical(text: &str) -> Result<String, QuantityError> {
        let nanos = Self::parse(text)?.nanos;
        let unsigned = text.trim_start_matches(['-', '+']);
        let is_exponent = |at: usize| unsigned[at + 1..].bytes().any(|byte| byte.is_ascii_digit());
        let binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        let exponents = [
            "e-9", "e-6", "e-3", "", "e3", "e6", "e9", "e12", "e15", "e18",
        ];
        let is_whole = nanos % NANOS == 0 && nanos.abs() >= 1024 * NANOS;
        Ok(if nanos == 0 {
            "0".to_owned()
        } else if unsigned.ends_with('i') && is_whole {
            largest(nanos / NANOS, 1024, &binary)
        } else if unsigned.find(['e', 'E']).is_some_and(is_exponent) {
            largest(nanos, 1000, &exponents)
        } else {
            largest(nanos, 1000, &decimal)
        })
    }

    pub(crate) fn of_units(units: u64) -> Self {
        Self {
            nanos: i128::from(units) * NANOS,
        }
    }

    pub(crate) fn of_thousandths(thousandths: u64) -> Self {
        Self {
            nanos: i128::from(thousandths) * (NANOS / 1000),
        }
    }

    /// Kubernetes' canonical form of decimal quantities, in thousandths: `500m`, `2`, `1k`.
    pub(crate) fn to_decimal(self) -> String {
        let thousandths = self.thousandths();
        if !thousandths.is_multiple_of(1000) {
            return format!("{thousandths}m");
        }
        let suffixes = ["", "k", "M", "G", "T", "P", "E"];
        largest(i128::from(thousandths / 1000), 1000, &suffixes)
    }

    /// Kubernetes' canonical form of binary quantities, in units: `64Mi`, `1000`.
    pub(crate) fn to_binary(self) -> String {
        let suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        largest(i128::from(self.units()), 1024, &suffixes)
    }

    pub(crate) fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// In units, such as bytes, rounded up; 0 when negative.
    pub(crate) fn units(self) -> u64 {
        self.divided_by(NANOS)
    }

    /// In thousandths, rounded up; 0 when negative.
    pub(crate) fn thousandths(self) -> u64 {
        self.divided_by(NANOS / 1000)
    }

    fn divided_by(self, step: i128) -> u64 {
        u64::try_from((self.nanos + step - 1).div_euclid(step)).unwrap_or(0)
    }
}

/// With the largest suffix that leaves a whole number.
fn largest(mut value: i128, step: i128, suffixes: &[&str]) -> String {
    let mut suffixes = suffixes.iter();
    let mut suffix = suffixes.next();
    while value != 0 && value % step == 0 {
        let Some(next) = suffixes.next() else { break };
        (value, suffix) = (value / step, Some(next));
    }
    format!("{value}{}", suffix.copied().unwrap_or_default())
}

const NANOS: i128 = 1_000_000_000;
const NANOS_MAX: i128 = (i64::MAX as i128) * NANOS;

/// What a suffix multiplies by.
#[derive(Clone, Copy)]
enum Scale {
    Tens(i32),
    Bits(u32),
}

fn scale(suffix: &str) -> Result<Scale, QuantityError> {
    Ok(match suffix {
        "n" => Scale::Tens(-9),
        "u" => Scale::Tens(-6),
        "m" => Scale::Tens(-3),
        "" => Scale::Tens(0),
        "k" => Scale::Tens(3),
        "M" => Scale::Tens(6),
        "G" => Scale::Tens(9),
        "T" => Scale::Tens(12),
        "P" => Scale::Tens(15),
        "E" => Scale::Tens(18),
        "Ki" => Scale::Bits(10),
        "Mi" => Scale::Bits(20),
        "Gi" => Scale::Bits(30),
        "Ti" => Scale::Bits(40),
        "Pi" => Scale::Bits(50),
        "Ei" => Scale::Bits(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E']).ok_or(QuantityError)?;
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(QuantityError);
            }
            let size: i32 = digits.parse().unwrap_or(EXPONENT_MAX).min(EXPONENT_MAX);
            Scale::Tens(if exponent.starts_with('-') {
                -size
            } else {
                size
            })
        }
    })
}

/// Beyond this every number is either zero or too large.
const EXPONENT_MAX: i32 = 1 << 20;

/// `digits` × 10^`exponent`, zeros at both ends taken off.
struct Decimal {
    digits: Vec<u8>,
    exponent: i32,
}

impl Decimal {
    fn new(whole: &str, fraction: &str) -> Self {
        let fraction = fraction.trim_end_matches('0');
        let whole = whole.trim_start_matches('0');
        let mut digits: Vec<u8> = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|byte| byte - b'0')
            .collect();
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..leading);
        Self {
            digits,
            exponent: -i32::try_from(fraction.len()).unwrap_or(i32::MAX),
        }
    }

    /// In billionths, rounded up, at most [`NANOS_MAX`].
    fn times(&self, scale: Scale) -> i128 {
        let (tens, bits) = match scale {
            Scale::Tens(tens) => (tens, 0),
            Scale::Bits(bits) => (0, bits),
        };
        if self.digits.is_empty() {
            return 0;
        }
        let length = i32::try_from(self.digits.len()).unwrap_or(i32::MAX);
        let point = self.exponent.saturating_add(tens).saturating_add(length);
        if point > 20 {
            return NANOS_MAX;
        }
        // The number is 0.digits × 10^point, so digit i counts 10^(point-1-i) units. With bits every unit is worth
        // 2^bits; a digit below the billionth only says that there is a rest to round up.
        let mut nanos: i128 = 0;
        let mut rest = false;
        let finest = if bits > 0 { -18 } else { -9 };
        for (index, digit) in (0..).zip(&self.digits) {
            let power: i32 = point.saturating_sub(1).saturating_sub(index);
            if power < finest {
                rest |= *digit != 0;
                continue;
            }
            let unit = 10_i128.pow(power.saturating_sub(finest).unsigned_abs());
            nanos = nanos.saturating_add(unit.saturating_mul(i128::from(*digit)));
        }
        if bits > 0 {
            // In 10^-18 units here.
            let Some(shifted) = nanos.checked_mul(1 << bits) else {
                return NANOS_MAX;
            };
            rest |= shifted % NANOS != 0;
            nanos = shifted / NANOS;
        }
        (nanos + i128::from(rest)).min(NANOS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_exactly() {
        let units = |text| Quantity::parse(text).map(Quantity::units);
        assert_eq!(units("100Mi"), Ok(100 << 20));
        assert_eq!(units("1.5Gi"), Ok(3 << 29));
        assert_eq!(units("0.1Ki"), Ok(103));
        assert_eq!(units("1e3"), Ok(1000));
        assert_eq!(units("1E3"), Ok(1000));
        assert_eq!(units("1E"), Ok(1_000_000_000_000_000_000));
        assert_eq!(units("1Ei"), Ok(1 << 60));
        assert_eq!(units("12e-1"), Ok(2));
        assert_eq!(units("129M"), Ok(129_000_000));
        assert_eq!(units("123456789123456789"), Ok(123_456_789_123_456_789));
        assert_eq!(units("99999999999E"), Ok(i64::MAX as u64));
        assert_eq!(units("8Ei"), Ok(i64::MAX as u64));
        assert_eq!(units("1e999999999999"), Ok(i64::MAX as u64));
        assert_eq!(units("1e-999999999999"), Ok(1));
        assert_eq!(units("0e999999999999"), Ok(0));
        assert_eq!(units("-5"), Ok(0));
        assert_eq!(units(".5"), Ok(1));
        assert_eq!(units("5."), Ok(5));
    }

    #[test]
    fn reads_thousandths() {
        let thousandths = |text| Quantity::parse(text).map(Quantity::thousandths);
        assert_eq!(thousandths("500m"), Ok(500));
        assert_eq!(thousandths("0.5"), Ok(500));
        assert_eq!(thousandths("1.5"), Ok(1500));
        assert_eq!(thousandths("2"), Ok(2000));
        assert_eq!(thousandths("100u"), Ok(1));
        assert_eq!(thousandths("0.0001n"), Ok(1));
        assert_eq!(thousandths("+1k"), Ok(1_000_000));
    }

    #[test]
    fn prints_the_canonical_form() {
        assert_eq!(Quantity::of_thousandths(500).to_decimal(), "500m");
        assert_eq!(Quantity::of_thousandths(2000).to_decimal(), "2");
        assert_eq!(Quantity::of_thousandths(1_500_000).to_decimal(), "1500");
        assert_eq!(Quantity::of_thousandths(2_000_000).to_decimal(), "2k");
        assert_eq!(Quantity::of_thousandths(0).to_decimal(), "0");
        assert_eq!(Quantity::of_units(64 << 20).to_binary(), "64Mi");
        assert_eq!(Quantity::of_units(3 << 29).to_binary(), "1536Mi");
        assert_eq!(Quantity::of_units(1000).to_binary(), "1000");
        assert_eq!(Quantity::of_units(1 << 60).to_binary(), "1Ei");
        assert_eq!(Quantity::of_units(0).to_binary(), "0");
    }

    #[test]
    fn writes_a_text_as_kubernetes_does() {
        let check = |text, canonical: &str| {
            assert_eq!(
                Quantity::canonical(text).as_deref(),
                Ok(canonical),
                "{text}"
            );
        };
        check("0.5", "500m");
        check("1000m", "1");
        check("1500m", "1500m");
        check("1000", "1k");
        check("1024Mi", "1Gi");
        check("1.5Gi", "1536Mi");
        check("0.5Mi", "512Ki");
        check("0.5Ki", "512");
        check("1Ki", "1Ki");
        check("1e3", "1e3");
        check("12E4", "120e3");
        check("2E", "2E");
        check("100u", "100u");
        check("-0.25", "-250m");
        check("0Mi", "0");
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "", "-", ".", "1.2.3", "Mi", "1mi", "1 Gi", "1Gb", "1e", "1e+", "0x10", "1Mi1", "ten",
            "1_000", "١",
        ] {
            assert_eq!(Quantity::parse(text), Err(QuantityError), "{text}");
        }
        assert!(Quantity::parse("-1").expect("a quantity").is_negative());
    }
}
