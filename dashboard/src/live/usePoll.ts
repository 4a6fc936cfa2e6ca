// Asks a path again and again and keeps the last answer, also while the JobManager is away.
import { useCallback, useEffect, useRef, useState } from "react";
import { get, Refused, serverNow } from "../rest/client";
import { heard, unheard } from "./connection";

export interface Polled<T> {
  data: T | null;
  /** Set while the JobManager answers with a refusal (no such job, ...). */
  refused: Refused | null;
  /** Ask now, for example after a click that changed something. */
  refresh: () => void;
}

export const POLL_MS = 1_500;

/**
 * `read` must be a stable function. A null path asks for nothing. One request at a time; a hidden page rests and asks at once
 * when it is shown again. `readAt`, the moment of the answer, is passed to `read`.
 */
export function usePoll<T>(path: string | null, read: (answer: unknown, readAt: number) => T, intervalMs = POLL_MS): Polled<T> {
  const [held, setHeld] = useState<{ path: string | null; data: T | null; refused: Refused | null }>({
    path,
    data: null,
    refused: null,
  });
  const askNow = useRef<() => void>(() => {});

  useEffect(() => {
    if (path === null) return;
    let stopped = false;
    let asking = false;
    let timer: ReturnType<typeof setTimeout> | undefined;

    const ask = async () => {
      if (asking || stopped) return;
      asking = true;
      clearTimeout(timer);
      try {
        const answer = await get(path);
        if (stopped) return;
        heard(Date.now());
        setHeld({ path, data: read(answer, serverNow()), refused: null });
      } catch (error) {
        if (stopped) return;
        if (error instanceof Refused) {
          heard(Date.now());
          setHeld((last) => ({ path, data: last.path === path ? last.data : null, refused: error }));
        } else {
          unheard(Date.now());
        }
      } finally {
        asking = false;
        if (!stopped && !document.hidden) timer = setTimeout(ask, intervalMs);
      }
    };
    const shown = () => {
      if (!document.hidden) void ask();
    };

    askNow.current = () => void ask();
    document.addEventListener("visibilitychange", shown);
    void ask();
    return () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
    };
  }, [path, read, intervalMs]);

  const refresh = useCallback(() => askNow.current(), []);
  const fresh = held.path === path;
  return { data: fresh ? held.data : null, refused: fresh ? held.refused : null, refresh };
}
