// The first page: what the cluster has, what runs on it and whether it is well, what has ended.
import { usePoll } from "../../live/usePoll";
import { Empty } from "../../parts/Empty";
import { Section } from "../../parts/Section";
import { useTitle } from "../../parts/useTitle";
import { Waiting } from "../../parts/Waiting";
import { readCluster } from "../../rest/cluster";
import { isEnded, readJobs } from "../../rest/jobs";
import { ClusterStrip } from "./ClusterStrip";
import { EndedJobs } from "./EndedJobs";
import { RefusedScripts } from "./RefusedScripts";
import { RunningJobs } from "./RunningJobs";
import { runCommand } from "./runCommand";

export function Overview() {
  useTitle(null);
  const cluster = usePoll("overview", readCluster).data;
  const jobs = usePoll("jobs/overview", readJobs).data;
  if (cluster === null && jobs === null) return <Waiting />;

  const running = jobs?.filter((job) => !isEnded(job.state)) ?? [];
  const ended = jobs?.filter((job) => isEnded(job.state)) ?? [];
  return (
    <>
      <h1 className="unseen">Overview</h1>
      {cluster !== null && <ClusterStrip cluster={cluster} />}
      <Section title="Running jobs" aside={running.length > 0 ? running.length : undefined}>
        {running.length > 0 && <RunningJobs jobs={running} />}
        {jobs !== null && running.length === 0 && <NothingRuns hasTaskManagers={cluster?.taskManagers !== 0} hasEnded={ended.length > 0} />}
      </Section>
      {cluster !== null && cluster.refusedScripts.length > 0 && (
        <Section title="Refused scripts" aside={cluster.refusedScripts.length}>
          <RefusedScripts scripts={cluster.refusedScripts} />
        </Section>
      )}
      {ended.length > 0 && (
        <Section title="Completed jobs" aside={ended.length}>
          <EndedJobs jobs={ended} />
        </Section>
      )}
    </>
  );
}

function NothingRuns({ hasTaskManagers, hasEnded }: { hasTaskManagers: boolean; hasEnded: boolean }) {
  if (!hasTaskManagers) {
    return (
      <Empty
        title={hasEnded ? "Nothing runs, and no TaskManager is here." : "No job yet, and no TaskManager is here."}
        command="irmak taskmanager"
      >
        A job needs a TaskManager to run on. Start one; it registers by itself:
      </Empty>
    );
  }
  return (
    <Empty title={hasEnded ? "Nothing runs now." : "No job yet."} command={runCommand(window.location.host)}>
      Submit one with the command line; it shows up here by itself:
    </Empty>
  );
}
