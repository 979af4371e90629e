//! What must hold whatever is read, for `tests/fuzz`: each takes one input, and panics otherwise.

pub use crate::antctl::fuzz::{complaint as antctl_complaint, registry as antctl_registry};
pub use crate::antd::fuzz::bodies as antd_bodies;
pub use crate::docker::fuzz::{containers as docker_containers, order as docker_order};
pub use crate::files::fuzz::{
    bundle as identities, identity_seeds, key as identity, sealed as sealed_key,
    sealed_seeds as sealed_keys,
};
pub use crate::import::fuzz::{anm_config, anm_script, unit as unit_file};
pub use crate::launchd::fuzz::{list as property_list, services as launchd_services};
pub use crate::schedule::fuzz::{crontab, timer};
pub use crate::systemd::fuzz::units as systemd_units;
