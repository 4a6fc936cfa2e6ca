// How often and how checkpoints are taken, in one line.
import type { CheckpointSettings } from "../../rest/checkpoints";
import { duration, plural, spaced } from "../../words/format";

export function settingsInWords(settings: CheckpointSettings): string {
  if (settings.intervalMs === null) return "off";
  const parts = [`every ${duration(settings.intervalMs)}`, spaced(settings.mode)];
  if (settings.timeoutMs !== null) parts.push(`given up after ${duration(settings.timeoutMs)}`);
  if (settings.minPauseMs !== null && settings.minPauseMs > 0) parts.push(`at least ${duration(settings.minPauseMs)} apart`);
  if (settings.tolerableFailures !== null && settings.tolerableFailures > 0)
    parts.push(`${plural(settings.tolerableFailures, "failure")} tolerated`);
  if (settings.unaligned) parts.push("unaligned");
  return parts.join(", ");
}
