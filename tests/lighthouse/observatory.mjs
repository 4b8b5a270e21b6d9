// Runs the HTTP Observatory's own tests on responses that observatory.py has fetched.
// Reads a JSON list from standard input and prints a list of scores.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, preloadList] = process.argv.slice(2);
const observatory = join(modules, "@mdn/mdn-http-observatory");
// The HSTS preload list. The package would download it in an install script, which we do not run.
writeFileSync(join(observatory, "conf/hsts-preload.json"), preloadList);

const load = (path) => import(pathToFileURL(join(observatory, path)));
const { ALL_TESTS } = await load("src/constants.js");
const { getGradeForScore, getScoreModifier } = await load("src/grader/grader.js");
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await load("src/grader/charts.js");
const { parseHttpEquivHeaders } = await load("src/retriever/utils.js");
const require = createRequire(join(observatory, "src/index.js"));
const { CookieJar } = require("tough-cookie");
const { AxiosHeaders } = require("axios");

function buildRequests({ host, url, status, headers, body, redirects }) {
  const jar = new CookieJar();
  for (const cookie of headers["set-cookie"] ?? []) jar.setCookieSync(cookie, url);
  const isHtml = (headers["content-type"]?.[0] ?? "").startsWith("text/html");
  const response = {
    status,
    headers: new AxiosHeaders(headers),
    verified: true,
    httpEquiv: isHtml ? parseHttpEquivHeaders(body, url) : new Map(),
  };
  const route = redirects.map((address) => ({ url: new URL(address), status: 301 }));
  return {
    hostname: host,
    resources: { path: body },
    responses: {
      auto: response,
      https: response,
      http: response,
      cors: response,
      httpRedirects: route,
      httpsRedirects: route,
    },
    session: { url: new URL(url), jar },
  };
}

function score(response) {
  const results = ALL_TESTS.map((test) => test(buildRequests(response)));
  const points = results.map(({ result }) => [result, getScoreModifier(result)]);
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 100);
  const withoutExtraCredit = sum(points.map(([, point]) => Math.min(point, 0)));
  const withExtraCredit = sum(points.map(([, point]) => point));
  const total = withoutExtraCredit >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? withExtraCredit : withoutExtraCredit;
  return { ...getGradeForScore(total), points: Object.fromEntries(points) };
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(score)));
