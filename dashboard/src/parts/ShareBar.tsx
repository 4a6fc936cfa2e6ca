// How a vertex spends its time: busy, held up by what comes after it, idle. Colour, pattern and words.
import { percent } from "../words/format";

interface Shares {
  busy: number | null;
  backpressured: number | null;
}

export function ShareBar({ busy, backpressured, words = true }: Shares & { words?: boolean }) {
  const label = `busy ${percent(busy)}, backpressured ${percent(backpressured)}`;
  const busyShare = busy ?? 0;
  const heldShare = Math.min(backpressured ?? 0, 1 - busyShare);
  return (
    <span className="shares">
      <span className="shares-bar" role="img" aria-label={label}>
        <i className="busy" style={{ width: `${busyShare * 100}%` }} />
        <i className="held" style={{ width: `${heldShare * 100}%` }} />
      </span>
      {words && (
        <span className="shares-words" aria-hidden="true">
          <span>
            <i className="key busy" />
            busy <b>{percent(busy)}</b>
          </span>
          <span>
            <i className="key held" />
            backpressured <b>{percent(backpressured)}</b>
          </span>
        </span>
      )}
    </span>
  );
}
