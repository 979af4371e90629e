#![doc = include_str!("../README.md")]

mod antctl;
mod antd;
mod binary;
mod detect;
mod docker;
mod exec;
mod files;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod hands;
mod import;
mod launchd;
mod mounts;
mod process;
mod registry;
mod schedule;
mod setsid;
mod systemd;
#[cfg(test)]
mod tests;

pub use antctl::{Antctl, AntctlPlaces, Downloaded, probe_antctl};
pub use antd::{Antd, OfDaemon};
pub use binary::{ProgramFinder, probe_program};
pub use detect::{UserManager, root_refusal, system_manager, user_manager};
pub use docker::{
    Containers, Docker, DockerAntctl, DockerAntctlSettings, DockerSettings, Image, InContainers,
    SUPERVISE, build_image, docker_antctl_problems, docker_problems, supervise,
};
pub use exec::SystemRunner;
pub use files::{
    ArchivedKey, DiskFiles, HeldKey, KeyState, Kinship, LaidReady, MARKER, Seal, Story, Unseal,
    export_keys, import_keys, recipient_problem,
};
pub use hands::RootHands;
pub use import::{AnmPlaces, Mover, Moving, Places, Units, look as look_at_found, plain_processes};
pub use launchd::Launchd;
pub use process::{processes_below, processes_of};
pub use registry::Registry;
pub use schedule::{
    Cron, Drift, Every, Found, Job, Obstacle, Piece, Schedule, ScheduleKind, Timer, drift,
    program_of,
};
pub use setsid::{Setsid, service_of_process};
pub use systemd::{Systemd, unit_is_ours, unit_is_released};
