//! What must hold whatever the ant daemon writes or answers.

use serde::de::DeserializeOwned;

use super::parse::{self, Added, Complaint, DaemonStatus, Node, Summaries};

/// Any body, taken for each of those that are asked for.
pub fn bodies(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(registry) = parse::registry(&text) {
        assert_eq!(registry.schema_version, 1, "another shape is not guessed at");
    }
    read::<DaemonStatus>(&text);
    read::<Summaries>(&text);
    read::<Node>(&text);
    read::<Added>(&text);
    read::<Complaint>(&text);
}

fn read<T: DeserializeOwned>(text: &str) {
    if let Err(error) = parse::json::<T>("it", text) {
        assert!(error.to_string().chars().count() < 200, "a complaint shows a beginning only");
    }
}
