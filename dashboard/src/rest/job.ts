// `/jobs/:id`: a job with its vertices, its plan's edges and what Irmak adds about them.
import { fields, list, number, numberOrNull, numbers, text, textOrNull, timeOrNull } from "./fields";
import { type Flow, readFlow, readTotals, type Totals } from "./flow";

export interface Vertex {
  id: string;
  name: string;
  parallelism: number;
  status: string;
  startedAt: number | null;
  durationMs: number;
  /** Subtasks by state, only those above zero. */
  tasks: Record<string, number>;
  totals: Totals;
  flow: Flow;
  /** The operators inside, one a line, as the planner describes them. */
  description: string[];
}

export interface Edge {
  from: string;
  to: string;
  /** HASH, FORWARD, REBALANCE, ... */
  ship: string;
}

export interface Job {
  id: string;
  name: string;
  state: string;
  startedAt: number | null;
  endedAt: number | null;
  durationMs: number;
  /** The JobManager's clock when it answered. */
  now: number | null;
  /** When the job entered each state that it has been in. */
  timestamps: Record<string, number>;
  vertices: Vertex[];
  edges: Edge[];
  slotsRequired: number | null;
  slotsAvailable: number | null;
  /** Why the job stands still, in words. */
  message: string | null;
}

export function readJob(answer: unknown): Job {
  const it = fields(answer);
  const own = fields(it["irmak"]);
  const plan = list(fields(it["plan"])["nodes"]).map(fields);
  const id = text(it["jid"]);
  return {
    id,
    name: text(it["name"], id),
    state: text(it["state"], "UNKNOWN"),
    startedAt: timeOrNull(it["start-time"]),
    endedAt: timeOrNull(it["end-time"]),
    durationMs: number(it["duration"]),
    now: timeOrNull(it["now"]),
    timestamps: aboveZero(numbers(it["timestamps"])),
    vertices: list(it["vertices"]).map((vertex) => readVertex(vertex, plan)),
    edges: plan.flatMap(readEdges),
    slotsRequired: numberOrNull(own["slots-required"]),
    slotsAvailable: numberOrNull(own["slots-available"]),
    message: textOrNull(own["message"]),
  };
}

function readVertex(answer: unknown, plan: Record<string, unknown>[]): Vertex {
  const it = fields(answer);
  const id = text(it["id"]);
  const node = plan.find((candidate) => candidate["id"] === id);
  return {
    id,
    name: text(it["name"], id),
    parallelism: number(it["parallelism"], 1),
    status: text(it["status"], "UNKNOWN"),
    startedAt: timeOrNull(it["start-time"]),
    durationMs: number(it["duration"]),
    tasks: aboveZero(numbers(it["tasks"])),
    totals: readTotals(it["metrics"]),
    flow: readFlow(it["irmak"]),
    description: readDescription(node?.["description"]),
  };
}

function readEdges(node: Record<string, unknown>): Edge[] {
  const to = text(node["id"]);
  return list(node["inputs"])
    .map(fields)
    .map((input) => ({ from: text(input["id"]), to, ship: text(input["ship_strategy"], "FORWARD") }))
    .filter((edge) => edge.from !== "" && edge.to !== "");
}

/** Flink separates a chain's operators with `<br/>` and draws them as a tree with `+-`. */
function readDescription(value: unknown): string[] {
  return text(value)
    .split(/<br\s*\/?>|\n/)
    .map((line) => line.replace(/^[\s:|]*(\+- )?/, "").trim())
    .filter((line) => line !== "");
}

function aboveZero(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
