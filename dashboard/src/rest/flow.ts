// The `irmak` object of a vertex or subtask: how it flows right now. Flink's own API has no such place; every part may be absent.
import { fields, number, numberOrNull, ratioOrNull, textOrNull } from "./fields";

export interface Flow {
  inPerSecond: number | null;
  outPerSecond: number | null;
  /** Shares of the last seconds, in 0..1. */
  busy: number | null;
  backpressured: number | null;
  idle: number | null;
  /** Event time in milliseconds since the epoch. */
  watermark: number | null;
  lateRecords: number;
  skippedRecords: number;
  /** Why it stands still, in words. */
  message: string | null;
}

export function readFlow(answer: unknown): Flow {
  const it = fields(answer);
  return {
    inPerSecond: numberOrNull(it["records-in-per-second"]),
    outPerSecond: numberOrNull(it["records-out-per-second"]),
    busy: ratioOrNull(it["busy-ratio"]),
    backpressured: ratioOrNull(it["backpressured-ratio"]),
    idle: ratioOrNull(it["idle-ratio"]),
    watermark: numberOrNull(it["watermark"]),
    lateRecords: number(it["late-records"]),
    skippedRecords: number(it["skipped-records"]),
    message: textOrNull(it["message"]),
  };
}

/** Flink's totals of a vertex or subtask. */
export interface Totals {
  recordsIn: number | null;
  recordsOut: number | null;
  bytesIn: number | null;
  bytesOut: number | null;
}

export function readTotals(answer: unknown): Totals {
  const it = fields(answer);
  return {
    recordsIn: numberOrNull(it["read-records"]),
    recordsOut: numberOrNull(it["write-records"]),
    bytesIn: numberOrNull(it["read-bytes"]),
    bytesOut: numberOrNull(it["write-bytes"]),
  };
}
