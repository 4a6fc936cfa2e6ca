// Remembers one figure a name over the life of a page.
import { useEffect, useState } from "react";
import { type Histories, rememberAll } from "./history";

const NOTHING: Histories = new Map();

/** `at` tells one reading from the next: nothing is added until it changes. `key` names whose figures these are. */
export function useHistories(key: string, at: number | null, values: () => ReadonlyMap<string, number | null>): Histories {
  const [held, setHeld] = useState<{ key: string; histories: Histories }>({ key, histories: NOTHING });
  // `values` reads the figures of this very `at`: a new closure alone is no new reading.
  useEffect(() => {
    if (at === null) return;
    setHeld((last) => ({ key, histories: rememberAll(last.key === key ? last.histories : NOTHING, at, values()) }));
  }, [key, at]);
  return held.key === key ? held.histories : NOTHING;
}
