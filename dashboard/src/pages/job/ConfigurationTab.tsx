// The settings that a job runs with.
import { usePoll } from "../../live/usePoll";
import { Facts } from "../../parts/Facts";
import { readCheckpointSettings } from "../../rest/checkpoints";
import { readJobSettings, type Setting } from "../../rest/jobConfig";
import { spaced } from "../../words/format";
import { settingsInWords } from "./checkpointSettings";

/** Settings don't change while a job runs. */
const POLL_MS = 15_000;

export function ConfigurationTab({ jobId }: { jobId: string }) {
  const path = `jobs/${encodeURIComponent(jobId)}`;
  const settings = usePoll(`${path}/config`, readJobSettings, POLL_MS).data;
  const checkpoints = usePoll(`${path}/checkpoints/config`, readCheckpointSettings, POLL_MS).data;
  if (settings === null) return <p className="waiting">Asking for the configuration …</p>;
  const checkpointing = checkpoints === null ? [] : [{ name: "checkpoints", value: settingsInWords(checkpoints) }];
  const storage = checkpoints?.storage ? [{ name: "checkpoint storage", value: checkpoints.storage }] : [];
  return (
    <div className="configuration">
      <h3>Execution</h3>
      <Facts facts={[...settings.execution.map(readable), ...checkpointing, ...storage]} />
      <h3>Set by the job</h3>
      {settings.user.length === 0 ? (
        <p className="muted">Nothing: the cluster's defaults hold. A job sets its own with SET 'key' = 'value'; before its INSERT.</p>
      ) : (
        <Facts facts={settings.user.map(({ name, value }) => ({ name, value: <code>{value}</code> }))} />
      )}
    </div>
  );
}

function readable({ name, value }: Setting): Setting {
  return { name: spaced(name), value };
}
