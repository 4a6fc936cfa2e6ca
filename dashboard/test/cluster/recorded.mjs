// The answers of a real Flink 1.20.5, as they were recorded.
import { readFileSync } from "node:fs";

export const recorded = (name) => JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8"));

/** The moment of the recordings. */
export const RECORDED_AT = recorded("job").now;

/** How far the recordings are moved so that they lie a quarter of an hour back. */
export const shiftToToday = () => Date.now() - RECORDED_AT - 900_000;
