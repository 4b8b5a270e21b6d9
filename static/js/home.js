// Keeps the clock on the home page running.

const SECOND = 1000;
const clock = document.querySelector("[data-clock]");
const time = clock.querySelector("[data-time]");
const day = clock.querySelector("[data-day]");
const dayFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeZone: "UTC" });

function tick() {
  const now = new Date();
  clock.dateTime = now.toISOString().replace(/\.\d+/, "");
  time.textContent = clock.dateTime.slice(11, 19);
  day.textContent = dayFormat.format(now);
  setTimeout(tick, SECOND - (now.getTime() % SECOND));
}

tick();
