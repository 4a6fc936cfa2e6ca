// Looks at the page of a running JobManager in headless Chromium and holds it to what REST says at the same time.
//
//     node test/page.mjs --url http://127.0.0.1:8081 [--out FOLDER] [--cancel] [--job ID] [--chromium /usr/bin/chromium]
//
// Exits 0 when everything is there, 1 with a line for each thing that is not, 2 when it could not look.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const VIEWS = [
  { name: "light", viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  { name: "dark", viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  { name: "phone", viewport: { width: 390, height: 844 }, colorScheme: "light" },
];
/** REST and page are asked at different moments, so each claim has this long to come true. */
const PATIENCE_MS = 60_000;
/** How long a job may take to be canceled. */
const CANCEL_MS = 120_000;
const ENDED = new Set(["FINISHED", "FAILED", "CANCELED"]);

const { values: options } = parseArgs({
  options: {
    url: { type: "string", default: "http://127.0.0.1:8081" },
    out: { type: "string" },
    job: { type: "string" },
    cancel: { type: "boolean", default: false },
    chromium: { type: "string", default: "/usr/bin/chromium" },
  },
});
const base = options.url.replace(/\/$/, "");
const failures = [];
let checks = 0;

async function rest(path) {
  const response = await fetch(`${base}${path}`);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/** Counts a claim; `read` is tried until it gives null, else what it gives is why the claim doesn't hold. */
async function claim(what, read, patienceMs = PATIENCE_MS) {
  checks += 1;
  const deadline = Date.now() + patienceMs;
  let reason;
  do {
    reason = await read().catch((error) => String(error.message ?? error));
    if (reason === null) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  } while (Date.now() < deadline);
  failures.push(`${what}: ${reason}`);
  return false;
}

const squeeze = (text) => text.replace(/\s+/g, " ").trim();
const shown = async (page, selector) => squeeze((await page.locator(selector).allInnerTexts()).join(" "));
const word = (state) => state.toLowerCase().replaceAll("_", " ");
const hasIn = async (page, selector, expected) => {
  const text = await shown(page, selector);
  return text.toLowerCase().includes(squeeze(expected).toLowerCase())
    ? null
    : `"${expected}" is not in ${selector}, which says "${text.slice(0, 300)}"`;
};

/** Whether the elements hold each of `texts` whole, letter for letter. */
const hasTexts = async (page, selector, texts) => {
  const there = await page.locator(selector).allTextContents();
  const missing = texts.find((text) => !there.includes(text.trim()));
  return missing === undefined ? null : `"${missing}" is no text of ${selector}, which are ${JSON.stringify(there).slice(0, 600)}`;
};

/** The figure under a name in a strip of vital figures. */
const vital = (name) => `.vital:has(dt:text-is("${name}")) dd`;

async function open(page, hash) {
  await page.goto(`${base}/${hash}`);
  await page.waitForSelector("#content > *", { state: "attached" });
}

async function fits(page, what) {
  await claim(`${what} has no horizontal scroll`, async () => {
    const [content, window_] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    return content <= window_ ? null : `the page is ${content} px wide in a window of ${window_} px`;
  });
}

async function overviewHolds(page, view) {
  await open(page, "#/");
  await claim(`${view}: overview shows the cluster's slots and TaskManagers`, async () => {
    const cluster = await rest("/overview");
    return (
      (await hasIn(page, vital("Free slots"), `${cluster["slots-available"]} of ${cluster["slots-total"]}`)) ??
      (await hasIn(page, vital("TaskManagers"), String(cluster.taskmanagers))) ??
      (await hasIn(page, vital("Running"), String(cluster["jobs-running"])))
    );
  });
  await claim(`${view}: overview shows refused scripts as their submitters saw them`, async () =>
    hasTexts(page, ".failure pre", ((await rest("/overview")).irmak?.["refused-scripts"] ?? []).map(({ message }) => message)),
  );
  const { jobs } = await rest("/jobs/overview");
  if (jobs.length === 0) {
    await claim(`${view}: an empty overview says what to do`, () => hasIn(page, ".empty", "irmak"));
  }
  const ended = jobs.filter((job) => ENDED.has(job.state)).sort((a, b) => b["end-time"] - a["end-time"]);
  for (const { jid, name } of [...jobs.filter((job) => !ENDED.has(job.state)), ...ended.slice(0, 10)]) {
    await claim(`${view}: overview lists job ${name}`, async () => {
      const state = (await rest("/jobs/overview")).jobs.find((job) => job.jid === jid)?.state ?? "";
      const row = `tr:has(a[href="#/jobs/${jid}"])`;
      return (await hasIn(page, row, name)) ?? (await hasIn(page, `${row} .state`, word(state)));
    });
  }
}

async function jobHolds(page, view, jid) {
  await open(page, `#/jobs/${jid}`);
  const job = await rest(`/jobs/${jid}`);
  await claim(`${view}: job page names the job and its state`, async () => {
    const { name, state } = await rest(`/jobs/${jid}`);
    return (await hasIn(page, "h1", name)) ?? (await hasIn(page, ".job-line .state", word(state)));
  });
  for (const vertex of job.vertices) {
    const card = `.vertex[data-vertex="${vertex.id}"]`;
    await claim(`${view}: graph shows vertex ${vertex.name}`, async () => {
      const parts = vertex.name.split(" -> ");
      for (const part of parts.length > 5 ? parts.slice(0, 4) : parts) {
        const missing = await hasIn(page, card, part);
        if (missing !== null) return missing;
      }
      const { status } = (await rest(`/jobs/${jid}`)).vertices.find(({ id }) => id === vertex.id);
      return (await hasIn(page, card, `× ${vertex.parallelism}`)) ?? (await hasIn(page, `${card} .state`, word(status)));
    });
  }
  for (const node of job.plan?.nodes ?? []) {
    for (const { ship_strategy } of node.inputs ?? []) {
      await claim(`${view}: graph says how rows are shipped`, () => hasIn(page, ".graph", ship_strategy));
    }
  }
  const message = job.irmak?.message;
  if (message)
    await claim(`${view}: job page says why it stands still`, async () =>
      (await rest(`/jobs/${jid}`)).irmak?.message === message ? hasIn(page, ".notes", message) : null,
    );
}

async function tabsHold(page, view, jid) {
  const job = await rest(`/jobs/${jid}`);
  for (const vertex of job.vertices) {
    await page.goto(`${base}/#/jobs/${jid}/subtasks/${vertex.id}`);
    await claim(`${view}: subtasks of ${vertex.name} are listed`, async () => {
      const { subtasks } = await rest(`/jobs/${jid}/vertices/${vertex.id}`);
      const rows = await page.locator(".tab-panel tbody tr").count();
      return rows === subtasks.length ? null : `${rows} rows for ${subtasks.length} subtasks`;
    });
  }
  await page.goto(`${base}/#/jobs/${jid}/checkpoints`);
  await claim(`${view}: checkpoints are counted`, async () => {
    const { counts } = await rest(`/jobs/${jid}/checkpoints`);
    const number = (n) => n.toLocaleString("en-US");
    return (
      (await hasIn(page, ".counts", `${number(counts.completed)} completed`)) ??
      (await hasIn(page, ".counts", `${number(counts.failed)} failed`))
    );
  });
  await picture(page, view, "checkpoints");
  await page.goto(`${base}/#/jobs/${jid}/exceptions`);
  await claim(`${view}: exceptions tell what REST tells`, async () => {
    const told = await rest(`/jobs/${jid}/exceptions`);
    const texts = [told["root-exception"], ...(told.exceptionHistory?.entries ?? []).map((entry) => entry.stacktrace)].filter(Boolean);
    if (texts.length > 0) return hasTexts(page, ".failure-summary, .failure pre", texts);
    return hasIn(page, ".tab-panel", "Nothing has gone wrong");
  });
  await page.goto(`${base}/#/jobs/${jid}/configuration`);
  await claim(`${view}: configuration shows the parallelism`, async () =>
    hasIn(page, ".tab-panel", String((await rest(`/jobs/${jid}/config`))["execution-config"]["job-parallelism"])),
  );
}

async function taskManagersHold(page, view) {
  await open(page, "#/taskmanagers");
  const { taskmanagers } = await rest("/taskmanagers");
  if (taskmanagers.length === 0)
    await claim(`${view}: no TaskManager, and the page says how to start one`, () => hasIn(page, ".empty", "irmak taskmanager"));
  for (const { id, slotsNumber } of taskmanagers) {
    await claim(`${view}: TaskManager ${id} is listed`, async () => {
      const row = `tr:has(a[href="#/taskmanagers/${encodeURIComponent(id)}"])`;
      return (await hasIn(page, row, id)) ?? (await hasIn(page, row, String(slotsNumber)));
    });
  }
  await fits(page, `${view}: TaskManagers`);
  await picture(page, view, "taskmanagers");
  if (taskmanagers.length > 0) {
    const [{ id }] = taskmanagers;
    await open(page, `#/taskmanagers/${encodeURIComponent(id)}`);
    await claim(`${view}: TaskManager ${id} has a page`, async () => {
      const one = await rest(`/taskmanagers/${encodeURIComponent(id)}`);
      return (await hasIn(page, "h1", id)) ?? (await hasIn(page, vital("Free slots"), `${one.freeSlots} of ${one.slotsNumber}`));
    });
    await fits(page, `${view}: TaskManager`);
    await picture(page, view, "taskmanager");
  }
}

/** Cuts the page off, and sees it say so, keep its figures, and come back. */
async function awayHolds(page, context, view) {
  await open(page, "#/");
  await claim(`${view}: the page is live`, () => hasIn(page, ".connection", "live"));
  await page.waitForSelector(".vitals");
  await context.setOffline(true);
  await claim(`${view}: the page says that the connection is lost, and since when`, async () => {
    const text = await shown(page, ".lost");
    return /connection lost since .*\d\d:\d\d:\d\d/i.test(text) ? null : `it says "${text}"`;
  });
  await claim(`${view}: the page keeps the last figures`, async () =>
    (await page.locator(".vitals").count()) > 0 ? null : "they are gone",
  );
  await picture(page, view, "connection-lost");
  await context.setOffline(false);
  await claim(`${view}: the page comes back by itself`, () => hasIn(page, ".connection", "live"));
}

async function cancelHolds(page, jid) {
  await open(page, `#/jobs/${jid}`);
  await page.getByRole("button", { name: "Cancel job" }).click();
  await claim("cancel: the page asks first", () => hasIn(page, "dialog[open]", "Cancel this job?"));
  await picture(page, "light", "cancel");
  await page.getByRole("button", { name: "Keep it running" }).click();
  await claim("cancel: saying no changes nothing", async () => {
    const { state } = await rest(`/jobs/${jid}`);
    return ENDED.has(state) || state === "CANCELLING" ? `the job is ${state}` : null;
  });
  await page.getByRole("button", { name: "Cancel job" }).click();
  await page.getByRole("button", { name: "Cancel the job" }).click();
  await claim(
    "cancel: the job is canceled, in REST and on the page",
    async () => {
      const { state } = await rest(`/jobs/${jid}`);
      return state === "CANCELED" ? hasIn(page, ".job-line .state", "canceled") : `REST says ${state}`;
    },
    CANCEL_MS,
  );
  await picture(page, "light", "canceled");
}

async function picture(page, view, name) {
  if (options.out === undefined) return;
  await page.screenshot({ path: join(options.out, `${name}-${view}.png`), fullPage: true });
}

async function main() {
  if (options.out !== undefined) await mkdir(options.out, { recursive: true });
  const { jobs } = await rest("/jobs/overview");
  const running = jobs.find((job) => job.state === "RUNNING") ?? jobs.find((job) => !ENDED.has(job.state));
  const jid = options.job ?? running?.jid ?? jobs[0]?.jid;
  const browser = await chromium.launch({ executablePath: options.chromium, args: FLAGS });
  try {
    for (const { name: view, ...settings } of VIEWS) {
      const context = await browser.newContext(settings);
      context.setDefaultTimeout(PATIENCE_MS);
      const page = await context.newPage();
      const noise = [];
      page.on("pageerror", (error) => noise.push(error.message));
      page.on("console", (message) => message.type() === "error" && noise.push(message.text()));

      await overviewHolds(page, view);
      await fits(page, `${view}: overview`);
      await picture(page, view, "overview");
      if (jid !== undefined) {
        await jobHolds(page, view, jid);
        await fits(page, `${view}: job`);
        await picture(page, view, "job");
        await tabsHold(page, view, jid);
        await fits(page, `${view}: job's details`);
      }
      await taskManagersHold(page, view);
      await claim(`${view}: the console has no errors`, async () => (noise.length === 0 ? null : noise.join("; ")), 0);
      // From here on, requests fail on purpose.
      if (view === "light") await awayHolds(page, context, view);
      await context.close();
    }
    if (options.cancel) {
      const target = options.job ?? running?.jid;
      if (target === undefined) failures.push("cancel: no job runs that could be canceled");
      else {
        const page = await browser.newPage({ viewport: VIEWS[0].viewport });
        page.setDefaultTimeout(PATIENCE_MS);
        await cancelHolds(page, target);
      }
    }
  } finally {
    await browser.close();
  }
}

try {
  await main();
} catch (error) {
  console.error(`page: could not look at ${base}: ${error.message ?? error}`);
  process.exit(2);
}
for (const failure of failures) console.error(`page: ${failure}`);
console.log(`page: ${checks - failures.length} of ${checks} checks hold`);
process.exit(failures.length === 0 ? 0 : 1);
