// `/jobs/:id/config`: the settings that a job runs with, as rows of name and value.
import { fields } from "./fields";

export interface Setting {
  name: string;
  value: string;
}

export interface JobSettings {
  execution: Setting[];
  user: Setting[];
}

export function readJobSettings(answer: unknown): JobSettings {
  const execution = fields(fields(answer)["execution-config"]);
  const { "user-config": user, ...own } = execution;
  return { execution: settings(own), user: settings(fields(user)) };
}

function settings(values: Record<string, unknown>): Setting[] {
  return Object.entries(values).map(([name, value]) => ({
    name,
    value: typeof value === "string" ? value : JSON.stringify(value),
  }));
}
