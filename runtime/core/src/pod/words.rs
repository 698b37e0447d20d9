//! Kubernetes' words as enums.

/// Kubernetes' words are the names of the variants.
macro_rules! display_as_debug {
    ($($name:ident),*) => {
        $(impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&format!("{self:?}"))
            }
        })*
    };
}
pub(super) use display_as_debug;
