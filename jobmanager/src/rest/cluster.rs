//! The cluster as a whole, and this JobManager.

use irmak_common::status::JobStatus;
use serde_json::{Value, json};

use super::asked::{Answer, Asked};
use crate::actor::View;

/// The Flink whose REST API is spoken.
const FLINK_VERSION: &str = "1.20.5";
const FLINK_COMMIT: &str = "0980485";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `/overview`
pub(super) fn overview(view: &View<'_>, _: &Asked) -> Answer {
    let cluster = view.core.cluster();
    let count = |is: fn(JobStatus) -> bool| view.core.jobs().filter(|job| is(job.status)).count();
    let refused = view.refusals.iter().map(|refusal| json!({ "timestamp": refusal.at, "message": refusal.text }));
    Ok(json!({
        "taskmanagers": cluster.all().count(),
        "slots-total": cluster.slots_total(),
        "slots-available": cluster.slots_free(),
        "jobs-running": count(|status| !status.is_terminal()),
        "jobs-finished": count(|status| status == JobStatus::Finished),
        "jobs-cancelled": count(|status| status == JobStatus::Canceled),
        "jobs-failed": count(|status| status == JobStatus::Failed),
        "flink-version": FLINK_VERSION,
        "flink-commit": FLINK_COMMIT,
        "irmak": { "version": VERSION, "refused-scripts": refused.collect::<Vec<Value>>() },
    }))
}

/// `/config`: what Flink's page asks first.
pub(super) fn dashboard(_: &View<'_>, _: &Asked) -> Answer {
    Ok(json!({
        "refresh-interval": 3_000,
        "timezone-name": "Coordinated Universal Time",
        "timezone-offset": 0,
        "flink-version": FLINK_VERSION,
        "flink-revision": format!("{FLINK_COMMIT} (its REST API, spoken by Irmak {VERSION})"),
        "features": { "web-submit": false, "web-cancel": true, "web-rescale": false, "web-history": false },
    }))
}

/// `/jars`: there are none, and never will be.
pub(super) fn jars(_: &View<'_>, asked: &Asked) -> Answer {
    Ok(json!({ "address": asked.facts.address, "files": [] }))
}

/// `/jobmanager/config`
pub(super) fn configuration(_: &View<'_>, asked: &Asked) -> Answer {
    let entries = asked.facts.configuration.iter().map(|(key, value)| json!({ "key": key, "value": value }));
    Ok(Value::Array(entries.collect()))
}

/// `/jobmanager/environment`: the fields of a JVM, filled with what there is instead.
pub(super) fn environment(_: &View<'_>, _: &Asked) -> Answer {
    let jvm = json!({ "version": format!("none: Irmak {VERSION} is native code"), "arch": std::env::consts::ARCH, "options": [] });
    Ok(json!({ "jvm": jvm, "classpath": [] }))
}
