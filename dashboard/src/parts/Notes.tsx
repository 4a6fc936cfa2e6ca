// What a person should know first, in sentences; each may lead to the vertex that it is about.
import type { Note } from "../words/diagnose";
import type { Sign as SignName } from "../words/state";
import { Sign } from "./Sign";

const SIGNS: Record<Note["tone"], SignName> = { bad: "cross", warn: "alert", wait: "ring", info: "note" };
const WORDS: Record<Note["tone"], string> = { bad: "Problem", warn: "Attention", wait: "Waiting", info: "For information" };

export function Notes({ notes, hrefOf }: { notes: readonly Note[]; hrefOf?: (vertexId: string) => string }) {
  if (notes.length === 0) return null;
  return (
    <ul className="notes">
      {notes.map((note) => (
        <li key={note.text} className={`note note-${note.tone}`}>
          <Sign name={SIGNS[note.tone]} />
          <span className="unseen">{WORDS[note.tone]}: </span>
          {note.vertexId !== undefined && hrefOf !== undefined ? <a href={hrefOf(note.vertexId)}>{note.text}</a> : <span>{note.text}</span>}
        </li>
      ))}
    </ul>
  );
}
