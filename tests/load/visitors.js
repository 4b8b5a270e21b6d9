// Many visitors who keep their connection and look at the timeline every ten seconds, for a minute.
// USERS, DURATION, P95 and BASE_URL as in api_timeline.js; PAUSE is the seconds in between.

import { check, sleep } from "k6";
import http from "k6/http";

const base = __ENV.BASE_URL || "http://127.0.0.1:8000";
const pause = Number(__ENV.PAUSE || 10);
const asBrowsersDo = { headers: { "Accept-Encoding": "gzip, deflate, br, zstd" } };
let came = false;

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
  if (!came) {
    came = true;
    sleep(Math.random() * pause); // not all at once
  }
  check(http.get(`${base}/timeline/`, asBrowsersDo), { "status is 200": ({ status }) => status === 200 });
  sleep(pause);
}
