// One job that is not over: state, flow, and why it isn't well if it isn't.
import { useHistories } from "../../live/useHistories";
import { usePoll } from "../../live/usePoll";
import { Curve } from "../../parts/Curve";
import { Name } from "../../parts/Name";
import { Notes } from "../../parts/Notes";
import { ShareBar } from "../../parts/ShareBar";
import { StateBadge } from "../../parts/StateBadge";
import { Cell, Row, RowName } from "../../parts/Table";
import { TaskCounts } from "../../parts/TaskCounts";
import { type Job, readJob } from "../../rest/job";
import type { JobSummary } from "../../rest/jobs";
import { jobHref, noteHref } from "../../route";
import { diagnose } from "../../words/diagnose";
import { sourceWatermark, watermarkToSecond } from "../../words/eventTime";
import { busiest, rowsIntoJob } from "../../words/flowing";
import { duration, NOTHING, percent, rate } from "../../words/format";
import { headOf } from "../../words/names";

export function RunningJobRow({ job, detailed }: { job: JobSummary; detailed: boolean }) {
  const details = usePoll(detailed ? `jobs/${encodeURIComponent(job.id)}` : null, readJob).data;
  const rowsIn = details === null ? null : rowsIntoJob(details);
  const histories = useHistories(job.id, details?.now ?? null, () => new Map([["in", rowsIn]]));
  const moving = details?.state === "RUNNING";
  return (
    <Row>
      <Cell label="State">
        <StateBadge state={job.state} />
      </Cell>
      <RowName>
        <a href={jobHref(job.id)} className="job-link">
          <Name text={job.name} />
        </a>
        {details !== null && <Notes notes={diagnose(details)} hrefOf={(note) => noteHref(job.id, note)} />}
      </RowName>
      <Cell label="Rows in / s" end>
        {moving ? (
          <span className="with-curve">
            <Curve samples={histories.get("in")} />
            <b>{rate(rowsIn)}</b>
          </span>
        ) : (
          NOTHING
        )}
      </Cell>
      <Cell label="Busiest vertex" wide>
        {moving ? <Busiest job={details} /> : NOTHING}
      </Cell>
      <Cell label="Watermark">{moving ? watermarkToSecond(sourceWatermark(details)) : NOTHING}</Cell>
      <Cell label="Duration" end>
        {duration(job.durationMs)}
      </Cell>
      <Cell label="Tasks" end>
        <TaskCounts tasks={job.tasks} />
      </Cell>
    </Row>
  );
}

function Busiest({ job }: { job: Job }) {
  const top = busiest(job);
  if (top === null) return NOTHING;
  return (
    <span className="busiest">
      <ShareBar busy={top.flow.busy} backpressured={top.flow.backpressured} words={false} />
      <span>
        {percent(top.flow.busy)} <span className="muted">{headOf(top.name)}</span>
      </span>
    </span>
  );
}
