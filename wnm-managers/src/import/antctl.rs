//! Nodes in a registry of antctl 0.14. The registry says which there are and under which numbers, the
//! unit that antctl wrote says what runs; both must say the same, or nothing is taken.
#![expect(clippy::disallowed_methods, reason = "the shell module that reads antctl's registry")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use wnm_core::host::{HostError, HostResult};
use wnm_core::import::{Broken, Findings, Found, Left, Origin};
use wnm_core::model::{Manager, NodeId};

use super::Units;
use super::unit_file::{self, NodeUnit, Unusable};
use crate::antctl::{Service, registry_file};

/// A registry of ten thousand nodes takes 20 MB.
const MOST: u64 = 64 << 20;
/// More problems than these help nobody.
const SHOWN: usize = 20;

impl Units {
    /// Every node in the registry at `registry`, for `manager` to keep. Nothing is changed.
    pub fn read_antctl(&self, registry: &Path, manager: Manager) -> HostResult<Findings> {
        let mut findings = Findings::default();
        let broken = |what: String| Broken { name: None, what };
        let services = match services(registry)? {
            Ok(services) => services,
            Err(why) => {
                findings.broken.push(broken(format!("{}: {why}", registry.display())));
                return Ok(findings);
            }
        };
        let mut reading = Reading { units: self, registry, manager, findings: &mut findings };
        let (mut numbers, mut names) = (BTreeSet::new(), BTreeSet::new());
        for (at, service) in services.iter().enumerate() {
            let is_new = numbers.insert(service.number) & names.insert(&service.service_name);
            reading.one(at, service, is_new);
        }
        findings.broken.truncate(SHOWN);
        findings.keep.push(registry.to_owned());
        self.ask(&mut findings)?;
        Ok(findings)
    }
}

/// What stands in the file, or why it cannot be believed.
fn services(registry: &Path) -> HostResult<Result<Vec<Service>, String>> {
    let failed = |error| HostError::io(format!("read {}", registry.display()), error);
    let found = match fs::metadata(registry) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Err("it is not there: antctl keeps no nodes here".to_owned()));
        }
        found => found.map_err(failed)?,
    };
    if !found.is_file() {
        return Ok(Err("it is not a file".to_owned()));
    }
    if found.len() > MOST {
        return Ok(Err(format!("it is larger than {} MB", MOST >> 20)));
    }
    let bytes = fs::read(registry).map_err(failed)?;
    Ok(String::from_utf8(bytes)
        .map_err(|error| format!("it is not UTF-8: {error}"))
        .and_then(|text| registry_file(&text)))
}

/// One reading of a registry.
struct Reading<'a> {
    units: &'a Units,
    registry: &'a Path,
    manager: Manager,
    findings: &'a mut Findings,
}

impl Reading<'_> {
    /// `at` counts from 0, as the file does not show it otherwise.
    fn one(&mut self, at: usize, service: &Service, is_new: bool) {
        let name = &service.service_name;
        let place = format!("{} nodes[{at}]", self.registry.display());
        match self.read(&place, service, is_new) {
            Ok(Some(found)) => self.findings.nodes.push(found),
            Ok(None) => {
                let why = "antctl removed it, and keeps its number and ports for ever";
                self.findings.left.push(Left::new(name, &place, why));
            }
            Err(Unusable::Left(why)) => self.findings.left.push(Left::new(name, &place, why)),
            Err(Unusable::Broken(_, why)) => {
                let what = format!("{place}: {why}");
                self.findings.broken.push(Broken { name: Some(name.clone()), what });
            }
        }
    }

    fn read(
        &self,
        place: &str,
        service: &Service,
        is_new: bool,
    ) -> Result<Option<Found>, Unusable> {
        let name = &service.service_name;
        let wrong = |why: String| Unusable::Broken(0, why);
        if !is_new {
            return Err(wrong(format!("`{name}`, number {}, stands there twice", service.number)));
        }
        let number = NodeId::new(service.number)
            .filter(|number| *name == format!("antnode{}", number.number()))
            .ok_or_else(|| {
                wrong(format!("service_name is `{name}`, and number is {}", service.number))
            })?;
        if service.is_removed() {
            return Ok(None);
        }
        let file = self.units.directory().join(format!("{name}.service"));
        let text = fs::read_to_string(&file).map_err(|error| {
            Unusable::Left(format!("its unit {} cannot be read: {error}", file.display()))
        })?;
        let unit = unit_file::read(&text).map_err(|error| match error {
            Unusable::Left(why) => Unusable::Left(format!("{}: {why}", file.display())),
            Unusable::Broken(line, why) => {
                Unusable::Broken(line, format!("{}:{line}: {why}", file.display()))
            }
        })?;
        if let Some(why) = contradiction(service, &unit) {
            return Err(wrong(format!(
                "{why}, and {} says otherwise: antctl and systemd keep two different nodes by \
                 that name; leave it out by --except {name}",
                file.display()
            )));
        }
        let mut found = Found::told(Origin::Antctl, name, place, unit.told, self.manager);
        found.number = Some(number);
        found.service = Some(name.clone());
        found.user = unit.user;
        found.version = service.version();
        found.ports.rpc = Some(service.rpc_port());
        Ok(Some(found))
    }
}

/// What of the registry is not so in the unit.
fn contradiction(service: &Service, unit: &NodeUnit) -> Option<String> {
    let told = &unit.told;
    let shown = |port: Option<u16>| port.map_or_else(|| "none".to_owned(), |it| it.to_string());
    if service.data_dir_path != told.data {
        return Some(format!("data_dir_path is {}", service.data_dir_path.display()));
    }
    if service.antnode_path != told.binary {
        return Some(format!("antnode_path is {}", service.antnode_path.display()));
    }
    let ports = [
        ("node_port", service.node_port, told.ports.node),
        ("metrics_port", service.metrics_port, told.ports.metrics),
        ("rpc_socket_addr", Some(service.rpc_port()), told.ports.rpc.or(Some(service.rpc_port()))),
    ];
    let differs = ports.into_iter().find(|(_, registry, unit)| registry != unit);
    differs.map(|(field, registry, _)| format!("{field} is {}", shown(registry)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
