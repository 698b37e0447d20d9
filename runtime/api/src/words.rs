//! Texts of a manifest inside of messages: short, and without control characters that a terminal would obey.

use std::borrow::Cow;

/// The beginning of a text.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    const CHARS_MAX: usize = 80;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// The beginning of a text, control characters escaped.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let text = cut(text);
    if text.chars().any(char::is_control) {
        return Cow::Owned(text.escape_debug().to_string());
    }
    text
}
