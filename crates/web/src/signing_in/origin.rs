//! Did a page of ours send this? What the browser itself says of it, which no page can change: `Sec-Fetch-Site` (W3C Fetch
//! Metadata) and `Origin` (RFC 6454).

use axum::http::{HeaderMap, header};

/// May a request that changes something come from where it says? `public_url`: the address that people use, if it is known.
/// Browsers that say neither are left to the form's token.
pub(crate) fn same_origin(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if said("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return false;
    }
    let Some(origin) = said(header::ORIGIN.as_str()) else { return true };
    match public_url {
        Some(url) => origin.eq_ignore_ascii_case(&origin_of(url)),
        None => said(header::HOST.as_str()).is_some_and(|host| origin.eq_ignore_ascii_case(&format!("http://{host}"))),
    }
}

/// Scheme, host and port of an address.
fn origin_of(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    format!("{scheme}://{}", rest.split('/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::same_origin;
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    #[test]
    fn what_comes_from_elsewhere_is_known_by_what_the_browser_says() {
        let public = Some("https://ascribe.example/");
        for (said, url, ours) in [
            (vec![], None, true),
            (vec![("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")], None, true),
            (vec![("host", "127.0.0.1:8080"), ("origin", "http://evil.example")], None, false),
            (vec![("host", "127.0.0.1:8080"), ("origin", "null")], None, false),
            (vec![("host", "127.0.0.1:8080"), ("origin", "https://127.0.0.1:8080")], None, false),
            (vec![("sec-fetch-site", "same-origin")], None, true),
            (vec![("sec-fetch-site", "same-site")], None, false),
            (vec![("sec-fetch-site", "cross-site")], public, false),
            (vec![("host", "evil.example"), ("origin", "http://evil.example")], public, false),
            (vec![("origin", "https://ascribe.example")], public, true),
            (vec![("origin", "https://ascribe.example.evil.example")], public, false),
        ] {
            let pairs =
                said.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let headers: HeaderMap = pairs.collect();
            assert_eq!(same_origin(&headers, url), ours, "{said:?} {url:?}");
        }
    }
}
