// Tolerant readers: a REST answer is material to look at, not a promise. An absent or odd field becomes a plain fallback, never
// an exception, so that a newer or older JobManager still gives a page.

export type Fields = Record<string, unknown>;

/** The value as an object; anything else is an empty one. */
export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The value as an array; anything else is an empty one. */
export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A finite number, or null. Flink writes "NaN" for a figure it doesn't have, and metrics as text. */
export function numberOrNull(value: unknown): number | null {
  const read = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof read === "number" && Number.isFinite(read) ? read : null;
}

/** A finite number, or the fallback. */
export function number(value: unknown, fallback = 0): number {
  return numberOrNull(value) ?? fallback;
}

/** A text that is not empty, or null. */
export function textOrNull(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** A text, or the fallback. */
export function text(value: unknown, fallback = ""): string {
  return textOrNull(value) ?? fallback;
}

/** A point in time in milliseconds since the epoch; null for absent and for Flink's "not yet" (-1 and 0). */
export function timeOrNull(value: unknown): number | null {
  const read = numberOrNull(value);
  return read !== null && read > 0 ? read : null;
}

/** A share in 0..1, or null. */
export function ratioOrNull(value: unknown): number | null {
  const read = numberOrNull(value);
  return read === null ? null : Math.min(1, Math.max(0, read));
}

/** Every field that is a number, by name. */
export function numbers(value: unknown): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [name, read] of Object.entries(fields(value))) {
    const n = numberOrNull(read);
    if (n !== null) found[name] = n;
  }
  return found;
}
