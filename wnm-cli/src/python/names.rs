//! Names of nodes as the Python tool had them.

use super::given::refused;
use crate::error::CliError;

/// `antnode7`, `antnode0007` or `antnode0007.service`, in comma lists. What follows the number was
/// ignored there, so `antnode0001-0010` meant one node; it must not mean ten here.
pub(super) fn nodes(list: &str) -> Result<Vec<String>, CliError> {
    let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Err(refused(format!("--service_name is `{list}`, which names no node")));
    }
    names.into_iter().map(node).collect()
}

fn node(name: &str) -> Result<String, CliError> {
    let bare = name.strip_suffix(".service").unwrap_or(name);
    let digits = bare.strip_prefix("antnode").unwrap_or_default();
    let sound = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match sound {
        true => Ok(bare.to_owned()),
        false => Err(refused(format!(
            "--service_name has `{name}`, which is no node: write antnode0007, or a comma list"
        ))),
    }
}
