// What the readers make of a real Flink's answers (test/fixtures), of Irmak's additions, and of answers that lack everything.
import { describe, expect, it } from "vitest";
import { readCheckpointSettings, readCheckpoints } from "../src/rest/checkpoints";
import { refusal } from "../src/rest/client";
import { readCluster } from "../src/rest/cluster";
import { readFailures, summarize } from "../src/rest/exceptions";
import { readFlow } from "../src/rest/flow";
import { readJob } from "../src/rest/job";
import { readJobSettings } from "../src/rest/jobConfig";
import { isEnded, readJobs } from "../src/rest/jobs";
import { readSubtasks } from "../src/rest/subtasks";
import { readTaskManager, readTaskManagers } from "../src/rest/taskManagers";
import checkpoints from "./fixtures/job_checkpoints.json";
import checkpointConfig from "./fixtures/job_checkpoints_config.json";
import jobConfig from "./fixtures/job_config.json";
import exceptions from "./fixtures/job_exceptions.json";
import failedExceptions from "./fixtures/job_failed_exceptions.json";
import finished from "./fixtures/job_finished.json";
import job from "./fixtures/job.json";
import unknownJob from "./fixtures/job_unknown.json";
import jobsOverview from "./fixtures/jobs_overview.json";
import overview from "./fixtures/overview.json";
import taskManager from "./fixtures/taskmanager.json";
import taskManagers from "./fixtures/taskmanagers.json";

const NOW = 1_795_197_250_000;

describe("a real Flink's answers", () => {
  it("the cluster's overview", () => {
    expect(readCluster(overview)).toEqual({
      taskManagers: 1,
      slotsTotal: 4,
      slotsAvailable: 2,
      running: 1,
      finished: 11,
      canceled: 2,
      failed: 0,
      flinkVersion: "1.20.5",
      refusedScripts: [],
    });
  });

  it("the list of jobs, newest first", () => {
    const jobs = readJobs(jobsOverview);
    expect(jobs).toHaveLength(14);
    expect(jobs.filter((one) => !isEnded(one.state)).map((one) => one.name)).toEqual(["rest-fixture-job"]);
    expect(jobs.map((one) => one.startedAt ?? 0)).toEqual(jobs.map((one) => one.startedAt ?? 0).sort((a, b) => b - a));
    expect(jobs.find((one) => one.state === "RUNNING")).toMatchObject({ endedAt: null, tasks: { running: 5, total: 5 } });
  });

  it("a running job with its graph", () => {
    const read = readJob(job);
    expect(read).toMatchObject({
      id: "d81a3cc39bb789735d992807e0a8f470",
      state: "RUNNING",
      endedAt: null,
      durationMs: 45_899,
      message: null,
      slotsRequired: null,
    });
    expect(read.vertices.map((vertex) => [vertex.name, vertex.parallelism, vertex.totals.recordsIn, vertex.tasks])).toEqual([
      ["Source: gen[1] -> Calc[2] -> WatermarkAssigner[3]", 2, 0, { RUNNING: 2 }],
      ["GroupWindowAggregate[5] -> Calc[6] -> StreamingFileWriter", 2, 9200, { RUNNING: 2 }],
      ["end: Writer", 1, 18, { RUNNING: 1 }],
    ]);
    expect(read.edges).toEqual([
      { from: "c27dcf7b54ef6bfd6cff02ca8870b681", to: "ea633317dedae25c0027b3d4613a1a6b", ship: "REBALANCE" },
      { from: "cbc357ccb763df2852fee8c4fc7d55f2", to: "c27dcf7b54ef6bfd6cff02ca8870b681", ship: "HASH" },
    ]);
    expect(read.vertices[0]?.description.at(-1)).toBe("[3]:WatermarkAssigner(rowtime=[ts], watermark=[(ts - 2000:INTERVAL SECOND)])");
    expect(read.vertices[0]?.flow).toMatchObject({ inPerSecond: null, busy: null, watermark: null, lateRecords: 0 });
  });

  it("a finished job has an end", () => {
    const read = readJob(finished);
    expect(read.state).toBe("FINISHED");
    expect((read.endedAt ?? 0) - (read.startedAt ?? 0)).toBe(read.durationMs);
  });

  it("checkpoints, newest first, and what the job was restored from", () => {
    const read = readCheckpoints(checkpoints);
    expect(read).toMatchObject({ completed: 9, failed: 0, restored: 1, latestFailed: null });
    expect(read.history.map((one) => one.id)).toEqual([77, 76, 75, 74, 73, 72, 71, 70, 69]);
    expect(read.latest).toMatchObject({ id: 77, durationMs: 17, stateBytes: 11_502, acknowledged: 5, subtasks: 5, discarded: false });
    expect(read.restoredFrom).toMatchObject({ id: 68, isSavepoint: true });
  });

  it("checkpoint settings, where never is not an interval", () => {
    expect(readCheckpointSettings(checkpointConfig)).toMatchObject({
      mode: "exactly_once",
      intervalMs: 5_000,
      timeoutMs: 600_000,
      minPauseMs: 0,
    });
    expect(readCheckpointSettings({ interval: 9223372036854775807n.toString() }).intervalMs).toBeNull();
    expect(readCheckpointSettings({ interval: 0 }).intervalMs).toBeNull();
  });

  it("one failure told twice is one failure, with its place", () => {
    expect(readFailures(exceptions)).toEqual({ root: null, history: [], truncated: false });
    const read = readFailures(failedExceptions);
    expect(read.root).toBeNull();
    expect(read.history).toHaveLength(1);
    expect(read.history[0]).toMatchObject({ summary: "ArithmeticException: / by zero", taskManagerId: "localhost:46769-43a2cc" });
  });

  it("a job's settings", () => {
    const read = readJobSettings(jobConfig);
    expect(read.execution).toContainEqual({ name: "job-parallelism", value: "2" });
    expect(read.user).toEqual([]);
  });

  it("TaskManagers, whose heartbeat is a moment whatever its name says", () => {
    const [first] = readTaskManagers(taskManagers, NOW);
    expect(first).toMatchObject({ id: "localhost:46769-43a2cc", slots: 4, freeSlots: 2, heartbeatAt: 1_795_197_242_095, slotsByJob: {} });
    const details = readTaskManager(taskManager, NOW);
    expect(details.slotsByJob).toEqual({ d81a3cc39bb789735d992807e0a8f470: 2 });
    expect(details.memory["totalProcessMemory"]).toBe(1_811_939_328);
    expect(details.memory["taskOffHeap"]).toBeUndefined();
    expect(readTaskManager({ timeSinceLastHeartbeat: 1_500 }, NOW).heartbeatAt).toBe(NOW - 1_500);
  });

  it("a refusal is told without its stack trace", () => {
    expect(refusal(JSON.stringify(unknownJob))).toBe("Job 00000000000000000000000000000000 not found");
    expect(refusal('{"errors":["Unable to load requested file /nope."]}')).toBe("Unable to load requested file /nope.");
    expect(refusal("<html>")).toBeNull();
    expect(refusal("{}")).toBeNull();
  });
});

describe("what Irmak adds", () => {
  it("says how a vertex flows", () => {
    const flow = {
      "records-in-per-second": 12.5,
      "records-out-per-second": 0,
      "busy-ratio": 0.4,
      "backpressured-ratio": 1.7,
      "idle-ratio": "NaN",
      watermark: 0,
      "late-records": 3,
      "skipped-records": 1,
      message: "",
    };
    expect(readFlow(flow)).toEqual({
      inPerSecond: 12.5,
      outPerSecond: 0,
      busy: 0.4,
      backpressured: 1,
      idle: null,
      watermark: 0,
      lateRecords: 3,
      skippedRecords: 1,
      message: null,
    });
  });

  it("says why a job waits", () => {
    const read = readJob({ ...job, irmak: { "slots-required": 6, "slots-available": 4, message: "waits for 2 more slots" } });
    expect(read).toMatchObject({ slotsRequired: 6, slotsAvailable: 4, message: "waits for 2 more slots" });
  });

  it("says where a subtask runs and how it flows", () => {
    const [subtask] = readSubtasks({
      subtasks: [
        {
          subtask: 3,
          status: "RUNNING",
          attempt: 1,
          host: "tm-1:6121",
          "taskmanager-id": "tm-1",
          metrics: { "read-records": 7 },
          irmak: { "busy-ratio": 0.5 },
        },
      ],
    });
    expect(subtask).toMatchObject({
      index: 3,
      attempt: 1,
      endpoint: "tm-1:6121",
      taskManagerId: "tm-1",
      totals: { recordsIn: 7, recordsOut: null },
      flow: { busy: 0.5 },
    });
  });
});

it("refused scripts keep their lines", () => {
  const text = "error[E0207]: column `m` is not in table `t`\n --> job.sql:1:8\n  |\n1 | SELECT m FROM t;\n  |        ^";
  const read = readCluster({ ...overview, irmak: { version: "1", "refused-scripts": [{ timestamp: NOW, message: text }] } });
  expect(read.refusedScripts).toEqual([{ at: NOW, text }]);
});

it("answers that lack everything still give a page", () => {
  for (const nothing of [
    null,
    undefined,
    {},
    [],
    "",
    7,
    { vertices: 3, plan: { nodes: "x" }, jobs: [null], history: [{}], subtasks: [null], latest: [] },
  ]) {
    expect(readCluster(nothing).slotsTotal).toBe(0);
    expect(readJob(nothing)).toMatchObject({ vertices: [], edges: [], state: "UNKNOWN" });
    expect(readCheckpoints(nothing).history).toEqual([]);
    expect(readFailures(nothing).history).toEqual([]);
    expect(readJobSettings(nothing).user).toEqual([]);
    expect(readTaskManagers(nothing, NOW)).toEqual([]);
    expect(() => [readJobs(nothing), readSubtasks(nothing), readCheckpointSettings(nothing), readTaskManager(nothing, NOW)]).not.toThrow();
  }
});

it("the innermost cause is what a person reads", () => {
  expect(summarize("java.lang.RuntimeException: outer\n\tat x\nCaused by: org.apache.kafka.TimeoutException: broker away\n\tat y")).toBe(
    "TimeoutException: broker away",
  );
  expect(summarize("source sahibinden[2]: broker 127.0.0.1:9092 refused the connection")).toBe(
    "source sahibinden[2]: broker 127.0.0.1:9092 refused the connection",
  );
});
