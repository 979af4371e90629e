//! The stories. Their names begin with `on_real_hosts`, so that a list of tests tells them apart.

mod antctl;
mod bounds;
mod contract;
mod crashes;
mod day;
mod docker;
mod docker_antctl;
mod doctor;
mod firewall;
mod moving_containers;
mod moving_from_antctl;
mod moving_from_python;
mod moving_in;
mod operator;
mod packets;
mod schedule;
mod setsid_sudo;
mod smoke;
mod story;
mod system_scope;
mod upgrades;
mod user_scope;
mod walls;
