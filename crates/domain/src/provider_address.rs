//! Where a provider may be: only at hosts that the installation names. A tenant writes the address of its account, and must not
//! make us call what is inside somebody's network (CWE-918).

/// Why an address is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefusal {
    /// Not `https://host/path`, or with more in it than host, port and path.
    #[error("is not an address such as https://api.revioapi.com/v1")]
    Malformed,
    /// Credentials would go in the clear.
    #[error("is neither https nor http to this machine")]
    NotEncrypted,
    /// The host is not one of those that were named.
    #[error("is at a host that this installation does not name (ASCRIBE_REV_IO_HOSTS, ASCRIBE_CARRIER_HOSTS)")]
    HostNotNamed,
}

/// Is the address at one of these hosts? A host may be named with its port; without one any port of it is meant.
///
/// # Errors
/// [`AddressRefusal`]
pub fn admitted(address: &str, hosts: &[String]) -> Result<(), AddressRefusal> {
    let (scheme, rest) = address.split_once("://").ok_or(AddressRefusal::Malformed)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |text: &str, also: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
    // No user, query, fragment, backslash or percent sign: nothing that two readers could read differently.
    if authority.is_empty() || !plain(authority, ".-:") || !plain(path, "/._-") || address.len() > 256 {
        return Err(AddressRefusal::Malformed);
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    if host.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(AddressRefusal::Malformed);
    }
    match scheme {
        "https" => {}
        "http" if host == "127.0.0.1" || host == "localhost" => {}
        "http" => return Err(AddressRefusal::NotEncrypted),
        _ => return Err(AddressRefusal::Malformed),
    }
    let named = |name: &String| name.eq_ignore_ascii_case(host) || name.eq_ignore_ascii_case(authority);
    if hosts.iter().any(named) { Ok(()) } else { Err(AddressRefusal::HostNotNamed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_hosts_and_nothing_that_two_readers_read_differently() {
        let hosts = ["api.revioapi.com".to_owned(), "127.0.0.1:7070".to_owned()];
        for (address, said) in [
            ("https://api.revioapi.com/v1", Ok(())),
            ("https://API.revioapi.com/v1", Ok(())),
            ("https://api.revioapi.com:8443/v1", Ok(())),
            ("http://127.0.0.1:7070/rev-io/v1", Ok(())),
            ("http://127.0.0.1:7071/rev-io/v1", Err(AddressRefusal::HostNotNamed)),
            ("http://api.revioapi.com/v1", Err(AddressRefusal::NotEncrypted)),
            ("https://169.254.169.254/latest", Err(AddressRefusal::HostNotNamed)),
            ("https://api.revioapi.com@evil.example/v1", Err(AddressRefusal::Malformed)),
            ("https://api.revioapi.com\\@evil.example/v1", Err(AddressRefusal::Malformed)),
            ("https://api.revioapi.com.evil.example/v1", Err(AddressRefusal::HostNotNamed)),
            ("https://[::1]/v1", Err(AddressRefusal::Malformed)),
            ("https://api.revioapi.com/v1?x=1", Err(AddressRefusal::Malformed)),
            ("https://api.revioapi.com:99999/v1", Err(AddressRefusal::Malformed)),
            ("ftp://api.revioapi.com/v1", Err(AddressRefusal::Malformed)),
            ("https:///v1", Err(AddressRefusal::Malformed)),
            ("api.revioapi.com", Err(AddressRefusal::Malformed)),
            ("", Err(AddressRefusal::Malformed)),
        ] {
            assert_eq!(admitted(address, &hosts), said, "{address}");
        }
    }
}
