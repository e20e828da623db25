//! Exact decimals with at most four decimals, as people and PostgreSQL write them.

/// Not plain decimal text, negative, of more than four decimals, or of more than nine digits before the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotADecimal;

/// Reads plain decimal text such as `250`, `0.5` or `1024.0000` in ten-thousandths; `1e3`, `+5` and `1,000` are not guessed at.
pub(crate) fn ten_thousandths(text: &str) -> Result<i64, NotADecimal> {
    let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    // Zeros at the end say nothing; PostgreSQL writes as many as the column has.
    let decimals = if decimals.len() > 4 { decimals.trim_end_matches('0') } else { decimals };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || whole.len() > 9 || decimals.len() > 4 || (!decimals.is_empty() && !digits(decimals)) {
        return Err(NotADecimal);
    }
    let whole: i64 = whole.parse().map_err(|_| NotADecimal)?;
    let fraction: i64 = format!("{decimals:0<4}").parse().map_err(|_| NotADecimal)?;
    Ok(whole * 10_000 + fraction)
}
