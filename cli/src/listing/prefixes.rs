//! Which part of a bucket is listed: starts of keys, none of which lies in another.

/// Starts of keys, in the order of their bytes, none within another: listed one after the other they give
/// keys in S3's order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefixes(Vec<String>);

impl Prefixes {
    /// What any of these prefixes is the start of; everything where one is empty, nothing of none.
    #[must_use]
    pub fn of<T: Into<String>>(all: impl IntoIterator<Item = T>) -> Self {
        let mut all: Vec<String> = all.into_iter().map(Into::into).collect();
        // `str` is ordered by its bytes, as S3 orders keys.
        all.sort_unstable();
        all.dedup_by(|next, kept| next.starts_with(kept.as_str()));
        Self(all)
    }

    /// The part of it that is under any of `limits` as well.
    #[must_use]
    pub fn within(&self, limits: &Self) -> Self {
        let mut both = Vec::new();
        for own in &self.0 {
            for limit in &limits.0 {
                if own.starts_with(limit.as_str()) {
                    both.push(own.clone());
                } else if limit.starts_with(own.as_str()) {
                    both.push(limit.clone());
                }
            }
        }
        Self::of(both)
    }

    /// Whether the key is under one of them.
    #[must_use]
    pub fn hold(&self, key: &str) -> bool {
        self.0.iter().any(|prefix| key.starts_with(prefix.as_str()))
    }

    /// The prefixes.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// What is left of them after `key`: the prefix, and whether the key lies in it.
    pub(super) fn after<'a>(
        &'a self,
        key: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.iter().filter_map(move |prefix| match key {
            Some(key) if key.starts_with(prefix) => Some((prefix, Some(key))),
            Some(key) if key > prefix => None,
            _ => Some((prefix, None)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn short() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[ab\u{e9}\u{1f600}]{0,3}", 0..5)
    }

    proptest! {
        #[test]
        fn they_hold_the_same_keys_however_they_are_written(
            one in short(), other in short(), keys in proptest::collection::vec("[ab\u{e9}\u{1f600}]{0,5}", 0..30),
        ) {
            let (first, second) = (Prefixes::of(one.clone()), Prefixes::of(other.clone()));
            let both = first.within(&second);
            for key in &keys {
                let in_one = one.iter().any(|prefix| key.starts_with(prefix.as_str()));
                let in_other = other.iter().any(|prefix| key.starts_with(prefix.as_str()));
                prop_assert_eq!(first.hold(key), in_one);
                prop_assert_eq!(both.hold(key), in_one && in_other);
                // Each key lies in one of them at most.
                let times = both.iter().filter(|prefix| key.starts_with(prefix)).count();
                prop_assert!(times <= 1);
            }
            let listed: Vec<_> = both.iter().collect();
            prop_assert!(listed.windows(2).all(|two| two[0].as_bytes() < two[1].as_bytes()));
        }
    }

    #[test]
    fn what_is_done_is_not_listed_again() {
        let prefixes = Prefixes::of(["a/", "b/", "c/"]);
        let after = |key| prefixes.after(key).collect::<Vec<_>>();
        assert_eq!(after(None), [("a/", None), ("b/", None), ("c/", None)]);
        assert_eq!(after(Some("b/7")), [("b/", Some("b/7")), ("c/", None)]);
        assert_eq!(after(Some("b")), [("b/", None), ("c/", None)]);
        assert_eq!(after(Some("bz")), [("c/", None)]);
        assert_eq!(after(Some("d")), []);
    }
}
