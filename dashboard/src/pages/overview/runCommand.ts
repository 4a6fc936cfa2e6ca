// The command that submits a job to the JobManager which served this page.
const DEFAULT_HOSTS = new Set(["", "localhost:8081", "127.0.0.1:8081"]);

export function runCommand(host: string): string {
  return DEFAULT_HOSTS.has(host) ? "irmak run kdv.sql" : `irmak run -m ${host} kdv.sql`;
}
