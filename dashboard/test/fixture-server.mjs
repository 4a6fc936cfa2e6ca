// Serves the built page and a scenario's REST answers, for working on the page without a cluster.
//
//     node test/fixture-server.mjs [--port 8081] [--scenario full|empty|bare]
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { scenario } from "./scenario.mjs";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

const { values: options } = parseArgs({
  options: { port: { type: "string", default: "8081" }, scenario: { type: "string", default: "full" } },
});
const cluster = scenario(options.scenario);

async function file(path) {
  const name = normalize(path === "/" ? "/index.html" : path);
  try {
    return { body: await readFile(join(DIST, name)), type: TYPES[extname(name)] ?? "application/octet-stream" };
  } catch {
    return null;
  }
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://localhost");
  const answer = cluster.answer(request.method, url.pathname, url.searchParams);
  if (answer !== null) {
    response.writeHead(answer.status, { "content-type": "application/json; charset=UTF-8" }).end(JSON.stringify(answer.body));
    return;
  }
  const found = await file(url.pathname);
  if (found === null) {
    response
      .writeHead(404, { "content-type": "application/json" })
      .end(JSON.stringify({ errors: [`Unable to load requested file ${url.pathname}.`] }));
    return;
  }
  response.writeHead(200, { "content-type": found.type }).end(found.body);
});

server.listen(Number(options.port), "127.0.0.1", () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : options.port}/`);
});
