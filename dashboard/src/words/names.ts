// Vertex names: Flink joins a chain's operators with " -> ".
/** The operators of a chain, in order; never empty. */
export function chainOf(name: string): string[] {
  const parts = name
    .split(" -> ")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return parts.length === 0 ? [name] : parts;
}

/** The first operator, which is how a sentence names the vertex. */
export function headOf(name: string): string {
  return chainOf(name)[0] ?? name;
}
