//! Whose openings: several installations may share the firewall of one machine.

/// What openings of one installation carry. Only those are ever listed as ours, or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// For firewalls that keep comments.
    pub(crate) comment: String,
    /// For firewalld, whose rules have none: nobody gives rules this priority by chance, and a
    /// positive one comes after every rule of somebody else.
    pub(crate) priority: u16,
}

impl Owner {
    /// The machine's own installation, and root's.
    pub fn machine() -> Owner {
        Owner { comment: "wnm".to_owned(), priority: 30_000 }
    }

    /// The installation of one user.
    pub fn user(uid: u32) -> Owner {
        match uid {
            0 => Owner::machine(),
            _ => Owner {
                comment: format!("wnm-{uid}"),
                priority: 20_000 + u16::try_from(uid % 10_000).unwrap_or(0),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installations_are_told_apart() {
        assert_eq!(Owner::user(0), Owner::machine());
        assert_ne!(Owner::user(1000), Owner::user(1001));
        assert_eq!(Owner::user(1000).comment, "wnm-1000");
        assert!(Owner::user(u32::MAX).priority < Owner::machine().priority);
    }
}
