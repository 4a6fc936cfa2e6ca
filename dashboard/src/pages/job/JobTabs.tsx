// A job's details, one kind at a time. Tabs are links: each has its own address.
import { useEffect, useRef } from "react";
import type { Checkpoints } from "../../rest/checkpoints";
import type { Job } from "../../rest/job";
import { JOB_TABS, type JobTab, jobHref } from "../../route";
import { count } from "../../words/format";
import { CheckpointsTab } from "./CheckpointsTab";
import { ConfigurationTab } from "./ConfigurationTab";
import { ExceptionsTab } from "./ExceptionsTab";
import { SubtasksTab } from "./SubtasksTab";

const WORDS: Record<JobTab, string> = {
  subtasks: "Subtasks",
  checkpoints: "Checkpoints",
  exceptions: "Exceptions",
  configuration: "Configuration",
};

interface Props {
  job: Job;
  tab: JobTab;
  vertexId: string | null;
  checkpoints: Checkpoints | null;
}

export function JobTabs({ job, tab, vertexId, checkpoints }: Props) {
  const panel = useRef<HTMLElement>(null);
  const place = `${tab} ${vertexId}`;
  const placeBefore = useRef(place);
  // A vertex chosen in the graph shows its subtasks, which may be below the fold.
  useEffect(() => {
    if (placeBefore.current !== place) panel.current?.scrollIntoView({ block: "nearest" });
    placeBefore.current = place;
  }, [place]);

  return (
    <section className="tabs" ref={panel} aria-label={WORDS[tab]}>
      <nav className="tab-list" aria-label="Details">
        {JOB_TABS.map((name) => (
          <a key={name} href={jobHref(job.id, name)} aria-current={name === tab ? "page" : undefined}>
            {WORDS[name]}
            {name === "checkpoints" && checkpoints !== null && (
              <span className={checkpoints.failed > 0 ? "tab-count warn" : "tab-count"}>{count(checkpoints.completed)}</span>
            )}
          </a>
        ))}
      </nav>
      <div className="tab-panel">
        {tab === "subtasks" && <SubtasksTab job={job} vertexId={vertexId} />}
        {tab === "checkpoints" && <CheckpointsTab jobId={job.id} checkpoints={checkpoints} />}
        {tab === "exceptions" && <ExceptionsTab job={job} />}
        {tab === "configuration" && <ConfigurationTab jobId={job.id} />}
      </div>
    </section>
  );
}
