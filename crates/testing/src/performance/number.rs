//! Figures as people read them.

/// With commas between thousands and this many decimals.
pub(super) fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut out = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// Three digits that count, no more: the next one is noise.
pub(super) fn figure(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    grouped(value, decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas_and_small_figures_have_decimals() {
        let shown = [1_234_567.0, 1_000.0, 999.6, 12.34, 1.234, 0.0, -1_234.0].map(figure);
        assert_eq!(shown, ["1,234,567", "1,000", "1,000", "12.3", "1.23", "0.00", "-1,234"]);
        assert_eq!(grouped(8_333.333, 1), "8,333.3");
    }
}
