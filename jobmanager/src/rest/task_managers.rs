//! The TaskManagers. Flink's fields about parts of a JVM's memory are there and zero: a process here has one memory, and
//! `metrics.heapUsed` is what it uses of it.

use irmak_common::error::nearest;
use irmak_common::id::TaskManagerId;
use serde_json::{Map, Value, json};

use super::asked::{Answer, Asked};
use super::refused::Refused;
use crate::actor::View;
use crate::core::cluster::TaskManager;

/// `/taskmanagers`
pub(super) fn list(view: &View<'_>, _: &Asked) -> Answer {
    let managers: Vec<Value> = view.core.cluster().all().map(|manager| summary(view, manager).into()).collect();
    Ok(json!({ "taskmanagers": managers }))
}

/// `/taskmanagers/:id`
pub(super) fn details(view: &View<'_>, asked: &Asked) -> Answer {
    let manager = find(view, asked)?;
    let slot = |job: &irmak_common::id::JobId| json!({ "jobId": job.to_string(), "resource": resource(1) });
    let mut details = summary(view, manager);
    details.insert("allocatedSlots".to_owned(), manager.held.values().map(slot).collect());
    details.insert("metrics".to_owned(), metrics(manager));
    Ok(details.into())
}

/// The TaskManager of the path.
pub(super) fn find<'a>(view: &View<'a>, asked: &Asked) -> Result<&'a TaskManager, Refused> {
    let id = asked.part("manager");
    let cluster = view.core.cluster();
    cluster.get(&TaskManagerId(id.to_owned())).ok_or_else(|| match nearest(id, cluster.all().map(|manager| manager.id.0.as_str())) {
        Some(near) => Refused::not_found(format!("TaskManager {id} is not here; did you mean {near}?")),
        None => Refused::not_found(format!("TaskManager {id} is not here; GET /taskmanagers lists those that are")),
    })
}

fn summary(view: &View<'_>, manager: &TaskManager) -> Map<String, Value> {
    let port = manager.data_address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    Map::from_iter([
        ("id".to_owned(), json!(manager.id.0)),
        ("path".to_owned(), json!(format!("grpc://{}", manager.data_address))),
        ("dataPort".to_owned(), json!(port.map_or(-1, i32::from))),
        ("jmxPort".to_owned(), json!(-1)),
        // An age by its name; a moment in Flink, and so here.
        ("timeSinceLastHeartbeat".to_owned(), json!(view.core.liveness().last_heard(&manager.id).unwrap_or(manager.registered_at))),
        ("slotsNumber".to_owned(), json!(manager.slots)),
        ("freeSlots".to_owned(), json!(manager.free())),
        ("totalResource".to_owned(), resource(manager.slots)),
        ("freeResource".to_owned(), resource(manager.free())),
        ("hardware".to_owned(), hardware(manager)),
        ("memoryConfiguration".to_owned(), memory_configuration()),
        // Ours: the silence, in milliseconds, after which it is lost.
        ("irmak".to_owned(), json!({ "heartbeat-timeout": view.core.settings().heartbeat_timeout_ms })),
    ])
}

/// Flink counts a core a slot.
fn resource(slots: u32) -> Value {
    json!({
        "cpuCores": f64::from(slots),
        "taskHeapMemory": 0,
        "taskOffHeapMemory": 0,
        "managedMemory": 0,
        "networkMemory": 0,
        "extendedResources": {},
    })
}

fn hardware(manager: &TaskManager) -> Value {
    json!({ "cpuCores": manager.cpu_cores, "physicalMemory": manager.memory_bytes, "freeMemory": 0, "managedMemory": 0 })
}

fn memory_configuration() -> Value {
    let parts = [
        "frameworkHeap",
        "taskHeap",
        "frameworkOffHeap",
        "taskOffHeap",
        "networkMemory",
        "managedMemory",
        "jvmMetaspace",
        "jvmOverhead",
        "totalFlinkMemory",
        "totalProcessMemory",
    ];
    parts.map(|part| (part.to_owned(), json!(0))).into_iter().collect::<Map<_, _>>().into()
}

fn metrics(manager: &TaskManager) -> Value {
    let none = [
        "nonHeapUsed",
        "nonHeapCommitted",
        "nonHeapMax",
        "directCount",
        "directUsed",
        "directMax",
        "mappedCount",
        "mappedUsed",
        "mappedMax",
        "memorySegmentsAvailable",
        "memorySegmentsTotal",
        "nettyShuffleMemorySegmentsAvailable",
        "nettyShuffleMemorySegmentsUsed",
        "nettyShuffleMemorySegmentsTotal",
        "nettyShuffleMemoryAvailable",
        "nettyShuffleMemoryUsed",
        "nettyShuffleMemoryTotal",
    ];
    let used = [("heapUsed", manager.memory_used), ("heapCommitted", manager.memory_used), ("heapMax", manager.memory_bytes)];
    let mut metrics: Map<String, Value> = used.map(|(name, bytes)| (name.to_owned(), json!(bytes))).into_iter().collect();
    metrics.extend(none.map(|name| (name.to_owned(), json!(0))));
    metrics.insert("garbageCollectors".to_owned(), json!([]));
    metrics.into()
}
