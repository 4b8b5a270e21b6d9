// For a minute, 10,000 visitors keep their connections open and request the timeline every ten seconds.
// USERS, DURATION, P95 and BASE_URL are those of api_timeline.js. PAUSE is the pause in seconds.

import { check, sleep } from "k6";
import http from "k6/http";

const base = __ENV.BASE_URL || "http://127.0.0.1:8000";
const pause = Number(__ENV.PAUSE || 10);
const browserOptions = { headers: { "Accept-Encoding": "gzip, deflate, br, zstd" } };
let started = false;

export const options = {
  vus: Number(__ENV.USERS || 10000),
  duration: __ENV.DURATION || "60s",
  gracefulStop: "15s",
  discardResponseBodies: true,
  thresholds: {
    http_req_duration: [`p(95)<${__ENV.P95 || 200}`],
    http_req_failed: ["rate==0"],
    checks: ["rate==1"],
  },
};

export default function () {
  if (!started) {
    started = true;
    sleep(Math.random() * pause); // so that not all start at once
  }
  check(http.get(`${base}/timeline/`, browserOptions), { "status is 200": ({ status }) => status === 200 });
  sleep(pause);
}
