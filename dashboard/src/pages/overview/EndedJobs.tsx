// The jobs that are over, newest first.
import { useState } from "react";
import { Moment } from "../../parts/Moment";
import { Name } from "../../parts/Name";
import { StateBadge } from "../../parts/StateBadge";
import { Cell, type Column, Row, RowName, Table } from "../../parts/Table";
import { TaskCounts } from "../../parts/TaskCounts";
import { serverNow } from "../../rest/client";
import type { JobSummary } from "../../rest/jobs";
import { jobHref } from "../../route";
import { count, duration } from "../../words/format";

const COLUMNS: Column[] = [
  { label: "State" },
  { label: "Job" },
  { label: "Ended", end: true },
  { label: "Duration", end: true },
  { label: "Tasks", end: true },
];
const SHOWN_FIRST = 15;

export function EndedJobs({ jobs }: { jobs: readonly JobSummary[] }) {
  const [all, setAll] = useState(false);
  const newestFirst = [...jobs].sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
  const shown = all ? newestFirst : newestFirst.slice(0, SHOWN_FIRST);
  const now = serverNow();
  return (
    <>
      <Table caption="Completed jobs" columns={COLUMNS}>
        {shown.map((job) => (
          <Row key={job.id}>
            <Cell label="State">
              <StateBadge state={job.state} />
            </Cell>
            <RowName>
              <a href={jobHref(job.id)} className="job-link">
                <Name text={job.name} />
              </a>
              {job.state === "FAILED" && (
                <a href={jobHref(job.id, "exceptions")} className="why">
                  see why it failed
                </a>
              )}
            </RowName>
            <Cell label="Ended" end>
              <Moment at={job.endedAt} now={now} />
            </Cell>
            <Cell label="Duration" end>
              {duration(job.durationMs)}
            </Cell>
            <Cell label="Tasks" end minor>
              <TaskCounts tasks={job.tasks} />
            </Cell>
          </Row>
        ))}
      </Table>
      {shown.length < jobs.length && (
        <button type="button" className="plain more" onClick={() => setAll(true)}>
          Show all {count(jobs.length)}
        </button>
      )}
    </>
  );
}
