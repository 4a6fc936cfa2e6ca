// Whether the JobManager answers: one small store that every poll reports to and the frame shows.
import { useSyncExternalStore } from "react";

export interface Connection {
  /** When the last answer came. */
  heardAt: number | null;
  /** Since when nothing is answered; null while all is well. */
  lostSince: number | null;
}

let state: Connection = { heardAt: null, lostSince: null };
const listeners = new Set<() => void>();

function set(next: Connection): void {
  state = next;
  for (const listener of listeners) listener();
}

export function heard(at: number): void {
  set({ heardAt: at, lostSince: null });
}

export function unheard(at: number): void {
  if (state.lostSince === null) set({ ...state, lostSince: at });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useConnection(): Connection {
  return useSyncExternalStore(subscribe, () => state);
}
