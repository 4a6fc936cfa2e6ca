//! What REST knows from the start: the configuration, fit to be shown, and the names that this JobManager is called by.

use std::collections::BTreeMap;
use std::net::IpAddr;

use irmak_common::operator_spec::redact;

use crate::config::JobManagerConfig;

/// See the module's page.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Keys as given, secrets covered.
    pub(super) configuration: BTreeMap<String, String>,
    /// `http://host:port`, for answers that name it.
    pub(super) address: String,
    names: Vec<String>,
}

impl Facts {
    pub(super) fn new(config: &JobManagerConfig) -> Self {
        let given = |key: &str| config.configuration.get(key).map(|name| name.trim().to_ascii_lowercase());
        let bound = name_of(&config.rest_address).to_ascii_lowercase();
        let mut names = vec!["localhost".to_owned(), bound];
        names.extend(["rest.address", "rest.bind-address", "jobmanager.rpc.address"].into_iter().filter_map(given));
        Self {
            configuration: config.configuration.iter().map(|(key, value)| (key.clone(), redact(key, value))).collect(),
            address: format!("http://{}", config.rest_address),
            names,
        }
    }

    /// Whether this JobManager is called so. An address always is: only a name can be pointed here by a stranger's DNS.
    pub(super) fn is_own(&self, authority: &str) -> bool {
        let name = name_of(authority).to_ascii_lowercase();
        name.parse::<IpAddr>().is_ok() || self.names.contains(&name)
    }
}

/// `host:port` or `[v6]:port` without port and brackets.
fn name_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(name, _)| name);
    }
    authority.rsplit_once(':').filter(|(name, _)| !name.contains(':')).map_or(authority, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_with_and_without_port_and_brackets() {
        let names = ["localhost:8081", "localhost", "[::1]:8081", "::1", "10.0.0.1:80"].map(name_of);
        assert_eq!(names, ["localhost", "localhost", "::1", "::1", "10.0.0.1"]);
    }
}
