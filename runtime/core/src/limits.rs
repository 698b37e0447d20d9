//! A bound on everything a guest or a manifest can make grow. One line each: unit, and why this number.
