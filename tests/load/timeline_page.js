// The timeline's first page as browsers ask for it, by 200 users who think for a second in between.
// Environment as in api_timeline.js.

import { check, sleep } from "k6";
import http from "k6/http";

const base = __ENV.BASE_URL || "http://127.0.0.1:8000";
const asBrowsersDo = { headers: { Accept: "text/html", "Accept-Encoding": "gzip, deflate, br, zstd" } };

export const options = {
  vus: Number(__ENV.USERS || 200),
  duration: __ENV.DURATION || "2m",
  thresholds: {
    http_req_duration: [`p(95)<${__ENV.P95 || 50}`],
    http_req_failed: ["rate==0"],
    checks: ["rate==1"],
  },
};

export default function () {
  const answer = http.get(`${base}/timeline/`, asBrowsersDo);
  check(answer, {
    "status is 200": ({ status }) => status === 200,
    "it is the timeline": ({ body }) => body.includes('<main id="content"'),
  });
  sleep(1);
}
