// Sentences about a job's health, event time in words, states, names, places and short memories.
import { describe, expect, it } from "vitest";
import { remember, rememberAll, SAMPLES_MAX } from "../src/live/history";
import { runCommand } from "../src/pages/overview/runCommand";
import { readCheckpoints } from "../src/rest/checkpoints";
import { readFailures } from "../src/rest/exceptions";
import { type Job, readJob } from "../src/rest/job";
import { jobHref, noteHref, parseRoute, taskManagerHref } from "../src/route";
import { diagnose } from "../src/words/diagnose";
import { clockLagInWords, lagInWords, sourceWatermark, watermark, watermarkToSecond } from "../src/words/eventTime";
import { busiest, rowsIntoJob } from "../src/words/flowing";
import { chainOf, headOf } from "../src/words/names";
import { stateLook } from "../src/words/state";

type Figures = Record<string, unknown>;

/** A job of vertices in a chain (or with these edges), each with its `irmak` object. */
function job(vertices: Record<string, Figures>, more: Figures = {}, edges?: [string, string][]): Job {
  const ids = Object.keys(vertices);
  const pairs = edges ?? ids.slice(1).map((id, i): [string, string] => [ids[i] as string, id]);
  return readJob({
    jid: "j",
    state: "RUNNING",
    vertices: ids.map((id) => ({ id, name: `${id} -> Calc`, irmak: vertices[id] })),
    plan: {
      nodes: ids.map((id) => ({ id, inputs: pairs.filter(([, to]) => to === id).map(([from]) => ({ id: from, ship_strategy: "HASH" })) })),
    },
    ...more,
  });
}

describe("what is said about a job", () => {
  const texts = (of: Job, checkpoints: unknown = null) =>
    diagnose(of, { checkpoints: checkpoints === null ? null : readCheckpoints(checkpoints) }).map((note) => `${note.tone}: ${note.text}`);

  it("nothing, when it is well", () => expect(texts(job({ a: { "busy-ratio": 0.9 }, b: { "backpressured-ratio": 0.1 } }))).toEqual([]));

  it("how many slots it waits for, said once, and what brings them", () => {
    const remedy = "info: It starts by itself when a TaskManager brings slots (irmak taskmanager) or another job ends";
    expect(
      texts(job({ a: {} }, { state: "CREATED", irmak: { "slots-required": 6, "slots-available": 4, message: "waits for 2 more slots" } })),
    ).toEqual(["wait: waits for 2 more slots", remedy]);
    expect(texts(job({ a: {} }, { state: "CREATED", irmak: { "slots-required": 2, "slots-available": 1 } }))).toEqual([
      "wait: waits for 1 more slot",
      remedy,
    ]);
  });

  it("the narrow place behind a row of held up vertices, once", () => {
    const chain = {
      a: { "backpressured-ratio": 0.7 },
      b: { "backpressured-ratio": 0.9 },
      c: { "busy-ratio": 0.97 },
      d: { "busy-ratio": 0.1 },
    };
    expect(texts(job(chain))).toEqual(["warn: c is the narrow place: 97 % busy; b waits for it 90 % of the time"]);
  });

  it("the busiest of several branches is the narrow place", () => {
    const fan = {
      a: { "backpressured-ratio": 0.7 },
      b: { "busy-ratio": 0.2 },
      c: { "backpressured-ratio": 0.6 },
      d: { "busy-ratio": 0.99 },
    };
    expect(
      diagnose(
        job(fan, {}, [
          ["a", "b"],
          ["a", "c"],
          ["c", "d"],
        ]),
      ).map((note) => note.vertexId),
    ).toEqual(["d"]);
  });

  it("a vertex's trouble before rows that were left out", () => {
    const troubled = job({ a: { "skipped-records": 1, message: "broker away" }, b: { "late-records": 1204 } });
    expect(texts(troubled)).toEqual([
      "warn: a: broker away",
      "info: 1,204 rows came too late for a window and were left out",
      "info: 1 record could not be read and was skipped",
    ]);
  });

  it("a failed checkpoint, until a newer one completes", () => {
    const failed = { id: 7, status: "FAILED", failure_message: "disk full" };
    expect(texts(job({ a: {} }), { latest: { completed: { id: 6 }, failed } })).toEqual(["warn: Checkpoint 7 failed: disk full"]);
    expect(texts(job({ a: {} }), { latest: { completed: { id: 8 }, failed } })).toEqual([]);
  });

  it("why it failed or restarts, unless the JobManager says so already", () => {
    const failures = readFailures({ "root-exception": "disk full", timestamp: 1 });
    const told = (state: string, message: string | null = null) =>
      diagnose(job({ a: {} }, { state, irmak: { message } }), { failures }).map((note) => `${note.tone}: ${note.text}`);
    expect(told("FAILED")).toEqual(["bad: disk full"]);
    expect(told("RESTARTING")).toEqual(["warn: disk full"]);
    expect(told("RESTARTING", "restarts in 3 s after: disk full")).toEqual(["warn: restarts in 3 s after: disk full"]);
    expect(told("RUNNING")).toEqual([]);
  });

  it("no backpressure of a job that is over", () => {
    expect(texts(job({ a: { "backpressured-ratio": 0.9 }, b: {} }, { state: "FINISHED" }))).toEqual([]);
    expect(texts(job({ a: {} }, { state: "FAILED", irmak: { message: "disk full" } }))).toEqual(["bad: disk full"]);
  });
});

describe("event time", () => {
  it("is written as rows write it", () => {
    const written = [
      Date.UTC(2025, 1, 16, 7, 40),
      Date.UTC(2025, 1, 16, 7, 40, 0, 120),
      0,
      null,
      -9223372036854775808,
      9223372036854775807,
    ].map(watermark);
    expect(written).toEqual([
      "2025-02-16 07:40:00",
      "2025-02-16 07:40:00.120",
      "1970-01-01 00:00:00",
      "none yet",
      "none yet",
      "end of input",
    ]);
    expect(watermarkToSecond(Date.UTC(2025, 1, 16, 7, 40, 0, 120))).toBe("2025-02-16 07:40:00");
  });

  it("of a job is that of its foremost source", () => {
    expect(sourceWatermark(job({ a: { watermark: 5_000 }, b: { watermark: 9_000 } }))).toBe(5_000);
    expect(
      sourceWatermark(
        job({ a: { watermark: 5_000 }, b: { watermark: 7_000 }, c: {} }, {}, [
          ["a", "c"],
          ["b", "c"],
        ]),
      ),
    ).toBe(7_000);
    expect(sourceWatermark(job({ a: { watermark: null } }))).toBeNull();
  });

  it("lags behind the sources, and a source behind the clock", () => {
    const lag = { own: 10_000, sources: 18_000, isSource: false, now: 20_000 };
    expect(lagInWords(lag)).toBe("8 s behind the sources");
    expect(lagInWords({ ...lag, isSource: true })).toBe("8 s behind the foremost source");
    expect(lagInWords({ ...lag, own: 18_000 })).toBe("level with the sources");
    expect(lagInWords({ ...lag, own: 18_000, isSource: true })).toBe("2 s behind the clock");
    expect(lagInWords({ ...lag, own: null })).toBeNull();
    expect(clockLagInWords(20_000, 5_000)).toBe("15 s ahead of the clock");
  });
});

it("rows into a job are what its sources read, or send where they count no input", () => {
  expect(rowsIntoJob(job({ a: { "records-in-per-second": 0, "records-out-per-second": 5 }, b: { "records-in-per-second": 99 } }))).toBe(5);
  expect(rowsIntoJob(job({ a: { "records-in-per-second": 8, "records-out-per-second": 5 } }))).toBe(8);
  expect(rowsIntoJob(job({ a: {} }))).toBeNull();
  expect(busiest(job({ a: { "busy-ratio": 0.2 }, b: { "busy-ratio": 0.6 }, c: {} }))?.id).toBe("b");
});

it("a state has a word and a sign, also one that nobody knows", () => {
  expect(stateLook("RUNNING")).toEqual({ word: "Running", tone: "good", sign: "flow" });
  expect(stateLook("IN_PROGRESS").word).toBe("In progress");
  expect(stateLook("PONDERING")).toEqual({ word: "Pondering", tone: "quiet", sign: "mark" });
});

it("a chain's name is its operators", () => {
  expect(chainOf("Source: gen[1] -> Calc[2]")).toEqual(["Source: gen[1]", "Calc[2]"]);
  expect(headOf("end: Writer")).toBe("end: Writer");
  expect(chainOf("")).toEqual([""]);
});

describe("places", () => {
  it("are read from the address", () => {
    expect(parseRoute("")).toEqual({ page: "overview" });
    expect(parseRoute("#/nowhere")).toEqual({ page: "overview" });
    expect(parseRoute("#/jobs/abc")).toEqual({ page: "job", jobId: "abc", tab: "subtasks", vertexId: null });
    expect(parseRoute("#/jobs/abc/checkpoints")).toMatchObject({ tab: "checkpoints" });
    expect(parseRoute("#/jobs/abc/nonsense/x")).toMatchObject({ tab: "subtasks" });
    expect(parseRoute("#/taskmanagers")).toEqual({ page: "taskManagers" });
    expect(parseRoute("#/taskmanagers/%E0%A4")).toEqual({ page: "taskManager", id: "%E0%A4" });
  });

  it("are found again from what they are written as", () => {
    expect(parseRoute(jobHref("abc", "subtasks", "v/1"))).toEqual({ page: "job", jobId: "abc", tab: "subtasks", vertexId: "v/1" });
    expect(parseRoute(taskManagerHref("host:6121-ab"))).toEqual({ page: "taskManager", id: "host:6121-ab" });
  });

  it("a sentence leads to its vertex, or to the tab that says more", () => {
    expect(noteHref("j", { vertexId: "v" })).toBe("#/jobs/j/subtasks/v");
    expect(noteHref("j", { tab: "exceptions" })).toBe("#/jobs/j/exceptions");
    expect(noteHref("j", {})).toBeUndefined();
  });

  it("the command names the JobManager unless it is the usual one", () => {
    expect(runCommand("localhost:8081")).toBe("irmak run kdv.sql");
    expect(runCommand("cluster:9000")).toBe("irmak run -m cluster:9000 kdv.sql");
  });
});

describe("a short memory", () => {
  it("is bounded, and the same moment counts once", () => {
    let samples = remember([], { at: 0, value: 1 });
    samples = remember(samples, { at: 0, value: 2 });
    expect(samples).toEqual([{ at: 0, value: 2 }]);
    for (let at = 1; at < 200; at += 1) samples = remember(samples, { at, value: at });
    expect(samples).toHaveLength(SAMPLES_MAX);
    expect(samples.at(-1)).toEqual({ at: 199, value: 199 });
  });

  it("forgets who is gone and waits for who says nothing", () => {
    const first = rememberAll(
      new Map(),
      1,
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    );
    const next = rememberAll(first, 2, new Map<string, number | null>([["a", null]]));
    expect([...next]).toEqual([["a", [{ at: 1, value: 1 }]]]);
  });
});
