//! The known name that a mistyped one most likely means.

/// The nearest of `known`, if any is near enough to be what was meant.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let lower = name.to_lowercase();
    let slips_max = 1 + name.chars().count() / 4;
    known
        .iter()
        .map(|known| (slips(&lower, &known.to_lowercase()), *known))
        .filter(|(slips, known)| *slips <= slips_max && *slips < known.chars().count())
        .min()
        .map(|(_, known)| known)
}

/// Longer than every field of Kubernetes.
const NAME_BYTES_MAX: usize = 64;

/// Letters inserted, left out, replaced or swapped with their neighbour between two words.
fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = [
            "image",
            "imagePullPolicy",
            "name",
            "args",
            "volumeMounts",
            "ports",
        ];
        let meant = |name| nearest(name, &known);
        assert_eq!(meant("imag"), Some("image"));
        assert_eq!(meant("iamge"), Some("image"));
        assert_eq!(meant("volumemounts"), Some("volumeMounts"));
        assert_eq!(meant("volumeMount"), Some("volumeMounts"));
        assert_eq!(meant("port"), Some("ports"));
        assert_eq!(meant("imagepullpolicy"), Some("imagePullPolicy"));
        assert_eq!(meant("spec"), None);
        assert_eq!(meant(""), None);
        assert_eq!(meant(&"a".repeat(1 << 20)), None);
    }
}
