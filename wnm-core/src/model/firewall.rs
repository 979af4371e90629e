//! Which firewall is told about ports.

use std::fmt;
use std::str::FromStr;

/// The setting `firewall`, as a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirewallChoice {
    /// In the system scope what is there and active; in the user scope none.
    Auto,
    /// None: whoever looks after the machine opens the ports.
    None,
    /// The machine's ufw, and nothing less.
    Ufw,
    /// The machine's firewalld, and nothing less.
    Firewalld,
    /// A table of our own in nftables, which the machine's own rules ask.
    Nftables,
}

impl FirewallChoice {
    /// All of them.
    pub const ALL: [FirewallChoice; 5] = [
        FirewallChoice::Auto,
        FirewallChoice::None,
        FirewallChoice::Ufw,
        FirewallChoice::Firewalld,
        FirewallChoice::Nftables,
    ];
}

impl fmt::Display for FirewallChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FirewallChoice::Auto => "auto",
            FirewallChoice::None => "none",
            FirewallChoice::Ufw => "ufw",
            FirewallChoice::Firewalld => "firewalld",
            FirewallChoice::Nftables => "nftables",
        })
    }
}

/// A text that names no firewall that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give auto, none, ufw, firewalld or nftables")]
pub struct BadFirewall;

impl FromStr for FirewallChoice {
    type Err = BadFirewall;

    fn from_str(text: &str) -> Result<FirewallChoice, BadFirewall> {
        let mut all = FirewallChoice::ALL.into_iter();
        all.find(|choice| choice.to_string() == text).ok_or(BadFirewall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_read_what_they_print() {
        for choice in FirewallChoice::ALL {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        for text in ["Ufw", "iptables", ""] {
            assert_eq!(text.parse::<FirewallChoice>(), Err(BadFirewall), "{text}");
        }
    }
}
