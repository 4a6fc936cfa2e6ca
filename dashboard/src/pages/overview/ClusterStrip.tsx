// What the cluster has and how full it is.
import { SlotCells } from "../../parts/SlotCells";
import { Vital, Vitals } from "../../parts/Vital";
import type { Cluster } from "../../rest/cluster";
import { count, plural } from "../../words/format";

export function ClusterStrip({ cluster }: { cluster: Cluster }) {
  const { taskManagers, slotsTotal, slotsAvailable } = cluster;
  return (
    <Vitals label="Cluster">
      <Vital
        name="TaskManagers"
        value={<a href="#/taskmanagers">{count(taskManagers)}</a>}
        note={taskManagers === 0 ? "none has registered yet" : plural(slotsTotal, "slot")}
        {...(taskManagers === 0 ? { tone: "warn" as const } : {})}
      />
      <Vital
        name="Free slots"
        value={
          <>
            {count(slotsAvailable)}
            <small> of {count(slotsTotal)}</small>
          </>
        }
        picture={<SlotCells total={slotsTotal} free={slotsAvailable} />}
        note={slotsTotal > 0 && slotsAvailable === 0 ? "all taken: a further job waits" : `${count(slotsTotal - slotsAvailable)} taken`}
      />
      <Vital name="Running" value={count(cluster.running)} note={cluster.running === 1 ? "job" : "jobs"} />
      <Vital name="Finished" value={count(cluster.finished)} note={`${count(cluster.canceled)} canceled`} />
      <Vital
        name="Failed"
        value={count(cluster.failed)}
        note={cluster.failed === 0 ? "none" : "see below for the cause"}
        {...(cluster.failed > 0 ? { tone: "bad" as const } : {})}
      />
    </Vitals>
  );
}
