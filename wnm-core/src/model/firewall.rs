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
}

impl FirewallChoice {
    /// All of them.
    pub const ALL: [FirewallChoice; 3] =
        [FirewallChoice::Auto, FirewallChoice::None, FirewallChoice::Ufw];
}

impl fmt::Display for FirewallChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FirewallChoice::Auto => "auto",
            FirewallChoice::None => "none",
            FirewallChoice::Ufw => "ufw",
        })
    }
}

/// A text that names no firewall that can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFirewall {
    /// Known to people, but not to this program.
    #[error("{0} is not part of this version: give auto, none or ufw")]
    NotYet(&'static str),
    /// Known to nobody.
    #[error("give auto, none or ufw")]
    Unknown,
}

impl FromStr for FirewallChoice {
    type Err = BadFirewall;

    fn from_str(text: &str) -> Result<FirewallChoice, BadFirewall> {
        match text {
            "firewalld" => return Err(BadFirewall::NotYet("firewalld")),
            "nftables" => return Err(BadFirewall::NotYet("nftables")),
            _ => {}
        }
        let mut all = FirewallChoice::ALL.into_iter();
        all.find(|choice| choice.to_string() == text).ok_or(BadFirewall::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_read_what_they_print_and_say_what_is_missing() {
        for choice in FirewallChoice::ALL {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        let why = |text: &str| text.parse::<FirewallChoice>().expect_err("refused").to_string();
        assert!(why("firewalld").contains("firewalld is not part of this version"));
        assert!(why("nftables").contains("nftables is not part of this version"));
        assert_eq!(why("Ufw"), "give auto, none or ufw");
    }
}
