// Subtasks by state: "4 running", or "3 running, 1 deploying".
import { count } from "../words/format";
import { stateLook } from "../words/state";

export function TaskCounts({ tasks }: { tasks: Record<string, number> }) {
  const known = Object.entries(tasks).filter(([state, n]) => n > 0 && state !== "total");
  if (known.length === 0) return <span className="muted">none</span>;
  return (
    <span className="task-counts">
      {known.map(([state, n]) => {
        const { word, tone } = stateLook(state);
        return (
          <span key={state} className={`tone-text-${tone}`}>
            {count(n)} {word.toLowerCase()}
          </span>
        );
      })}
    </span>
  );
}
