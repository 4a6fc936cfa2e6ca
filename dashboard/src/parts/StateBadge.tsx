// A state as sign, word and colour.
import { stateLook } from "../words/state";
import { Sign } from "./Sign";

export function StateBadge({ state, large = false }: { state: string; large?: boolean }) {
  const { word, tone, sign } = stateLook(state);
  return (
    <span className={`state tone-${tone}${large ? " large" : ""}`}>
      <Sign name={sign} />
      {word}
    </span>
  );
}
