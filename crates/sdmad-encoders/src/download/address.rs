/// Whether this can be the address of a server: `http://` or `https://` and a host.
pub(crate) fn is_address(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
        && text.chars().all(|c| c.is_ascii_graphic())
        && !text.contains(['?', '#', '@'])
}

/// Scheme, host and port of an address: `https://example.org:8080`.
pub(super) fn origin(address: &str) -> &str {
    let Some(host) = address.find("://").map(|at| at + 3) else { return address };
    let end = address[host..].find(['/', '?', '#']).map_or(address.len(), |at| host + at);
    &address[..end]
}

/// An address for messages: what stands behind `?` may hold a signature.
pub(super) fn without_query(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or(address)
}

/// Where a redirect leads to, from its `Location` (RFC 9110, 10.2.2); `None` for what is no web address.
pub(super) fn resolve(base: &str, location: &str) -> Option<String> {
    let location = location.trim();
    if location.starts_with("http://") || location.starts_with("https://") {
        Some(location.to_string())
    } else if let Some(rest) = location.strip_prefix("//") {
        let scheme = base.split("://").next()?;
        Some(format!("{scheme}://{rest}"))
    } else if location.starts_with('/') {
        Some(format!("{}{location}", origin(base)))
    } else if location.is_empty() || location.split('/').next()?.contains(':') {
        None
    } else {
        let path = without_query(base);
        let folder = path.rfind('/').filter(|&at| at >= origin(base).len());
        Some(match folder {
            Some(at) => format!("{}/{location}", &path[..at]),
            None => format!("{}/{location}", origin(base)),
        })
    }
}

/// A piece of a path with everything but unreserved characters percent-encoded (RFC 3986, 2.3); `/` too.
pub(crate) fn encode_segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_they_say() {
        let base = "https://hub.example:8080/a/b?c=/d";
        let cases = [
            ("http://other.example/x", Some("http://other.example/x")),
            ("//other.example/x", Some("https://other.example/x")),
            ("/x?y", Some("https://hub.example:8080/x?y")),
            ("x", Some("https://hub.example:8080/a/x")),
            ("file:/etc/passwd", None),
            ("", None),
        ];
        for (location, expected) in cases {
            assert_eq!(resolve(base, location).as_deref(), expected, "{location}");
        }
        assert_eq!(origin(base), "https://hub.example:8080");
    }

    #[test]
    fn an_endpoint_is_an_address_without_secrets() {
        assert!(is_address("http://127.0.0.1:1234"));
        assert!(is_address("https://hub.example/mirror"));
        for text in
            ["", "hub.example", "https://", "https:///x", "ftp://x", "https://user:key@hub.example", "http://a b"]
        {
            assert!(!is_address(text), "{text}");
        }
        assert_eq!(encode_segment("refs/pr 1"), "refs%2Fpr%201");
    }
}
