//! Which node goes first.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::{NodeId, Timestamp};

/// `node_removal_strategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Created last.
    Youngest,
    /// Created first.
    Oldest,
    /// Holding the fewest records.
    LeastRecords,
    /// Shunned most often.
    MostShunned,
    /// Using most memory.
    MostMemory,
    /// Using most CPU time since it was started.
    MostCpu,
    /// Using most disk.
    LargestDisk,
}

impl Order {
    /// Every order.
    pub const ALL: [Order; 7] = [
        Order::Youngest,
        Order::Oldest,
        Order::LeastRecords,
        Order::MostShunned,
        Order::MostMemory,
        Order::MostCpu,
        Order::LargestDisk,
    ];

    /// Its name as a setting.
    pub fn name(self) -> &'static str {
        match self {
            Order::Youngest => "youngest",
            Order::Oldest => "oldest",
            Order::LeastRecords => "least_records",
            Order::MostShunned => "most_shunned",
            Order::MostMemory => "most_memory",
            Order::MostCpu => "most_cpu",
            Order::LargestDisk => "largest_disk",
        }
    }

    /// `Less` when `a` goes before `b`. A node whose number is not known goes after all whose
    /// number is: nobody loses a node for what could not be measured.
    pub fn compare(self, a: &Weighed, b: &Weighed) -> Ordering {
        let first = match self {
            Order::Youngest => b.created.cmp(&a.created),
            Order::Oldest => a.created.cmp(&b.created),
            Order::LeastRecords => least(a.records, b.records),
            Order::MostShunned => most(a.shunned, b.shunned),
            Order::MostMemory => most(a.memory, b.memory),
            Order::MostCpu => most(a.cpu_ms, b.cpu_ms),
            Order::LargestDisk => most(a.disk, b.disk),
        };
        // Stopped nodes go first: nothing that runs is lost by that.
        b.stopped.cmp(&a.stopped).then(first).then(b.id.cmp(&a.id))
    }
}

fn least(a: Option<u64>, b: Option<u64>) -> Ordering {
    a.unwrap_or(u64::MAX).cmp(&b.unwrap_or(u64::MAX))
}

fn most(a: Option<u64>, b: Option<u64>) -> Ordering {
    // `None` is below every number, so that it comes last.
    b.cmp(&a)
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "give youngest, oldest, least_records, most_shunned, most_memory, most_cpu or largest_disk"
)]
pub struct UnknownOrder;

impl FromStr for Order {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> Result<Order, UnknownOrder> {
        Order::ALL.into_iter().find(|order| order.name() == text).ok_or(UnknownOrder)
    }
}

/// What orders look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighed {
    /// The node.
    pub id: NodeId,
    /// Not running.
    pub stopped: bool,
    /// When it was created.
    pub created: Timestamp,
    /// Records stored.
    pub records: Option<u64>,
    /// Times shunned.
    pub shunned: Option<u64>,
    /// Resident bytes.
    pub memory: Option<u64>,
    /// CPU milliseconds since start.
    pub cpu_ms: Option<u64>,
    /// Bytes of data.
    pub disk: Option<u64>,
}
