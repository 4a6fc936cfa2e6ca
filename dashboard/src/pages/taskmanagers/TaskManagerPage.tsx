// One TaskManager: its slots and the jobs that hold them, its memory and its metrics.
import { usePoll } from "../../live/usePoll";
import { Empty } from "../../parts/Empty";
import { Facts } from "../../parts/Facts";
import { Section } from "../../parts/Section";
import { SlotCells } from "../../parts/SlotCells";
import { useTitle } from "../../parts/useTitle";
import { Vital, Vitals } from "../../parts/Vital";
import { Waiting } from "../../parts/Waiting";
import { serverNow } from "../../rest/client";
import { type JobSummary, readJobs } from "../../rest/jobs";
import { readTaskManager, type TaskManager } from "../../rest/taskManagers";
import { jobHref } from "../../route";
import { bytes, count, plural } from "../../words/format";
import { Heartbeat } from "./Heartbeat";
import { Memory } from "./Memory";
import { inWords, metricFacts } from "./metricWords";

export function TaskManagerPage({ id }: { id: string }) {
  const { data: tm, refused } = usePoll(`taskmanagers/${encodeURIComponent(id)}`, readTaskManager);
  const jobs = usePoll("jobs/overview", readJobs).data ?? [];
  useTitle(id);
  if (refused !== null) {
    return (
      <Empty title={`TaskManager ${id} is not here.`}>
        {refused.message}. It may have ended and come back under another name: <a href="#/taskmanagers">see all TaskManagers</a>.
      </Empty>
    );
  }
  if (tm === null) return <Waiting />;
  const memory = Object.entries(tm.memory).map(([name, value]) => ({ name: inWords(name), value: bytes(value) }));
  const metrics = metricFacts(tm.metrics);
  return (
    <>
      <div className="job-head">
        <div className="job-title">
          <p className="crumbs">
            <a href="#/taskmanagers">TaskManagers</a>
          </p>
          <h1>{tm.id}</h1>
          {tm.path !== "" && <p className="job-line path">{tm.path}</p>}
        </div>
      </div>
      <Vitals label="Vital figures">
        <Vital
          name="Free slots"
          value={
            <>
              {count(tm.freeSlots)}
              <small> of {count(tm.slots)}</small>
            </>
          }
          picture={<SlotCells total={tm.slots} free={tm.freeSlots} />}
        />
        <Vital
          name="Last heartbeat"
          value={
            <span className="vital-time">
              <Heartbeat at={tm.heartbeatAt} now={serverNow()} timeout={tm.heartbeatTimeout} />
            </span>
          }
        />
        <Vital
          name="Memory"
          value={
            <span className="vital-time">
              <Memory tm={tm} />
            </span>
          }
          note={tm.physicalMemory === null ? undefined : `the machine has ${bytes(tm.physicalMemory)}`}
        />
        <Vital name="CPU cores" value={count(tm.cpuCores)} />
        <Vital
          name="Data port"
          value={tm.dataPort === null || tm.dataPort <= 0 ? "–" : String(tm.dataPort)}
          note="other TaskManagers send rows there"
        />
      </Vitals>
      <Section title="Jobs in its slots">
        <SlotsByJob tm={tm} jobs={jobs} />
      </Section>
      {memory.length > 0 && (
        <Section title="Memory">
          <Facts facts={memory} />
        </Section>
      )}
      {metrics.length > 0 && (
        <Section title="Process">
          <Facts facts={metrics} />
        </Section>
      )}
    </>
  );
}

function SlotsByJob({ tm, jobs }: { tm: TaskManager; jobs: readonly JobSummary[] }) {
  const taken = Object.entries(tm.slotsByJob);
  if (taken.length === 0) return <p className="muted">All of its slots are free.</p>;
  const nameOf = new Map(jobs.map((job) => [job.id, job.name]));
  return (
    <Facts
      facts={taken.map(([job, slots]) => ({ name: plural(slots, "slot"), value: <a href={jobHref(job)}>{nameOf.get(job) ?? job}</a> }))}
    />
  );
}
