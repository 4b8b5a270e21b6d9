// 200 users request the first page of the API for two minutes, with a pause of one second in between.
//
//   k6 run --no-usage-report -e BASE_URL=http://127.0.0.1:8000 tests/load/api_timeline.js
//
// USERS and DURATION change the load; P95 is the goal in milliseconds.

import { check, sleep } from "k6";
import http from "k6/http";

const base = __ENV.BASE_URL || "http://127.0.0.1:8000";

export const options = {
  vus: Number(__ENV.USERS || 200),
  duration: __ENV.DURATION || "2m",
  thresholds: {
    http_req_duration: [`p(95)<${__ENV.P95 || 200}`],
    http_req_failed: ["rate==0"],
    checks: ["rate==1"],
  },
};

export default function () {
  const response = http.get(`${base}/api/timeline`);
  check(response, {
    "status is 200": ({ status }) => status === 200,
    "it has moments": (result) => result.json("ok") === true,
  });
  sleep(1);
}
