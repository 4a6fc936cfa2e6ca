// A job: its state and vital figures, what is wrong with it, its graph, and its details under tabs.
import { useHistories } from "../../live/useHistories";
import { usePoll } from "../../live/usePoll";
import { Empty } from "../../parts/Empty";
import { Notes } from "../../parts/Notes";
import { Section } from "../../parts/Section";
import { useTitle } from "../../parts/useTitle";
import { Waiting } from "../../parts/Waiting";
import { readCheckpoints } from "../../rest/checkpoints";
import { readFailures } from "../../rest/exceptions";
import { type Job, readJob } from "../../rest/job";
import { type JobTab, noteHref } from "../../route";
import { diagnose, isTroubled } from "../../words/diagnose";
import { entering, rowsIntoJob } from "../../words/flowing";
import { Graph } from "./Graph";
import { JobHead } from "./JobHead";
import { JobTabs } from "./JobTabs";
import { JobVitals } from "./JobVitals";

interface Props {
  jobId: string;
  tab: JobTab;
  vertexId: string | null;
}

export function JobPage({ jobId, tab, vertexId }: Props) {
  const path = `jobs/${encodeURIComponent(jobId)}`;
  const { data: job, refused, refresh } = usePoll(path, readJob);
  const checkpoints = usePoll(refused === null ? `${path}/checkpoints` : null, readCheckpoints).data;
  const failures = usePoll(job !== null && isTroubled(job.state) ? `${path}/exceptions` : null, readFailures).data;
  const histories = useHistories(jobId, job?.now ?? null, () => figures(job));
  useTitle(job?.name ?? null);

  if (job === null) {
    if (refused === null) return <Waiting />;
    return (
      <Empty title="This job is not here.">
        {refused.message}. The JobManager may have forgotten it, or the address is wrong: <a href="#/">see all jobs</a>.
      </Empty>
    );
  }
  const selected = vertexId ?? job.vertices[0]?.id ?? null;
  return (
    <>
      <JobHead job={job} onCanceled={refresh} />
      <Notes notes={diagnose(job, { checkpoints, failures })} hrefOf={(note) => noteHref(jobId, note)} />
      <JobVitals job={job} checkpoints={checkpoints} rowsIn={histories.get("in")} />
      <Section title="Graph">
        <Graph job={job} selected={tab === "subtasks" ? vertexId : null} histories={histories} />
      </Section>
      <JobTabs job={job} tab={tab} vertexId={selected} checkpoints={checkpoints} />
    </>
  );
}

/** The figures that the page remembers: the job's input, and each vertex's. */
function figures(job: Job | null): Map<string, number | null> {
  if (job === null) return new Map();
  const perVertex = job.vertices.map((vertex): [string, number | null] => [vertex.id, entering(vertex)]);
  return new Map([["in", rowsIntoJob(job)], ...perVertex]);
}
