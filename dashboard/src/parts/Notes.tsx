// What a person should know first, in sentences; each may lead to where there is more about it.
import type { Note } from "../words/diagnose";
import type { Sign as SignName } from "../words/state";
import { Sign } from "./Sign";

const SIGNS: Record<Note["tone"], SignName> = { bad: "cross", warn: "alert", wait: "ring", info: "note" };
const WORDS: Record<Note["tone"], string> = { bad: "Problem", warn: "Attention", wait: "Waiting", info: "For information" };

export function Notes({ notes, hrefOf }: { notes: readonly Note[]; hrefOf: (note: Note) => string | undefined }) {
  if (notes.length === 0) return null;
  return (
    <ul className="notes">
      {notes.map((note) => {
        const href = hrefOf(note);
        return (
          <li key={note.text} className={`note note-${note.tone}`}>
            <Sign name={SIGNS[note.tone]} />
            <span className="unseen">{WORDS[note.tone]}: </span>
            {href === undefined ? <span>{note.text}</span> : <a href={href}>{note.text}</a>}
          </li>
        );
      })}
    </ul>
  );
}
