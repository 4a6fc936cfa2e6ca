// `/overview`: how many TaskManagers, slots and jobs the cluster has.
import { fields, list, number, text, timeOrNull } from "./fields";

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
  /** The scripts that were refused last, newest first. */
  refusedScripts: RefusedScript[];
}

export interface RefusedScript {
  at: number | null;
  /** What the submitter's terminal showed. */
  text: string;
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
    refusedScripts: list(fields(it["irmak"])["refused-scripts"]).map(readRefused),
  };
}

function readRefused(answer: unknown): RefusedScript {
  const it = fields(answer);
  return { at: timeOrNull(it["timestamp"]), text: text(it["message"]) };
}
