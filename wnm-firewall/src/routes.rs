//! The interfaces that the world is behind.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads the kernel's routes")]

use std::collections::BTreeSet;
use std::fs;

/// The interfaces of default routes. Empty where there is none, or no Linux.
pub fn outer_interfaces() -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let found = of_ipv4(&read("/proc/net/route")).chain(of_ipv6(&read("/proc/net/ipv6_route")));
    found.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Interface, destination, gateway, flags, three counters, mask.
fn of_ipv4(text: &str) -> std::vec::IntoIter<String> {
    let default = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let all = fields.get(1) == Some(&"00000000") && fields.get(7) == Some(&"00000000");
        all.then(|| fields[0].to_owned())
    };
    text.lines().filter_map(default).collect::<Vec<_>>().into_iter()
}

/// Destination, its length, source, its length, next hop, metric, two counters, flags, interface.
/// The kernel's own catch-all route is on the loopback.
fn of_ipv6(text: &str) -> std::vec::IntoIter<String> {
    let default = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let all = fields.get(1) == Some(&"00") && fields.get(9).is_some_and(|name| *name != "lo");
        all.then(|| fields[9].to_owned())
    };
    text.lines().filter_map(default).collect::<Vec<_>>().into_iter()
}

/// Both readings of any text.
#[cfg(feature = "fuzz")]
pub(crate) fn of_text(text: &str) -> impl Iterator<Item = String> {
    of_ipv4(text).chain(of_ipv6(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_name_their_interfaces() {
        let four = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n\
                    eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                    eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(of_ipv4(four).collect::<Vec<_>>(), ["eth0"]);
        let zero = "0".repeat(32);
        let six = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 1 0 00000003     wlan0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 1 0 00200200       lo\n\
             fe80{rest} 40 {zero} 00 {zero} 00000100 1 0 00000001     eth0\n",
            rest = "0".repeat(28)
        );
        assert_eq!(of_ipv6(&six).collect::<Vec<_>>(), ["wlan0"]);
        assert_eq!(of_ipv4("").count() + of_ipv6("garbage\n").count(), 0);
    }
}
