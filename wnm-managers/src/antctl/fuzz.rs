//! What must hold whatever antctl prints.

use std::collections::BTreeSet;

use super::{call, registry};

/// A registry, as a file and among lines of a log.
pub fn registry(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = registry::in_file(&text);
    let Ok(services) = registry::parse(&text) else { return };
    let names: BTreeSet<&str> = services.iter().map(|it| it.service_name.as_str()).collect();
    assert_eq!(names.len(), services.len(), "no name stands for two nodes");
    let ids = registry::ids(&services);
    let next = registry::numbering(&services).next;
    assert_eq!(next.number() as usize, services.len() + 1);
    assert!(services.is_empty() || ids.len() >= services.len());
}

/// What it complains of.
pub fn complaint(data: &[u8]) {
    let said = call::complaint(&String::from_utf8_lossy(data));
    assert!(!said.contains('\n'), "{said:?} is more than a line");
}
