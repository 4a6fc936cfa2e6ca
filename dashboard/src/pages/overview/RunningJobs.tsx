// The jobs that are not over, each with its figures.
import { type Column, Table } from "../../parts/Table";
import type { JobSummary } from "../../rest/jobs";
import { RunningJobRow } from "./RunningJobRow";

const COLUMNS: Column[] = [
  { label: "State" },
  { label: "Job" },
  { label: "Rows in / s", end: true },
  { label: "Busiest vertex" },
  { label: "Watermark" },
  { label: "Duration", end: true },
  { label: "Tasks", end: true },
];

/** Jobs whose details are asked for with every poll; the ones beyond show what the list says. */
const DETAILED_MAX = 12;

export function RunningJobs({ jobs }: { jobs: readonly JobSummary[] }) {
  return (
    <Table caption="Running jobs" columns={COLUMNS}>
      {jobs.map((job, i) => (
        <RunningJobRow key={job.id} job={job} detailed={i < DETAILED_MAX} />
      ))}
    </Table>
  );
}
