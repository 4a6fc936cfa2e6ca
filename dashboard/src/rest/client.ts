// One request to the JobManager. Paths are relative to the page, so a proxy may put both under any prefix.
import { fields, list, textOrNull } from "./fields";

/** The JobManager answered, and the answer is no. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Nobody answered, or a proxy answered for somebody who is away. */
export class Unreachable extends Error {}

const TIMEOUT_MS = 8_000;
const PROXY_STATUSES = new Set([502, 503, 504]);

let skewMs = 0;

/** The JobManager's clock, as far as its answers told; ages are right even when this device's clock is not. */
export function serverNow(): number {
  return Date.now() + skewMs;
}

export async function get(path: string): Promise<unknown> {
  return send("GET", path);
}

export async function cancelJob(jobId: string): Promise<void> {
  await send("PATCH", `jobs/${encodeURIComponent(jobId)}?mode=cancel`);
}

async function send(method: string, path: string): Promise<unknown> {
  let response: Response;
  let body: string;
  try {
    response = await fetch(path, { method, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    body = await response.text();
  } catch (cause) {
    throw new Unreachable(`the JobManager doesn't answer ${method} ${path}`, { cause });
  }
  if (PROXY_STATUSES.has(response.status)) throw new Unreachable(`${method} ${path} answered ${response.status}`);
  learnClock(response.headers.get("date"));
  if (!response.ok) throw new Refused(response.status, refusal(body) ?? `${method} ${path} answered ${response.status}`);
  return parse(body, path);
}

function parse(body: string, path: string): unknown {
  if (body.trim() === "") return {};
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new Unreachable(`${path} answered something that is not JSON`, { cause });
  }
}

/** The first line of the first error: what a person needs, without a stack trace. */
export function refusal(body: string): string | null {
  try {
    const first = textOrNull(list(fields(JSON.parse(body))["errors"])[0]);
    return first?.split("\n")[0]?.replace(/^(?:[a-z][\w$]*\.)+[A-Z][\w$]*: /, "") ?? null;
  } catch {
    return null;
  }
}

/** The header counts whole seconds, so only a difference that is surely one moves the clock. */
function learnClock(date: string | null): void {
  const at = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(at)) return;
  const difference = at + 500 - Date.now();
  skewMs = Math.abs(difference) > 2_000 ? difference : 0;
}
