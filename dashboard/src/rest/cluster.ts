// `/overview`: how many TaskManagers, slots and jobs the cluster has.
import { fields, number, text } from "./fields";

export interface Cluster {
  taskManagers: number;
  slotsTotal: number;
  slotsAvailable: number;
  running: number;
  finished: number;
  canceled: number;
  failed: number;
  /** The Flink version whose REST API is spoken. */
  flinkVersion: string;
}

export function readCluster(answer: unknown): Cluster {
  const it = fields(answer);
  return {
    taskManagers: number(it["taskmanagers"]),
    slotsTotal: number(it["slots-total"]),
    slotsAvailable: number(it["slots-available"]),
    running: number(it["jobs-running"]),
    finished: number(it["jobs-finished"]),
    canceled: number(it["jobs-cancelled"]),
    failed: number(it["jobs-failed"]),
    flinkVersion: text(it["flink-version"]),
  };
}
