//! Ending early, between two actions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The wish that a cycle ends after the action it is at. Shared with whoever may utter it; once
/// uttered it stays.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Utters it.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once it was uttered.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// What a signal handler sets.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}
