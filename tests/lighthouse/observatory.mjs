// Scores answers as the HTTP Observatory does: by its own tests, over answers that were fetched before.
// Takes a JSON list from standard input, prints a list of scores: see observatory.py.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, lists] = process.argv.slice(2);
const observatory = join(modules, "@mdn/mdn-http-observatory");
// The lists of preloaded sites that it would download when it is installed.
writeFileSync(join(observatory, "conf/hsts-preload.json"), lists);

const load = (path) => import(pathToFileURL(join(observatory, path)));
const { ALL_TESTS } = await load("src/constants.js");
const { getGradeForScore, getScoreModifier } = await load("src/grader/grader.js");
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await load("src/grader/charts.js");
const { parseHttpEquivHeaders } = await load("src/retriever/utils.js");
const require = createRequire(join(observatory, "src/index.js"));
const { CookieJar } = require("tough-cookie");
const { AxiosHeaders } = require("axios");

function seen({ host, url, status, headers, body, redirect }) {
  const jar = new CookieJar();
  for (const cookie of headers["set-cookie"] ?? []) jar.setCookieSync(cookie, url);
  const isHtml = (headers["content-type"]?.[0] ?? "").startsWith("text/html");
  const answer = {
    status,
    headers: new AxiosHeaders(headers),
    verified: true,
    httpEquiv: isHtml ? parseHttpEquivHeaders(body, url) : new Map(),
  };
  const route = redirect.map((address) => ({ url: new URL(address), status: 301 }));
  return {
    hostname: host,
    resources: { path: body },
    responses: {
      auto: answer,
      https: answer,
      http: answer,
      cors: answer,
      httpRedirects: route,
      httpsRedirects: route,
    },
    session: { url: new URL(url), jar },
  };
}

function score(answer) {
  const results = ALL_TESTS.map((test) => test(seen(answer)));
  const points = results.map(({ result }) => [result, getScoreModifier(result)]);
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 100);
  const withoutCredit = sum(points.map(([, point]) => Math.min(point, 0)));
  const whole = sum(points.map(([, point]) => point));
  const counted = withoutCredit >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? whole : withoutCredit;
  return { ...getGradeForScore(counted), points: Object.fromEntries(points) };
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(score)));
