// Flink's names of memory parts and process metrics, spelled for reading. A metric that is always zero here is left out.
import type { Fact } from "../../parts/Facts";
import { bytes, count } from "../../words/format";

const BYTES = /(Used|Committed|Max|Available|Total|Capacity)$/;
const SEGMENTS = /Segments/;

/** `totalProcessMemory` -> "total process memory". */
export function inWords(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .replace(/\bjvm\b/, "JVM");
}

export function metricFacts(metrics: Record<string, number>): Fact[] {
  return Object.entries(metrics)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => ({ name: inWords(name), value: BYTES.test(name) && !SEGMENTS.test(name) ? bytes(value) : count(value) }));
}
