// A job's checkpoints: how many, the last one, how often they are taken, and how each went.
import { usePoll } from "../../live/usePoll";
import { Empty } from "../../parts/Empty";
import { Facts } from "../../parts/Facts";
import { Moment } from "../../parts/Moment";
import { type Checkpoints, readCheckpointSettings } from "../../rest/checkpoints";
import { serverNow } from "../../rest/client";
import { ago, bytes, count, duration } from "../../words/format";
import { CheckpointHistory } from "./CheckpointHistory";
import { settingsInWords } from "./checkpointSettings";

/** Settings don't change while a job runs. */
const SETTINGS_POLL_MS = 15_000;

export function CheckpointsTab({ jobId, checkpoints }: { jobId: string; checkpoints: Checkpoints | null }) {
  const settings = usePoll(`jobs/${encodeURIComponent(jobId)}/checkpoints/config`, readCheckpointSettings, SETTINGS_POLL_MS).data;
  if (checkpoints === null) return <p className="waiting">Asking for checkpoints …</p>;
  const now = serverNow();
  const { latest, restoredFrom } = checkpoints;
  const off = settings !== null && settings.intervalMs === null;
  return (
    <>
      <p className="counts">
        <span>
          <b>{count(checkpoints.completed)}</b> completed
        </span>
        <span className={checkpoints.failed > 0 ? "some" : ""}>
          <b>{count(checkpoints.failed)}</b> failed
        </span>
        <span>
          <b>{count(checkpoints.inProgress)}</b> in progress
        </span>
        <span>
          <b>{count(checkpoints.restored)}</b> restored
        </span>
        {settings !== null && <span className="muted">{settingsInWords(settings)}</span>}
      </p>
      {latest !== null && (
        <Facts
          facts={[
            { name: "Latest completed", value: `no. ${latest.id}, ${ago(latest.endedAt, now)}` },
            { name: "Took", value: duration(latest.durationMs) },
            { name: "State", value: bytes(latest.stateBytes) },
            ...(latest.path === null ? [] : [{ name: "Stored at", value: <code>{latest.path}</code> }]),
            ...(restoredFrom === null
              ? []
              : [
                  {
                    name: "Restored from",
                    value: (
                      <>
                        {restoredFrom.isSavepoint ? "savepoint" : "checkpoint"} no. {restoredFrom.id} at{" "}
                        <Moment at={restoredFrom.at} now={now} />
                        {restoredFrom.path !== null && <code className="under">{restoredFrom.path}</code>}
                      </>
                    ),
                  },
                ]),
          ]}
        />
      )}
      {checkpoints.history.length > 0 && <CheckpointHistory history={checkpoints.history} />}
      {checkpoints.history.length === 0 && (
        <Empty
          title={off ? "Checkpoints are off for this job." : "No checkpoint yet."}
          {...(off ? { command: "SET 'execution.checkpointing.interval' = '10 s';" } : {})}
        >
          {off
            ? "A failure starts it from the beginning. To turn them on, put this before the INSERT:"
            : "The first one comes after the interval has passed."}
        </Empty>
      )}
    </>
  );
}
