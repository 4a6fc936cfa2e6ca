//! Configuration under Flink's keys: read from `config.yaml`, then from an environment variable, then from `-D`, later wins.
//!
//! Values stay text until they are asked for; [`Key`] says how one is read and what is accepted. An unknown key is a warning that
//! names the nearest known one; a bad value is an error that names key, value and what is accepted.

pub mod keys;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use irmak_common::error::nearest;

pub use keys::Key;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that its key does not take.
    #[error("`{key}: {value}` is not valid: {reason}; accepted: {accepts}")]
    Value {
        /// The key as written.
        key: String,
        /// The value as written.
        value: String,
        /// What is wrong.
        reason: String,
        /// What would be right.
        accepts: &'static str,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is no configuration.
    #[error("{} is not a configuration: {reason}", path.display())]
    Yaml {
        /// Which.
        path: PathBuf,
        /// Why, with line and column where known.
        reason: String,
    },
    /// A line of `IRMAK_PROPERTIES` or `FLINK_PROPERTIES` that is none.
    #[error("line {line} of {variable} is `{text}`: `key: value` is expected")]
    Property {
        /// Which variable.
        variable: &'static str,
        /// From 1.
        line: usize,
        /// As written.
        text: String,
    },
}

/// Keys and values as they were given. Cheap enough to clone once per daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    values: BTreeMap<String, String>,
}

impl Configuration {
    /// What the process was given: `config.yaml` in `IRMAK_CONF_DIR` (else `FLINK_CONF_DIR`), the lines of `IRMAK_PROPERTIES` (else
    /// `FLINK_PROPERTIES`), then `dynamic` (`-D key=value`). Returns it with warnings about unknown keys.
    ///
    /// # Errors
    /// A file or line that cannot be read, or a value of a known key that is not valid.
    pub fn load(dynamic: &[(String, String)]) -> Result<(Self, Vec<String>), ConfigError> {
        let mut config = Self::default();
        if let Some(dir) = first_env(&["IRMAK_CONF_DIR", "FLINK_CONF_DIR"]) {
            config.read_file(&Path::new(&dir.1).join("config.yaml"))?;
        }
        if let Some((variable, lines)) = first_env(&["IRMAK_PROPERTIES", "FLINK_PROPERTIES"]) {
            config.read_properties(variable, &lines)?;
        }
        dynamic.iter().for_each(|(key, value)| config.set(key, value));
        config.check()?;
        let warnings = config.unknown_keys();
        Ok((config, warnings))
    }

    /// Sets a key, over an older value.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.values.insert(key.into(), value.into());
    }

    /// All that was given, by key. May hold secrets.
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// The text of a key, under its name or an older one.
    pub fn raw(&self, name: &str, older: &[&str]) -> Option<(&str, &str)> {
        std::iter::once(name)
            .chain(older.iter().copied())
            .find_map(|name| self.values.get_key_value(name))
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of a key that has a default.
    ///
    /// # Errors
    /// When the value is not valid.
    pub fn get<T>(&self, key: &Key<T>) -> Result<T, ConfigError> {
        let (name, text) = self.raw(key.name, key.older).unwrap_or((key.name, key.default.unwrap_or_default()));
        key.read(name, text)
    }

    /// The value of a key, if it was given.
    ///
    /// # Errors
    /// When the value is not valid.
    pub fn find<T>(&self, key: &Key<T>) -> Result<Option<T>, ConfigError> {
        self.raw(key.name, key.older).map(|(name, text)| key.read(name, text)).transpose()
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            // A folder without the file is a folder with defaults, as in Flink's images.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(ConfigError::Read { path: path.to_owned(), source }),
        };
        let yaml = |reason: String| ConfigError::Yaml { path: path.to_owned(), reason };
        let document: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).map_err(|error| yaml(error.to_string()))?;
        flatten(String::new(), &document, &mut self.values).map_err(yaml)
    }

    fn read_properties(&mut self, variable: &'static str, lines: &str) -> Result<(), ConfigError> {
        for (number, line) in lines.lines().enumerate() {
            let text = line.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            match text.split_once(':') {
                Some((key, value)) if !key.trim().is_empty() => self.set(key.trim(), value.trim()),
                _ => return Err(ConfigError::Property { variable, line: number + 1, text: text.to_owned() }),
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.values.iter().try_for_each(|(key, value)| keys::check(key, value))
    }

    fn unknown_keys(&self) -> Vec<String> {
        let unknown = self.values.keys().filter(|key| !keys::is_known(key));
        unknown
            .map(|key| match nearest(key, keys::known()) {
                Some(near) => format!("configuration key `{key}` is not known and has no effect; did you mean `{near}`?"),
                None => format!("configuration key `{key}` is not known and has no effect"),
            })
            .collect()
    }
}

fn first_env(names: &[&'static str]) -> Option<(&'static str, String)> {
    names.iter().find_map(|name| std::env::var(name).ok().map(|value| (*name, value)))
}

/// Nested mappings become dotted keys, as Flink reads its `config.yaml`.
fn flatten(prefix: String, value: &serde_yaml_ng::Value, out: &mut BTreeMap<String, String>) -> Result<(), String> {
    use serde_yaml_ng::Value;
    let text = match value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                let key = key.as_str().ok_or_else(|| format!("a key below `{prefix}` is not text"))?;
                let name = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
                flatten(name, value, out)?;
            }
            return Ok(());
        }
        Value::Null => return Ok(()),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => value.clone(),
        Value::Sequence(values) => {
            let texts = values.iter().map(|value| serde_yaml_ng::to_string(value).map(|text| text.trim().to_owned()));
            texts.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?.join(";")
        }
        Value::Tagged(_) => return Err(format!("`{prefix}` has a YAML tag, which is not supported")),
    };
    if prefix.is_empty() {
        return Err("`key: value` lines are expected".to_owned());
    }
    out.insert(prefix, text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<(Configuration, Vec<String>), ConfigError> {
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Configuration::load(&pairs)
    }

    #[test]
    fn a_key_has_its_default_and_a_later_value_wins() {
        let mut config = Configuration::default();
        assert_eq!(config.get(&keys::REST_PORT).unwrap(), 8081);
        config.set("rest.port", "0");
        assert_eq!(config.get(&keys::REST_PORT).unwrap(), 0);
    }

    #[test]
    fn an_unknown_key_is_a_warning_with_the_nearest() {
        let (_, warnings) = load(&[("taskmanager.numberOfTaskSlot", "2")]).unwrap();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("did you mean `taskmanager.numberOfTaskSlots`?"), "{warnings:?}");
    }

    #[test]
    fn a_bad_value_names_key_value_and_what_is_accepted() {
        let error = load(&[("rest.port", "eighty")]).unwrap_err().to_string();
        assert!(error.contains("`rest.port: eighty`") && error.contains("accepted: a port"), "{error}");
        let error = load(&[("heartbeat.timeout", "5 fortnights")]).unwrap_err().to_string();
        assert!(error.contains("heartbeat.timeout"), "{error}");
    }

    #[test]
    fn an_older_name_is_understood() {
        let (config, warnings) = load(&[("state.checkpoints.dir", "file:///x")]).unwrap();
        assert_eq!(config.find(&keys::CHECKPOINTS_DIR).unwrap().as_deref(), Some("file:///x"));
        assert_eq!(warnings, [""; 0]);
    }

    #[test]
    fn nested_yaml_and_flat_yaml_are_the_same() {
        let mut nested = BTreeMap::new();
        flatten(String::new(), &serde_yaml_ng::from_str("rest:\n  port: 80\n  address: h\n").unwrap(), &mut nested).unwrap();
        let mut flat = BTreeMap::new();
        flatten(String::new(), &serde_yaml_ng::from_str("rest.port: 80\nrest.address: h\n").unwrap(), &mut flat).unwrap();
        assert_eq!(nested, flat);
    }

    #[test]
    fn a_property_line_without_a_colon_is_named() {
        let error = Configuration::default().read_properties("FLINK_PROPERTIES", "rest.port: 1\nnonsense").unwrap_err();
        assert_eq!(error.to_string(), "line 2 of FLINK_PROPERTIES is `nonsense`: `key: value` is expected");
    }
}
