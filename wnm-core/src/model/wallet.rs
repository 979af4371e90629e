//! Who earns.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha3::{Digest, Keccak256};

/// A 20-byte account address, shown with its EIP-55 checksum.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 20]);

/// The address that the word `faucet` stands for, and `donate` unless it was set otherwise.
pub const FAUCET: &str = "0x00455d78f850b0358E8cea5be24d415E01E107CF";

/// A wallet text that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWallet {
    /// Nothing was given.
    #[error(
        "no wallet given: write 0x and 40 hex digits, `faucet`, `donate`, or `wallet:weight,…`"
    )]
    Empty,
    /// Not an address.
    #[error("`{0}` is not a wallet: write 0x and 40 hex digits, `faucet` or `donate`")]
    Form(String),
    /// Mixed case with a checksum that does not fit: most likely a mistyped digit.
    #[error(
        "`{found}` has a wrong EIP-55 checksum: check every digit, or write it all in lower case"
    )]
    Checksum {
        /// What was given.
        found: String,
    },
    /// Not a positive whole number.
    #[error("`{0}` is not a weight: weights are positive whole numbers")]
    Weight(String),
    /// The same wallet twice.
    #[error("`{0}` is listed twice: give each wallet one weight")]
    Twice(String),
}

impl Address {
    /// The checksummed text of EIP-55: a letter is upper case where the hash's digit is 8 or more.
    fn checksummed(self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut lower = [0; 40];
        for (pair, byte) in lower.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 0xf)];
        }
        let hash = Keccak256::digest(lower);
        let digits = lower.iter().enumerate().map(|(at, digit)| {
            let nibble = (hash[at / 2] >> (4 * (1 - at % 2))) & 0xf;
            char::from(if nibble >= 8 { digit.to_ascii_uppercase() } else { *digit })
        });
        ['0', 'x'].into_iter().chain(digits).collect()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.checksummed())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Address {
    type Err = BadWallet;

    fn from_str(text: &str) -> Result<Address, BadWallet> {
        let bad = || BadWallet::Form(text.to_owned());
        let digits = text.strip_prefix("0x").ok_or_else(bad)?;
        if digits.len() != 40 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let mut bytes = [0; 20];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).map_err(|_| bad())?;
        }
        let address = Address(bytes);
        let upper = digits.bytes().any(|b| b.is_ascii_uppercase());
        let lower = digits.bytes().any(|b| b.is_ascii_lowercase());
        if upper && lower && address.checksummed() != text {
            return Err(BadWallet::Checksum { found: text.to_owned() });
        }
        Ok(address)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One wallet and its weight against the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletShare {
    /// Who earns.
    pub address: Address,
    /// Share of the nodes, relative to the sum of all weights.
    pub weight: u32,
}

/// How nodes are shared out among wallets; never empty, no wallet twice, no weight 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct WalletShares(Vec<WalletShare>);

impl WalletShares {
    /// Reads `wallet` or `wallet:weight,…`, where a wallet is an address, `faucet` or `donate`.
    pub fn parse(text: &str, donate: Address) -> Result<WalletShares, BadWallet> {
        let mut shares: Vec<WalletShare> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, weight) = part.split_once(':').unwrap_or((part, "1"));
            let bad_weight = || BadWallet::Weight(weight.to_owned());
            let weight: u32 = weight.parse().map_err(|_| bad_weight())?;
            if weight == 0 {
                return Err(bad_weight());
            }
            let address = match name {
                "faucet" => FAUCET.parse()?,
                "donate" => donate,
                _ => name.parse()?,
            };
            if shares.iter().any(|share| share.address == address) {
                return Err(BadWallet::Twice(name.to_owned()));
            }
            shares.push(WalletShare { address, weight });
        }
        if shares.is_empty() { Err(BadWallet::Empty) } else { Ok(WalletShares(shares)) }
    }

    /// The shares, in the order they were written.
    pub fn shares(&self) -> &[WalletShare] {
        &self.0
    }

    /// The wallet of the next node: the one whose share lacks most, ties in list order.
    /// `counts` are the nodes each wallet has now.
    pub fn next(&self, counts: &BTreeMap<Address, u32>) -> Address {
        let count = |share: &WalletShare| u64::from(*counts.get(&share.address).unwrap_or(&0));
        let total: u64 = self.0.iter().map(count).sum::<u64>() + 1;
        let weights: u64 = self.0.iter().map(|share| u64::from(share.weight)).sum();
        // deficit = wanted - present, all times the sum of weights so that it stays whole.
        let deficit = |share: &WalletShare| {
            i128::from(total) * i128::from(share.weight)
                - i128::from(count(share)) * i128::from(weights)
        };
        let mut best = &self.0[0];
        for share in &self.0[1..] {
            if deficit(share) > deficit(best) {
                best = share;
            }
        }
        best.address
    }
}

impl<'de> Deserialize<'de> for WalletShares {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<WalletShares, D::Error> {
        let shares = Vec::<WalletShare>::deserialize(deserializer)?;
        let sound = !shares.is_empty() && shares.iter().all(|share| share.weight > 0);
        sound
            .then_some(WalletShares(shares))
            .ok_or_else(|| serde::de::Error::custom("wallet shares: empty, or a weight of 0"))
    }
}
