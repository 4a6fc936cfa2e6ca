// A job's five figures: rows in, event time, rows that were lost on the way, what is safe, slots.
import type { Sample } from "../../live/history";
import { Curve } from "../../parts/Curve";
import { SlotCells } from "../../parts/SlotCells";
import { Vital, Vitals } from "../../parts/Vital";
import type { Checkpoints } from "../../rest/checkpoints";
import { serverNow } from "../../rest/client";
import type { Job } from "../../rest/job";
import { isEnded } from "../../rest/jobs";
import { clockLagInWords, sourceWatermark, watermarkToSecond } from "../../words/eventTime";
import { lateRows, rowsIntoJob, skippedRows } from "../../words/flowing";
import { ago, bytes, count, duration, NOTHING, plural, rate } from "../../words/format";

interface Props {
  job: Job;
  checkpoints: Checkpoints | null;
  rowsIn: readonly Sample[] | undefined;
}

export function JobVitals({ job, checkpoints, rowsIn }: Props) {
  const ended = isEnded(job.state);
  const eventTime = sourceWatermark(job);
  const total = totalRowsIn(job);
  const late = lateRows(job);
  const skipped = skippedRows(job);
  const now = job.now ?? serverNow();
  return (
    <Vitals label="Vital figures">
      <Vital
        name="Rows in / s"
        value={ended ? NOTHING : rate(rowsIntoJob(job))}
        picture={ended ? undefined : <Curve samples={rowsIn} />}
        note={total === null ? "no row yet" : `${count(total)} ${ended ? "in all" : "so far"}`}
      />
      <Vital
        name="Watermark"
        value={<span className="vital-time">{ended && eventTime === null ? "none" : watermarkToSecond(eventTime)}</span>}
        note={ended ? "event time of the sources" : (clockLagInWords(eventTime, now) ?? "no source has one")}
      />
      <Vital
        name="Late · skipped"
        value={
          <>
            {count(late)}
            <small> · </small>
            {count(skipped)}
          </>
        }
        note={late + skipped === 0 ? "no row was left out" : "rows left out"}
        {...(late + skipped > 0 ? { tone: "warn" as const } : {})}
      />
      <CheckpointVital checkpoints={checkpoints} now={now} ended={ended} />
      {!ended && <SlotVital job={job} />}
    </Vitals>
  );
}

function CheckpointVital({ checkpoints, now, ended }: { checkpoints: Checkpoints | null; now: number; ended: boolean }) {
  const latest = checkpoints?.latest ?? null;
  const failed = checkpoints?.failed ?? 0;
  if (latest === null) {
    const note =
      checkpoints === null
        ? ""
        : failed > 0
          ? `${plural(failed, "attempt")} failed`
          : ended
            ? "the job had none"
            : "the first one is still to come";
    return (
      <Vital name="Last checkpoint" value={ended ? "none" : "none yet"} note={note} {...(failed > 0 ? { tone: "warn" as const } : {})} />
    );
  }
  const failures = failed > 0 ? `, ${count(failed)} failed` : "";
  return (
    <Vital
      name="Last checkpoint"
      value={ago(latest.endedAt, now)}
      note={`no. ${latest.id}, ${duration(latest.durationMs)}, ${bytes(latest.stateBytes)}${failures}`}
    />
  );
}

/** Slots as in Flink: as many as the highest parallelism, because a slot hosts one subtask of each vertex. */
function SlotVital({ job }: { job: Job }) {
  const required = job.slotsRequired ?? Math.max(1, ...job.vertices.map((vertex) => vertex.parallelism));
  const waiting = job.state !== "RUNNING" && job.slotsAvailable !== null && job.slotsAvailable < required;
  const missing = required - (job.slotsAvailable ?? required);
  return (
    <Vital
      name="Slots"
      value={count(required)}
      picture={<SlotCells total={required} free={waiting ? missing : 0} />}
      note={waiting ? `${plural(missing, "slot")} missing` : "what the job needs"}
      {...(waiting ? { tone: "warn" as const } : {})}
    />
  );
}

function totalRowsIn(job: Job): number | null {
  const fed = new Set(job.edges.map((edge) => edge.to));
  const totals = job.vertices.filter((vertex) => !fed.has(vertex.id)).map(({ totals }) => totals.recordsIn || totals.recordsOut);
  return totals.every((total) => total === null) ? null : totals.reduce<number>((sum, total) => sum + (total ?? 0), 0);
}
