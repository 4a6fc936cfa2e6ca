// When a TaskManager was last heard, and a warning when that is too long ago.
import { Sign } from "../../parts/Sign";
import { ago, duration } from "../../words/format";

/** `timeout`: milliseconds of silence after which it is lost; half of them are worth a look. */
export function Heartbeat({ at, now, timeout }: { at: number | null; now: number; timeout: number }) {
  if (at === null) return <span className="muted">not heard yet</span>;
  const silent = now - at > timeout / 2;
  if (!silent) return <>{ago(at, now)}</>;
  return (
    <span className="state tone-warn">
      <Sign name="alert" />
      silent for {duration(now - at)}
    </span>
  );
}
