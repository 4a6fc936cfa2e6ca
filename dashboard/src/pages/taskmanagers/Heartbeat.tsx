// When a TaskManager was last heard, and a warning when that is too long ago.
import { Sign } from "../../parts/Sign";
import { ago, duration } from "../../words/format";

/** Flink's heartbeat.interval is 10 s; silence beyond two of them is worth a look. */
const SILENT_MS = 20_000;

export function Heartbeat({ at, now }: { at: number | null; now: number }) {
  if (at === null) return <span className="muted">not heard yet</span>;
  const silent = now - at > SILENT_MS;
  if (!silent) return <>{ago(at, now)}</>;
  return (
    <span className="state tone-warn">
      <Sign name="alert" />
      silent for {duration(now - at)}
    </span>
  );
}
