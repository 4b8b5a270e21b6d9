// Hands on the chart: drag, fling, pinch, wheel and keys become pans and zooms. Handlers only note what
// is wanted; drawing waits for the frame.

const MOVED = 5; // pixels after which a press is a drag and no click
const WHEEL = 0.0022; // how much of the logarithm a pixel of the wheel is
const FLING_FROM = 0.15; // pixels a millisecond
const FLING_MOST = 2.5; // and no faster
const FLING_DECAY = 220; // milliseconds until a fling has lost most of its speed
const LINE = 16;

export function listen(figure, chart) {
  const svg = figure.querySelector("svg");
  const pointers = new Map();
  let moved = false;
  let speed = 0;
  let last = 0;
  // The wheel scrolls the page until somebody shows that they mean the chart.
  let meant = false;

  const left = () => svg.getBoundingClientRect().left;
  const local = ({ clientX }) => clientX - left();

  svg.addEventListener("dragstart", (event) => event.preventDefault());

  svg.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    meant = true;
    chart.stop();
    if (!pointers.size) moved = false;
    chart.held = true;
    pointers.set(event.pointerId, { x: event.clientX, start: event.clientX, y: event.clientY });
    speed = 0;
    last = event.timeStamp;
    chart.point(local(event), event.clientY - svg.getBoundingClientRect().top);
  });

  svg.addEventListener("pointermove", (event) => {
    if (event.movementX || event.movementY) meant = true;
    // Let go of beyond the chart's edge, where nobody told.
    if (!event.buttons) release(event);
    const pointer = pointers.get(event.pointerId);
    if (!pointer) {
      if (event.pointerType === "mouse")
        chart.point(local(event), event.clientY - svg.getBoundingClientRect().top);
      return;
    }
    const step = event.clientX - pointer.x;
    if (!moved && Math.abs(event.clientX - pointer.start) < MOVED) return;
    if (!moved) {
      moved = true;
      chart.point();
    }
    svg.setPointerCapture(event.pointerId);
    if (pointers.size === 1) {
      chart.pan(-step);
      speed = step / Math.max(1, event.timeStamp - last);
      last = event.timeStamp;
    } else pinch(pointer, event);
    pointer.x = event.clientX;
  });

  function pinch(pointer, event) {
    const other = [...pointers.values()].find((one) => one !== pointer);
    const before = Math.max(8, Math.abs(pointer.x - other.x));
    const now = Math.max(8, Math.abs(event.clientX - other.x));
    chart.pan(-(event.clientX - pointer.x) / 2);
    chart.zoom(before / now, (event.clientX + other.x) / 2 - left());
  }

  function release(event) {
    if (!pointers.delete(event.pointerId) || pointers.size) return;
    chart.held = false;
    if (!moved || Math.abs(speed) < FLING_FROM || event.timeStamp - last > 60) return;
    fling(Math.sign(speed) * Math.min(FLING_MOST, Math.abs(speed)));
  }
  svg.addEventListener("pointerup", release);
  svg.addEventListener("pointercancel", release);
  svg.addEventListener("pointerleave", () => {
    if (!pointers.size) chart.point();
  });

  function fling(initialSpeed) {
    if (chart.still) return;
    let pace = initialSpeed;
    let before = performance.now();
    chart.animate((now) => {
      const passed = now - before;
      before = now;
      chart.pan(-pace * passed);
      pace *= Math.exp(-passed / FLING_DECAY);
      return Math.abs(pace) > 0.02;
    });
  }

  svg.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (moved) event.preventDefault();
    else if (chart.open(local(event), event.clientY - svg.getBoundingClientRect().top))
      event.preventDefault();
    moved = false;
  });

  svg.addEventListener(
    "wheel",
    (event) => {
      const unit = event.deltaMode ? LINE : 1;
      const [across, along] = [event.deltaX * unit, event.deltaY * unit];
      if (!meant && !event.ctrlKey) return;
      const panning = Math.abs(across) > Math.abs(along);
      // At the end of what can be seen the page scrolls on.
      if (!panning && along > 0 && chart.isWhole && !event.ctrlKey) return;
      event.preventDefault();
      chart.stop();
      if (panning) chart.pan(across);
      else
        chart.zoom(
          Math.exp(Math.max(-200, Math.min(200, along)) * WHEEL * (event.ctrlKey ? 4 : 1)),
          local(event),
        );
    },
    { passive: false },
  );
  addEventListener(
    "scroll",
    () => {
      meant = false;
    },
    { passive: true },
  );

  figure.addEventListener("keydown", (event) => {
    if (event.target.closest("button") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowLeft: () => chart.step(-1),
      ArrowRight: () => chart.step(1),
      ArrowUp: () => chart.zoom(1 / 2),
      ArrowDown: () => chart.zoom(2),
      PageUp: () => chart.pan(-chart.width),
      PageDown: () => chart.pan(chart.width),
      "+": () => chart.zoom(1 / 2),
      "=": () => chart.zoom(1 / 2),
      "-": () => chart.zoom(2),
      Home: () => chart.pan(-Infinity),
      End: () => chart.pan(Infinity),
      Enter: () => chart.openMiddle(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    chart.stop();
    act();
  });
}
