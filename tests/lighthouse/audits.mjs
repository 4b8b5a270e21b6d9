// Runs Lighthouse on one page after another, in one Node and one Chromium: see audits.py.
// Reads requests as lines of JSON from standard input, and prints each report as a line of JSON.

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

async function audit({ url, categories, desktop }) {
  chromium ??= await launch({ chromePath, chromeFlags });
  const flags = {
    port: chromium.port,
    output: "json",
    logLevel: "silent",
    onlyCategories: categories,
    disableFullPageScreenshot: true, // no audit reads it
  };
  const result = await lighthouse(url, flags, desktop ? desktopConfig : undefined);
  return result.lhr;
}

for await (const line of createInterface({ input: process.stdin })) {
  let report;
  try {
    report = await audit(JSON.parse(line));
  } catch (error) {
    report = { runtimeError: { message: String(error) } };
  }
  // After an error, use a new Chromium for the next page.
  if (report.runtimeError && chromium) {
    chromium.kill();
    chromium = null;
  }
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
chromium?.kill();
