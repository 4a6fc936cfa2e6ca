//! `properties.*`: the Java client's names, translated to librdkafka's.
//!
//! Three kinds. Translated: the two clients mean the same under other names. Set aside: what only a JVM has use for (serializers,
//! interceptors) or what Irmak does itself (commits); each with a note. Everything else goes to librdkafka under its own name; what librdkafka
//! does not know is named in a note too. Never passed on: what would run code or commands.

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::sasl;
use crate::context::FileAccess;
use crate::error::ConnectorError;
use crate::options::Options;

const PREFIX: &str = "properties.";

/// Names that mean the same in both clients.
const RENAMED: &[(&str, &str)] = &[
    ("fetch.max.wait.ms", "fetch.wait.max.ms"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("request.timeout.ms", "socket.timeout.ms"),
    ("max.request.size", "message.max.bytes"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("receive.buffer.bytes", "socket.receive.buffer.bytes"),
    ("send.buffer.bytes", "socket.send.buffer.bytes"),
    ("ssl.truststore.certificates", "ssl.ca.pem"),
    ("ssl.keystore.key", "ssl.key.pem"),
    ("ssl.keystore.certificate.chain", "ssl.certificate.pem"),
    ("socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.ms"),
];

/// What only a JVM has use for, or what Irmak decides.
const SET_ASIDE: &[&str] = &[
    "key.deserializer",
    "value.deserializer",
    "key.serializer",
    "value.serializer",
    "interceptor.classes",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.sample.window.ms",
    "metrics.recording.level",
    "partitioner.class",
    "partition.assignment.strategy",
    "max.poll.records",
    "max.poll.interval.ms",
    "default.api.timeout.ms",
    "exclude.internal.topics",
    "enable.auto.commit",
    "auto.commit.interval.ms",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "sasl.client.callback.handler.class",
    "sasl.login.callback.handler.class",
    "sasl.login.class",
    "security.providers",
    "ssl.protocol",
    "ssl.enabled.protocols",
    "ssl.provider",
    "ssl.trustmanager.algorithm",
    "ssl.keymanager.algorithm",
    "ssl.secure.random.implementation",
    "auto.include.jmx.reporter",
    "register.consumer.metrics",
    "client.id.prefix",
    "transactional.id",
    "transaction.timeout.ms",
    "max.block.ms",
    "partitioner.ignore.keys",
    "partitioner.adaptive.partitioning.enable",
    "partitioner.availability.timeout.ms",
    "metadata.max.idle.ms",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.zstd.level",
    "register.producer.metrics",
];

/// Read by the source itself.
pub(super) const OWN: &[&str] = &["auto.offset.reset", "partition.discovery.interval.ms", "commit.offsets.on.checkpoint", "group.id"];

/// Would load or run code of the submitter's choosing.
const FORBIDDEN: &[&str] = &["plugin.library.paths", "ssl.engine.location", "ssl.engine.id", "ssl.providers", "sasl.kerberos.kinit.cmd"];

/// Values that are paths of files to be read.
const FILES: &[&str] = &["ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.keystore.location", "ssl.crl.location"];

/// The translated properties, with a note for each that was set aside.
pub(super) struct Translated {
    pub(super) config: ClientConfig,
    pub(super) notes: Vec<String>,
}

/// Translates a table's `properties.*`.
///
/// # Errors
/// A value that librdkafka refuses, a login or key store that it cannot use, a file that may not be read.
pub(super) fn translate(options: &Options<'_>, files: &FileAccess) -> Result<Translated, ConnectorError> {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Info);
    let mut translated = Translated { config, notes: Vec::new() };
    for (key, value) in options.with_prefix(PREFIX) {
        if OWN.contains(&key) {
            continue;
        }
        if SET_ASIDE.contains(&key) {
            translated.notes.push(format!("'{PREFIX}{key}' has no meaning here and is set aside"));
            continue;
        }
        match key {
            key if FORBIDDEN.contains(&key) => {
                return Err(options.unsupported(format!("'{PREFIX}{key}'"), "leave it out: a job cannot load code into the cluster"));
            }
            "sasl.jaas.config" => login(options, value, &mut translated.config)?,
            "ssl.truststore.location" => {
                let path = readable(options, files, key, value)?;
                store_is_pem(options, "ssl.truststore.type", value, "PEM")?;
                translated.config.set("ssl.ca.location", path);
            }
            "ssl.keystore.location" => key_store(options, files, value, &mut translated.config)?,
            "ssl.truststore.type" | "ssl.keystore.type" | "ssl.truststore.password" => {}
            "ssl.endpoint.identification.algorithm" => {
                translated.config.set(key, if value.trim().is_empty() { "none" } else { value });
            }
            "security.protocol" => {
                translated.config.set(key, value.trim().to_ascii_lowercase());
            }
            "sasl.mechanism" | "sasl.mechanisms" => mechanism(options, key, value, &mut translated.config)?,
            "buffer.memory" => {
                let bytes: u64 = value.trim().parse().map_err(|_| options.bad("properties.buffer.memory", value, "a number of bytes"))?;
                translated.config.set("queue.buffering.max.kbytes", (bytes / 1_024).max(1).to_string());
            }
            "receive.buffer.bytes" | "send.buffer.bytes" if value.trim() == "-1" => {}
            key => pass_on(options, files, key, value, &mut translated)?,
        }
    }
    Ok(translated)
}

fn pass_on(options: &Options<'_>, files: &FileAccess, key: &str, value: &str, translated: &mut Translated) -> Result<(), ConnectorError> {
    let name = RENAMED.iter().find(|(java, _)| *java == key).map_or(key, |(_, native)| *native);
    let value = if FILES.contains(&name) { readable(options, files, key, value)? } else { value.to_owned() };
    let mut alone = ClientConfig::new();
    alone.set(name, &value);
    match alone.create_native_config() {
        Ok(_) => {
            translated.config.set(name, value);
            Ok(())
        }
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            translated.notes.push(format!("'{PREFIX}{key}' is not known to librdkafka and is set aside"));
            Ok(())
        }
        Err(_) => Err(options.bad(&format!("{PREFIX}{key}"), &value, &format!("what librdkafka accepts for `{name}`"))),
    }
}

fn mechanism(options: &Options<'_>, key: &str, value: &str, config: &mut ClientConfig) -> Result<(), ConnectorError> {
    let name = value.trim().to_ascii_uppercase();
    if !matches!(name.as_str(), "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512") {
        return Err(options.bad(&format!("{PREFIX}{key}"), value, "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"));
    }
    config.set("sasl.mechanism", name);
    Ok(())
}

fn login(options: &Options<'_>, value: &str, config: &mut ClientConfig) -> Result<(), ConnectorError> {
    const ACCEPTED: &str = "a PlainLoginModule or ScramLoginModule with username and password, as \
         org.apache.kafka.common.security.plain.PlainLoginModule required username=\"...\" password=\"...\";";
    let wrong = || options.bad("properties.sasl.jaas.config", value, ACCEPTED);
    let login = sasl::parse(value).ok_or_else(wrong)?;
    if !matches!(login.module.as_str(), "PlainLoginModule" | "ScramLoginModule") {
        return Err(wrong());
    }
    let (Some(user), Some(password)) = (login.option("username"), login.option("password")) else { return Err(wrong()) };
    config.set("sasl.username", user).set("sasl.password", password);
    Ok(())
}

fn key_store(options: &Options<'_>, files: &FileAccess, value: &str, config: &mut ClientConfig) -> Result<(), ConnectorError> {
    let path = readable(options, files, "ssl.keystore.location", value)?;
    let kind = options.get("properties.ssl.keystore.type").unwrap_or("").trim().to_ascii_uppercase();
    let lower = value.to_ascii_lowercase();
    if kind == "PKCS12" || (kind.is_empty() && (lower.ends_with(".p12") || lower.ends_with(".pfx"))) {
        config.set("ssl.keystore.location", path);
        return Ok(());
    }
    store_is_pem(options, "ssl.keystore.type", value, "PEM or PKCS12")?;
    // Java keeps key and certificates in the one file; librdkafka looks for each in its own.
    config.set("ssl.certificate.location", &path).set("ssl.key.location", path);
    Ok(())
}

/// librdkafka reads no Java key stores.
fn store_is_pem(options: &Options<'_>, type_key: &str, path: &str, accepted: &str) -> Result<(), ConnectorError> {
    let full_key = format!("{PREFIX}{type_key}");
    let kind = options.get(&full_key);
    let is_pem = kind.map_or(!path.to_ascii_lowercase().ends_with(".jks"), |kind| kind.trim().eq_ignore_ascii_case("PEM"));
    if is_pem {
        return Ok(());
    }
    let accepted = format!("{accepted} (convert a JKS store: keytool -importkeystore -deststoretype PKCS12, then openssl pkcs12)");
    Err(options.bad(&full_key, kind.unwrap_or("JKS"), &accepted))
}

fn readable(options: &Options<'_>, files: &FileAccess, key: &str, value: &str) -> Result<String, ConnectorError> {
    let path = files.resolve(options.table, &format!("{PREFIX}{key}"), value)?;
    Ok(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use irmak_common::operator_spec::ConnectorSpec;

    use super::*;

    fn check(given: &[(&str, &str)], expected: Result<&[(&str, &str)], &str>) {
        let options: BTreeMap<_, _> = given.iter().map(|(key, value)| (format!("properties.{key}"), (*value).to_owned())).collect();
        let connector = ConnectorSpec { connector: "kafka".into(), options };
        let translated = translate(&Options::new("t", &connector), &FileAccess::Anywhere);
        match (translated, expected) {
            (Ok(translated), Ok(expected)) => {
                let mut found: Vec<_> = translated.config.config_map().iter().map(|(key, value)| (*key, *value)).collect();
                found.sort_unstable();
                assert_eq!(found, expected, "{given:?}");
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (translated, expected) => panic!("{given:?}: {:?}, expected {expected:?}", translated.map(|translated| translated.notes)),
        }
    }

    #[test]
    fn java_names_become_librdkafkas() {
        check(&[("bootstrap.servers", "a:1"), ("fetch.max.wait.ms", "7")], Ok(&[("bootstrap.servers", "a:1"), ("fetch.wait.max.ms", "7")]));
        check(
            &[
                ("security.protocol", "SASL_SSL"),
                ("sasl.mechanism", "scram-sha-512"),
                ("sasl.jaas.config", "x.ScramLoginModule required username=\"u\" password=\"p\";"),
                ("ssl.truststore.location", "/tmp/ca.pem"),
                ("ssl.endpoint.identification.algorithm", ""),
            ],
            Ok(&[
                ("sasl.mechanism", "SCRAM-SHA-512"),
                // What the library shows of it.
                ("sasl.password", "[sanitized for safety]"),
                ("sasl.username", "u"),
                ("security.protocol", "sasl_ssl"),
                ("ssl.ca.location", "/tmp/ca.pem"),
                ("ssl.endpoint.identification.algorithm", "none"),
            ]),
        );
        check(&[("key.deserializer", "x"), ("no.such.key", "x"), ("group.id", "g")], Ok(&[]));
    }

    #[test]
    fn what_cannot_work_is_refused_in_words_and_without_secrets() {
        check(&[("plugin.library.paths", "/tmp/x.so")], Err("cannot load code"));
        check(&[("ssl.truststore.location", "/tmp/a.jks")], Err("convert a JKS store"));
        check(&[("sasl.jaas.config", "x.Krb5LoginModule required secret=hunter2;")], Err("PlainLoginModule or ScramLoginModule"));
        check(&[("sasl.mechanism", "GSSAPI")], Err("PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"));
        check(&[("fetch.min.bytes", "many")], Err("fetch.min.bytes"));
        let connector = ConnectorSpec {
            connector: "kafka".into(),
            options: BTreeMap::from([("properties.sasl.jaas.config".to_owned(), "x.Y required secret=hunter2;".to_owned())]),
        };
        let error = translate(&Options::new("t", &connector), &FileAccess::Anywhere).map(|_| ()).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
