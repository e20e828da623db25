//! How deep JSON nests, before anything recursive looks at it.

/// What `reliability.md` section 2 (Provider, hostile bodies) allows. Rev.io's own objects nest four deep.
pub(crate) const MOST_DEPTH: usize = 32;

/// Whether no bracket is opened more than `most` deep. Text that is no JSON has no depth worth refusing.
pub(crate) fn is_at_most(text: &str, most: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_brackets_but_not_those_within_strings() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(is_at_most(&nested(32), 32));
        assert!(!is_at_most(&nested(33), 32));
        assert!(is_at_most(r#"{"a":"[[[[\"[[[["}"#, 1));
        assert!(!is_at_most(r#"{"a":"\\","b":[[1]]}"#, 2));
        assert!(is_at_most(&"{}".repeat(1_000), 1));
    }
}
