// Figures as people read them. Everything here is a pure function with a table test; `null` is written as an en dash.
export const NOTHING = "–";

/** 9200 -> "9,200". */
export function count(value: number | null): string {
  return value === null ? NOTHING : Math.round(value).toLocaleString("en-US");
}

/** Rows per second: 0, 0.4, 12, 1,240, 14.2 k, 1.35 M. */
export function rate(value: number | null): string {
  if (value === null) return NOTHING;
  if (value > 0 && value < 0.05) return "<0.1";
  if (value < 10) return trimZeros(value.toFixed(1));
  if (value < 10_000) return count(value);
  return short(value);
}

/** Large numbers in three digits: 14.2 k, 1.35 M. */
export function short(value: number | null): string {
  if (value === null) return NOTHING;
  for (const [size, unit] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (value >= size * 0.99995) return `${threeDigits(value / size)} ${unit}`;
  }
  return count(value);
}

/** 11502 -> "11.2 KiB". */
export function bytes(value: number | null): string {
  if (value === null) return NOTHING;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let scaled = value;
  let unit = 0;
  while (scaled >= 1023.95 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? scaled : threeDigits(scaled)} ${units[unit]}`;
}

/** A span with its two largest units: 17 ms, 4.2 s, 45 s, 5 min 28 s, 3 h 4 min, 2 d 3 h. */
export function duration(ms: number | null): string {
  if (ms === null || ms < 0) return NOTHING;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${trimZeros((ms / 1_000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return two(minutes, "min", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return two(hours, "h", minutes % 60, "min");
  return two(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** How long ago, for a caption: "just now", "12 s ago". */
export function ago(at: number | null, now: number): string {
  if (at === null) return NOTHING;
  const age = now - at;
  return age < 1_500 ? "just now" : `${duration(age)} ago`;
}

/** 0.4213 -> "42 %". */
export function percent(ratio: number | null): string {
  if (ratio === null) return NOTHING;
  if (ratio > 0 && ratio < 0.005) return "<1 %";
  return `${Math.round(ratio * 100)} %`;
}

/** A moment on the reader's clock: the time alone today, with the date before that. */
export function moment(at: number | null, now: number): string {
  if (at === null) return NOTHING;
  const date = new Date(at);
  const clock = date.toLocaleTimeString("en-GB");
  const sameDay = date.toDateString() === new Date(now).toDateString();
  return sameDay ? clock : `${localDay(date)} ${clock}`;
}

/** "1 slot", "2 slots"; `many` for nouns that don't just take an s. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** `exactly_once` and `EXACTLY_ONCE` -> "exactly once". */
export function spaced(name: string): string {
  return name.replace(/[_-]/g, " ").toLowerCase();
}

function localDay(date: Date): string {
  const pad = (n: number) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

function threeDigits(value: number): string {
  return trimZeros(value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0));
}

function trimZeros(written: string): string {
  return written.includes(".") ? written.replace(/\.?0+$/, "") : written;
}
