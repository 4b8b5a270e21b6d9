// Turns gestures on the chart into pans and zooms: drag, fling, pinch, wheel and keys. The handlers only change
// the view. It is drawn in the next frame.

const DRAG_THRESHOLD = 5; // pixels of movement that make a press a drag
const WHEEL_FACTOR = 0.0022; // change of the zoom's logarithm for each pixel of the wheel
const FLING_MIN_SPEED = 0.15; // pixels per millisecond
const FLING_MAX_SPEED = 2.5; // pixels per millisecond
const FLING_DECAY = 220; // time constant of the slowdown, in milliseconds
const LINE_HEIGHT = 16;

export function addGestures(figure, chart) {
  const svg = figure.querySelector("svg");
  const pointers = new Map();
  let moved = false;
  let speed = 0;
  let last = 0;
  // The wheel scrolls the page until somebody has moved the pointer over the chart or pressed it.
  let isActive = false;

  const left = () => svg.getBoundingClientRect().left;
  const localX = ({ clientX }) => clientX - left();

  svg.addEventListener("dragstart", (event) => event.preventDefault());

  svg.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    isActive = true;
    chart.stop();
    if (!pointers.size) moved = false;
    chart.isDragging = true;
    pointers.set(event.pointerId, { x: event.clientX, start: event.clientX, y: event.clientY });
    speed = 0;
    last = event.timeStamp;
    chart.hover(localX(event), event.clientY - svg.getBoundingClientRect().top);
  });

  svg.addEventListener("pointermove", (event) => {
    if (event.movementX || event.movementY) isActive = true;
    // The button was released outside of the chart, where no event was received.
    if (!event.buttons) release(event);
    const pointer = pointers.get(event.pointerId);
    if (!pointer) {
      if (event.pointerType === "mouse")
        chart.hover(localX(event), event.clientY - svg.getBoundingClientRect().top);
      return;
    }
    const step = event.clientX - pointer.x;
    if (!moved && Math.abs(event.clientX - pointer.start) < DRAG_THRESHOLD) return;
    if (!moved) {
      moved = true;
      chart.hover();
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
    const other = [...pointers.values()].find((candidate) => candidate !== pointer);
    const before = Math.max(8, Math.abs(pointer.x - other.x));
    const now = Math.max(8, Math.abs(event.clientX - other.x));
    chart.pan(-(event.clientX - pointer.x) / 2);
    chart.zoom(before / now, (event.clientX + other.x) / 2 - left());
  }

  function release(event) {
    if (!pointers.delete(event.pointerId) || pointers.size) return;
    chart.isDragging = false;
    if (!moved || Math.abs(speed) < FLING_MIN_SPEED || event.timeStamp - last > 60) return;
    fling(Math.sign(speed) * Math.min(FLING_MAX_SPEED, Math.abs(speed)));
  }
  svg.addEventListener("pointerup", release);
  svg.addEventListener("pointercancel", release);
  svg.addEventListener("pointerleave", () => {
    if (!pointers.size) chart.hover();
  });

  function fling(initialSpeed) {
    if (chart.prefersReducedMotion) return;
    let currentSpeed = initialSpeed;
    let before = performance.now();
    chart.animate((now) => {
      const elapsed = now - before;
      before = now;
      chart.pan(-currentSpeed * elapsed);
      currentSpeed *= Math.exp(-elapsed / FLING_DECAY);
      return Math.abs(currentSpeed) > 0.02;
    });
  }

  svg.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (moved) event.preventDefault();
    else if (chart.open(localX(event), event.clientY - svg.getBoundingClientRect().top))
      event.preventDefault();
    moved = false;
  });

  svg.addEventListener(
    "wheel",
    (event) => {
      const unit = event.deltaMode ? LINE_HEIGHT : 1;
      const [deltaX, deltaY] = [event.deltaX * unit, event.deltaY * unit];
      if (!isActive && !event.ctrlKey) return;
      const panning = Math.abs(deltaX) > Math.abs(deltaY);
      // When the chart is fully zoomed out, the wheel scrolls the page.
      if (!panning && deltaY > 0 && chart.isZoomedOut && !event.ctrlKey) return;
      event.preventDefault();
      chart.stop();
      if (panning) chart.pan(deltaX);
      else
        chart.zoom(
          Math.exp(Math.max(-200, Math.min(200, deltaY)) * WHEEL_FACTOR * (event.ctrlKey ? 4 : 1)),
          localX(event),
        );
    },
    { passive: false },
  );
  addEventListener(
    "scroll",
    () => {
      isActive = false;
    },
    { passive: true },
  );

  figure.addEventListener("keydown", (event) => {
    if (event.target.closest("button") || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = {
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
      Enter: () => chart.openCenter(),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    chart.stop();
    action();
  });
}
