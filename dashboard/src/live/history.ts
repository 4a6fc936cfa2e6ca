// A short memory of a figure, for the small curves: the page itself remembers, the JobManager keeps no history.
export interface Sample {
  at: number;
  value: number;
}

/** How many samples a curve holds: at one poll each 1.5 s, the last minute and a half. */
export const SAMPLES_MAX = 60;

/** The samples with one more at the end; a sample of the same moment replaces the last one. */
export function remember(samples: readonly Sample[], next: Sample): Sample[] {
  const kept = samples.at(-1)?.at === next.at ? samples.slice(0, -1) : samples;
  return [...kept, next].slice(-SAMPLES_MAX);
}

export type Histories = ReadonlyMap<string, readonly Sample[]>;

/** Adds one sample a name and forgets names that are no longer there. */
export function rememberAll(histories: Histories, at: number, values: ReadonlyMap<string, number | null>): Histories {
  const next = new Map<string, readonly Sample[]>();
  for (const [name, value] of values) {
    const samples = histories.get(name) ?? [];
    next.set(name, value === null ? samples : remember(samples, { at, value }));
  }
  return next;
}
