//! The stories. Their names begin with `on_real_hosts`, so that a list of tests tells them apart.

mod contract;
mod firewall;
mod operator;
mod smoke;
mod user_scope;
