// 200 users request the first page of the timeline as browsers do, with a pause of one second in between.
// The environment variables are those of api_timeline.js.

import { check, sleep } from "k6";
import http from "k6/http";

const base = __ENV.BASE_URL || "http://127.0.0.1:8000";
const browserOptions = { headers: { Accept: "text/html", "Accept-Encoding": "gzip, deflate, br, zstd" } };

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
  const response = http.get(`${base}/timeline/`, browserOptions);
  check(response, {
    "status is 200": ({ status }) => status === 200,
    "it is the timeline": ({ body }) => body.includes('<main id="content"'),
  });
  sleep(1);
}
