// A moment on the reader's clock, with the full date in its title.
import { moment } from "../words/format";

export function Moment({ at, now }: { at: number | null; now: number }) {
  if (at === null) return <span className="muted">{moment(null, now)}</span>;
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={date.toString()}>
      {moment(at, now)}
    </time>
  );
}
