// A small curve of a figure's last minute and a half. Decoration: the figure itself stands beside it.
import type { Sample } from "../live/history";

const WIDTH = 72;
const HEIGHT = 20;

export function Curve({ samples }: { samples: readonly Sample[] | undefined }) {
  const first = samples?.[0];
  const last = samples?.at(-1);
  if (samples === undefined || first === undefined || last === undefined || samples.length < 3) {
    return <svg className="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" />;
  }
  const span = Math.max(1, last.at - first.at);
  const top = Math.max(1e-9, ...samples.map((sample) => sample.value));
  const points = samples.map(({ at, value }) => {
    const x = ((at - first.at) / span) * WIDTH;
    const y = HEIGHT - 1.5 - (value / top) * (HEIGHT - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg className="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path className="curve-fill" d={`M0,${HEIGHT}L${points.join("L")}L${WIDTH},${HEIGHT}Z`} />
      <polyline points={points.join(" ")} />
    </svg>
  );
}
