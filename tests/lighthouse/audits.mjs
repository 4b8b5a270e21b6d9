// Runs Lighthouse over one page after another, in one Node and one Chromium: see audits.py.
// Takes a request as a line of JSON from standard input, prints its report as a line of JSON.

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modules, chromePath, ...chromeFlags] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(modules, path)));
const { default: lighthouse, desktopConfig } = await load("lighthouse/core/index.js");
const require = createRequire(join(modules, "lighthouse/core/index.js"));
const { launch } = await import(pathToFileURL(require.resolve("chrome-launcher")));

let chromium = null;

async function report({ url, categories, desktop, throttling }) {
  chromium ??= await launch({ chromePath, chromeFlags });
  const flags = { port: chromium.port, output: "json", logLevel: "silent", onlyCategories: categories };
  if (throttling) flags.throttling = throttling;
  const result = await lighthouse(url, flags, desktop ? desktopConfig : undefined);
  return result.lhr;
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await report(JSON.parse(line));
  } catch (error) {
    answer = { runtimeError: { message: String(error) } };
  }
  // After a fault the next page gets a Chromium that nothing has happened to.
  if (answer.runtimeError && chromium) {
    chromium.kill();
    chromium = null;
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
chromium?.kill();
