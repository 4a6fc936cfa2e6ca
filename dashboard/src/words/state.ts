// What a state means to the reader: its word, its tone and its sign. Never the tone alone.
export type Tone = "good" | "done" | "wait" | "warn" | "bad" | "quiet";
export type Sign = "flow" | "check" | "cross" | "ring" | "turn" | "dash" | "mark" | "alert" | "note";

export interface StateLook {
  word: string;
  tone: Tone;
  sign: Sign;
}

const LOOKS: Record<string, [Tone, Sign]> = {
  RUNNING: ["good", "flow"],
  FINISHED: ["done", "check"],
  COMPLETED: ["done", "check"],
  CREATED: ["wait", "ring"],
  SCHEDULED: ["wait", "ring"],
  DEPLOYING: ["wait", "ring"],
  INITIALIZING: ["wait", "ring"],
  RECONCILING: ["wait", "turn"],
  IN_PROGRESS: ["wait", "ring"],
  RESTARTING: ["warn", "turn"],
  FAILING: ["bad", "cross"],
  FAILED: ["bad", "cross"],
  CANCELLING: ["quiet", "turn"],
  CANCELING: ["quiet", "turn"],
  CANCELED: ["quiet", "dash"],
  SUSPENDED: ["quiet", "dash"],
};

/** Flink's word, in lower case after its first letter, with a tone and a sign; a state nobody knows stays readable. */
export function stateLook(state: string): StateLook {
  const [tone, sign] = LOOKS[state.toUpperCase()] ?? ["quiet", "mark"];
  const words = state.toLowerCase().replaceAll("_", " ");
  return { word: words.charAt(0).toUpperCase() + words.slice(1), tone, sign };
}
