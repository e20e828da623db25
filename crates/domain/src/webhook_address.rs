//! Where a webhook may be. A tenant writes the address, so it must not lead into anybody's network (CWE-918): https to a name
//! that resolves to public addresses only, or to a host and port that the installation names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookAddressRefusal {
    /// Not `https://host/path`, or with something in it that two readers could read differently.
    #[error("is not an address such as https://hooks.example.com/ascribe")]
    Malformed,
    /// What is told would go in the clear.
    #[error("is not https")]
    NotEncrypted,
    /// Another port than 443.
    #[error("has a port, and this installation does not name it in ASCRIBE_WEBHOOK_HOSTS")]
    Port,
    /// An address in place of a name, or a name that means nothing to the public.
    #[error("is at a host that is no public name, and this installation does not name it in ASCRIBE_WEBHOOK_HOSTS")]
    NotPublic,
}

/// How a webhook is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By a public name: only public addresses may be connected to.
    Public,
    /// The installation names host and port: wherever it leads.
    Named,
}

/// The longest address, in bytes.
const LONGEST: usize = 1_024;

/// Names that mean something inside a network only (RFC 6761, 6762, 7686, 8375, ICANN's `internal`).
const INSIDE: [&str; 9] = ["localhost", "local", "internal", "intranet", "lan", "home", "corp", "onion", "arpa"];

/// May a webhook be at this address? `hosts` are exact `host:port` entries, which may also be http.
///
/// # Errors
/// [`WebhookAddressRefusal`]
pub fn admitted(address: &str, hosts: &[String]) -> Result<Reach, WebhookAddressRefusal> {
    let (scheme, rest) = address.split_once("://").ok_or(WebhookAddressRefusal::Malformed)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let plain = |text: &str, also: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
    // No user, fragment, backslash, bracket, or percent sign in the host: nothing that two readers could read differently.
    if address.len() > LONGEST || !plain(authority, ".-:") || !plain(path, "/?._-~%=&+,;:@!$*'()") {
        return Err(WebhookAddressRefusal::Malformed);
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let number =
        port.map(|port| if port.bytes().all(|b| b.is_ascii_digit()) { port.parse::<u16>().ok() } else { None });
    let label = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    if host.len() > 253 || !host.split('.').all(label) || number.is_some_and(|port| port.is_none_or(|port| port == 0)) {
        return Err(WebhookAddressRefusal::Malformed);
    }
    let standard = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return Err(WebhookAddressRefusal::Malformed),
    };
    let number = number.flatten().unwrap_or(standard);
    if hosts.iter().any(|named| named.eq_ignore_ascii_case(&format!("{host}:{number}"))) {
        return Ok(Reach::Named);
    }
    if scheme != "https" {
        return Err(WebhookAddressRefusal::NotEncrypted);
    }
    if number != 443 {
        return Err(WebhookAddressRefusal::Port);
    }
    // A last label that begins with a digit is what some reader takes for an address: 127.1, 2130706433, 0x7f.1.
    let last = host.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_name = host.contains('.') && !last.starts_with(|c: char| c.is_ascii_digit());
    if !is_name || INSIDE.contains(&last.as_str()) {
        return Err(WebhookAddressRefusal::NotPublic);
    }
    Ok(Reach::Public)
}

/// May a connection go there? What is private, of this machine, of the link, shared, reserved, for documents, or a way round
/// (mapped, translated, tunnelled) may not.
#[must_use]
pub const fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    // IANA's registry of special purposes, and what is multicast or reserved.
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    // Only what is given out to networks (2000::/3), without what leads elsewhere: protocols and Teredo (2001::/23), documents
    // (2001:db8::/32, 3fff::/20), 6to4 (2002::/16). Mapped (::ffff:0:0/96) and translated (64:ff9b::/96) are not in it.
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000
        && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
        && first != 0x2002
        && !(first == 0x3fff && second < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_to_public_names_or_what_is_named() {
        use WebhookAddressRefusal::{Malformed, NotEncrypted, NotPublic, Port};
        let hosts = ["127.0.0.1:9000".to_owned(), "hooks.inside:443".to_owned()];
        for (address, said) in [
            ("https://hooks.example.com/ascribe", Ok(Reach::Public)),
            ("https://hooks.example.com", Ok(Reach::Public)),
            ("https://hooks.example.com:443/x?token=a%20b", Ok(Reach::Public)),
            ("https://hooks.example.com?x=1", Ok(Reach::Public)),
            ("https://xn--bcher-kva.example/", Ok(Reach::Public)),
            ("http://127.0.0.1:9000/hook", Ok(Reach::Named)),
            ("https://127.0.0.1:9000/hook", Ok(Reach::Named)),
            ("https://HOOKS.inside/", Ok(Reach::Named)),
            ("http://hooks.inside:443/", Ok(Reach::Named)),
            ("http://hooks.inside/", Err(NotEncrypted)),
            ("http://127.0.0.1:9001/", Err(NotEncrypted)),
            ("https://127.0.0.1:9001/", Err(Port)),
            ("http://hooks.example.com/", Err(NotEncrypted)),
            ("https://hooks.example.com:8443/", Err(Port)),
            ("https://hooks.example.com:22/", Err(Port)),
            ("https://127.0.0.1/", Err(NotPublic)),
            ("https://10.0.0.1/", Err(NotPublic)),
            ("https://169.254.169.254/latest/meta-data", Err(NotPublic)),
            ("https://8.8.8.8/", Err(NotPublic)),
            ("https://127.1/", Err(NotPublic)),
            ("https://2130706433/", Err(NotPublic)),
            ("https://0x7f.1/", Err(NotPublic)),
            ("https://0x7f000001/", Err(NotPublic)),
            ("https://017700000001/", Err(NotPublic)),
            ("https://a.0x1/", Err(NotPublic)),
            ("https://localhost/", Err(NotPublic)),
            ("https://x.localhost/", Err(NotPublic)),
            ("https://metadata.google.internal/", Err(NotPublic)),
            ("https://printer.local/", Err(NotPublic)),
            ("https://db/", Err(NotPublic)),
            ("https://1.0.0.127.in-addr.arpa/", Err(NotPublic)),
            ("https://[::1]/", Err(Malformed)),
            ("https://[::ffff:127.0.0.1]/", Err(Malformed)),
            ("https://good.example@127.0.0.1/", Err(Malformed)),
            ("https://good.example:443@127.0.0.1/", Err(Malformed)),
            ("https://good.example\\@127.0.0.1/", Err(Malformed)),
            ("https://good.example#@127.0.0.1/", Err(Malformed)),
            ("https://127.0.0.1%2f.example.com/", Err(Malformed)),
            ("https://good.example:99999/", Err(Malformed)),
            ("https://good.example:/", Err(Malformed)),
            ("https://good.example:+443/", Err(Malformed)),
            ("https://good.example:0/", Err(Malformed)),
            ("https://good.example./", Err(Malformed)),
            ("https://.example/", Err(Malformed)),
            ("https://-a.example/", Err(Malformed)),
            ("https://good.example/a b", Err(Malformed)),
            ("https://good.example/\r\nX: y", Err(Malformed)),
            ("https://g\u{ff0e}example/", Err(Malformed)),
            ("https:///x", Err(Malformed)),
            ("https:/good.example/", Err(Malformed)),
            ("file:///etc/passwd", Err(Malformed)),
            ("gopher://good.example/", Err(Malformed)),
            ("good.example", Err(Malformed)),
            ("", Err(Malformed)),
        ] {
            assert_eq!(admitted(address, &hosts), said, "{address}");
        }
    }

    #[test]
    fn only_public_addresses_are_connected_to() {
        for (address, public) in [
            ("8.8.8.8", true),
            ("1.1.1.1", true),
            ("99.255.255.255", true),
            ("100.63.255.255", true),
            ("172.15.0.1", true),
            ("172.32.0.1", true),
            ("223.255.255.255", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.192", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700::1111", true),
            ("2001:4860:4860::8888", true),
            ("2a00::1", true),
            ("::", false),
            ("::1", false),
            ("::ffff:8.8.8.8", false),
            ("::ffff:127.0.0.1", false),
            ("::127.0.0.1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("100::1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::", false),
            ("3fff::1", false),
            ("5f00::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }
}
