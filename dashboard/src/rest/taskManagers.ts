// `/taskmanagers` and `/taskmanagers/:id`: the processes that hold the slots.
import { fields, list, number, numberOrNull, numbers, text } from "./fields";

/** Flink's heartbeat.timeout, where none is told. */
const FLINKS_TIMEOUT = 50_000;

export interface TaskManager {
  id: string;
  path: string;
  dataPort: number | null;
  slots: number;
  freeSlots: number;
  heartbeatAt: number | null;
  /** Milliseconds of silence after which it is lost. */
  heartbeatTimeout: number;
  cpuCores: number | null;
  physicalMemory: number | null;
  freeMemory: number | null;
  managedMemory: number | null;
  /** Slots taken, by job id; only in the details. */
  slotsByJob: Record<string, number>;
  /** Bytes by name, only those above zero; only in the details. */
  memory: Record<string, number>;
  /** Flink's process metrics that are numbers; only in the details. */
  metrics: Record<string, number>;
}

export function readTaskManagers(answer: unknown, now: number): TaskManager[] {
  return list(fields(answer)["taskmanagers"])
    .map((value) => readTaskManager(value, now))
    .sort((a, b) => a.id.localeCompare(b.id));
}

export function readTaskManager(answer: unknown, now: number): TaskManager {
  const it = fields(answer);
  const hardware = fields(it["hardware"]);
  const slotsByJob: Record<string, number> = {};
  for (const slot of list(it["allocatedSlots"])) {
    const job = text(fields(slot)["jobId"]);
    slotsByJob[job] = (slotsByJob[job] ?? 0) + 1;
  }
  const slots = number(it["slotsNumber"]);
  return {
    id: text(it["id"]),
    path: text(it["path"]),
    dataPort: numberOrNull(it["dataPort"]),
    slots,
    freeSlots: number(it["freeSlots"], slots),
    heartbeatAt: heartbeatAt(it["timeSinceLastHeartbeat"], now),
    heartbeatTimeout: number(fields(it["irmak"])["heartbeat-timeout"], FLINKS_TIMEOUT),
    cpuCores: numberOrNull(hardware["cpuCores"]),
    physicalMemory: aboveZero(hardware["physicalMemory"]),
    freeMemory: aboveZero(hardware["freeMemory"]),
    managedMemory: aboveZero(hardware["managedMemory"]),
    slotsByJob,
    memory: Object.fromEntries(Object.entries(numbers(it["memoryConfiguration"])).filter(([, bytes]) => bytes > 0)),
    metrics: numbers(it["metrics"]),
  };
}

/** The field's name says an age, but Flink puts the moment of the last heartbeat there. Both are understood. */
function heartbeatAt(value: unknown, now: number): number | null {
  const read = numberOrNull(value);
  if (read === null || read < 0) return null;
  const looksLikeMoment = read > 1_000_000_000_000;
  return looksLikeMoment ? read : now - read;
}

function aboveZero(value: unknown): number | null {
  const read = numberOrNull(value);
  return read !== null && read > 0 ? read : null;
}
