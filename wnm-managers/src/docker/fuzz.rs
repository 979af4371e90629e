//! What must hold whatever docker or podman prints.

use super::found;
use super::orders::Order;

/// Containers, a line each.
pub fn containers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(containers) = found::parse(&text) else { return };
    let lines = text.lines().filter(|line| !matches!(line.trim(), "" | "[]")).count();
    assert_eq!(containers.len(), lines, "every line is a container");
    for container in &containers {
        assert!(!container.name.starts_with('/'));
        let labels = container.labels.iter();
        labels.for_each(|(key, value)| assert!(container.has_label(key, value)));
    }
}

/// What a container with many nodes is told.
pub fn order(data: &[u8]) {
    let Ok(order) = serde_json::from_slice::<Order>(data) else { return };
    let text = order.text().expect("an order is JSON");
    assert_eq!(serde_json::from_slice::<Order>(&text).expect("and is read again"), order);
}
