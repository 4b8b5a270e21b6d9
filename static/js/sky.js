// The stars in 3D, seen from the Sun or from a distance. A star is as bright as it would be from there. The
// module is loaded when somebody presses the button. Until then the page has the server's chart.

const STRIDE = 14; // bytes per star, as the server packs them
const DISTANCE_STEPS = 12000;
const UNKNOWN_DISTANCE = 500; // parsecs, for stars whose distance is not in the catalogue
const MAX_TRAVEL = 400; // parsecs from the Sun
const [MIN_VIEW, MAX_VIEW] = [8, 75]; // degrees, the height of the view
const TURN_STEP = 0.06; // part of the view's height, for each key press
const PICK_RADIUS = 18; // pixels around a star in which it can be picked
const HUES = [
  [1, 0.62, 0.42],
  [1, 0.79, 0.56],
  [1, 0.91, 0.72],
  [1, 0.97, 0.9],
  [0.89, 0.92, 1],
  [0.71, 0.79, 1],
];
const LABEL =
  "The stars in 3D. Arrow keys turn, plus and minus zoom and then leave the Sun, Enter opens the star in the middle.";

const VERTEX_SHADER = `#version 300 es
uniform mat3 turn; uniform float back, zoom, aspect, scale;
in vec3 place; in float magnitude; in vec3 hue;
out vec3 colour; out float light;
void main() {
  vec3 seen = turn * place + vec3(0, 0, -back);
  float m = magnitude + 5.0 * log2(length(seen) / length(place)) / log2(10.0);
  gl_Position = vec4(seen.x * zoom / aspect, seen.y * zoom, 0.0, -seen.z);
  light = clamp((8.5 - m) / 5.0, 0.15, 1.0);
  gl_PointSize = scale * clamp(2.4 + 1.3 * (6.0 - m), 2.2, 20.0);
  colour = hue;
}`;
const FRAGMENT_SHADER = `#version 300 es
precision mediump float;
in vec3 colour; in float light; out vec4 pixel;
void main() {
  float r = length(gl_PointCoord - 0.5) * 2.0;
  pixel = vec4(colour, 1.0) * light * smoothstep(1.0, 0.15, r);
}`;

function unpack(buffer) {
  const count = buffer.byteLength / STRIDE;
  const hips = new Uint32Array(buffer, 0, count);
  const directions = new Int16Array(buffer, 4 * count, 3 * count);
  const distances = new Uint16Array(buffer, 10 * count, count);
  const magnitudes = new Uint8Array(buffer, 12 * count, count);
  const hues = new Uint8Array(buffer, 13 * count, count);
  const data = new Float32Array(7 * count);
  for (let n = 0; n < count; n += 1) {
    const parsecs = distances[n] ? 10 ** (distances[n] / DISTANCE_STEPS) : UNKNOWN_DISTANCE;
    const place = [0, 1, 2].map((axis) => (directions[3 * n + axis] / 32767) * parsecs);
    data.set([...place, magnitudes[n] / 25 - 2, ...HUES[hues[n]]], 7 * n);
  }
  return { count, hips, data };
}

function createProgram(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX_SHADER],
    [gl.FRAGMENT_SHADER, FRAGMENT_SHADER],
  ]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}

class Sky {
  #frame = 0;

  constructor(canvas, status, stars, names) {
    Object.assign(this, { canvas, status, stars, names, right: 1.6, up: 0.2, view: 60, back: 0 });
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false });
    if (!gl) throw new Error("no WebGL2");
    this.gl = gl;
    const program = createProgram(gl);
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, stars.data, gl.STATIC_DRAW);
    for (const [name, size, offset] of [
      ["place", 3, 0],
      ["magnitude", 1, 12],
      ["hue", 3, 16],
    ]) {
      const attribute = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(attribute);
      gl.vertexAttribPointer(attribute, size, gl.FLOAT, false, 28, offset);
    }
    this.uniforms = Object.fromEntries(
      ["turn", "back", "zoom", "aspect", "scale"].map((name) => [name, gl.getUniformLocation(program, name)]),
    );
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE);
    new ResizeObserver(() => this.draw()).observe(canvas);
    this.#listen();
  }

  // Returns the rows of the rotation matrix that turns the direction of view to the camera, with north up.
  get turn() {
    const [sr, cr, su, cu] = [
      Math.sin(this.right),
      Math.cos(this.right),
      Math.sin(this.up),
      Math.cos(this.up),
    ];
    return [
      [sr, -cr, 0],
      [-cr * su, -sr * su, cu],
      [-cr * cu, -sr * cu, -su],
    ];
  }

  get zoom() {
    return 1 / Math.tan((this.view * Math.PI) / 360);
  }

  draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const { gl, canvas, uniforms } = this;
      const scale = Math.min(2, devicePixelRatio);
      [canvas.width, canvas.height] = [canvas.clientWidth * scale, canvas.clientHeight * scale];
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0.043, 0.063, 0.125, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniformMatrix3fv(uniforms.turn, true, this.turn.flat());
      gl.uniform1f(uniforms.back, this.back);
      gl.uniform1f(uniforms.zoom, this.zoom);
      gl.uniform1f(uniforms.aspect, canvas.width / canvas.height);
      gl.uniform1f(uniforms.scale, scale);
      gl.drawArrays(gl.POINTS, 0, this.stars.count);
    });
  }

  move(deltaX, deltaY) {
    this.right += deltaX * this.view * (Math.PI / 180);
    this.up = Math.max(-1.57, Math.min(1.57, this.up + deltaY * this.view * (Math.PI / 180)));
    this.draw();
  }

  // Zooming in narrows the view. Zooming out from the widest view moves away from the Sun.
  zoomBy(factor) {
    if (this.back > 0 || (factor > 1 && this.view >= MAX_VIEW)) {
      const back = (this.back + 5) * factor - 5;
      this.back = back < 0.5 && factor < 1 ? 0 : Math.min(MAX_TRAVEL, back);
    } else this.view = Math.min(MAX_VIEW, Math.max(MIN_VIEW, this.view * factor));
    this.draw();
    this.announce();
  }

  // Returns the number of the star at a position, or undefined.
  starAt(x, y) {
    const { clientWidth, clientHeight } = this.canvas;
    const {
      turn,
      zoom,
      back,
      stars: { count, data, hips },
    } = this;
    const half = clientHeight / 2;
    let [best, hip] = [PICK_RADIUS ** 2, undefined];
    for (let n = 0; n < count; n += 1) {
      const place = data.subarray(7 * n, 7 * n + 3);
      const [sx, sy, sz] = turn.map((row) => row[0] * place[0] + row[1] * place[1] + row[2] * place[2]);
      const depth = back - sz;
      if (depth <= 0) continue;
      const [dx, dy] = [
        clientWidth / 2 + (sx * zoom * half) / depth - x,
        half - (sy * zoom * half) / depth - y,
      ];
      const distance = dx * dx + dy * dy;
      if (distance < best) [best, hip] = [distance, hips[n]];
      // The brightest come first, so a fainter star must be much nearer to be picked.
      if (hip === hips[n]) best *= 0.6;
    }
    return hip;
  }

  announce(hip) {
    const place = this.back ? `${Math.round(this.back * 3.26)} light-years from the Sun` : "From the Sun";
    this.status.textContent = hip ? `${this.names.get(hip) ?? `HIP ${hip}`}. ${place}.` : `${place}.`;
  }

  open(x, y) {
    const hip = this.starAt(x, y);
    if (hip) location.assign(`/stars/${hip}/`);
  }

  #listen() {
    const { canvas } = this;
    const pointers = new Map();
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      if (!pointers.size) moved = 0;
      pointers.set(event.pointerId, event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const previous = pointers.get(event.pointerId);
      if (!previous) {
        this.announce(this.starAt(event.offsetX, event.offsetY));
        return;
      }
      const [dx, dy] = [event.clientX - previous.clientX, event.clientY - previous.clientY];
      moved += Math.hypot(dx, dy);
      if (pointers.size > 1) {
        const other = [...pointers.values()].find((pointer) => pointer !== previous);
        const distanceTo = (pointer) =>
          Math.max(10, Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY));
        this.zoomBy(distanceTo(previous) / distanceTo(event));
      } else this.move(dx / canvas.clientHeight, dy / canvas.clientHeight);
      pointers.set(event.pointerId, event);
    });
    for (const type of ["pointerup", "pointercancel"])
      canvas.addEventListener(type, (event) => pointers.delete(event.pointerId));
    canvas.addEventListener("click", (event) => {
      if (moved < 5) this.open(event.offsetX, event.offsetY);
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoomBy(Math.exp(Math.max(-200, Math.min(200, event.deltaY)) * 0.0015));
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => {
      const action = {
        ArrowLeft: () => this.move(TURN_STEP, 0),
        ArrowRight: () => this.move(-TURN_STEP, 0),
        ArrowUp: () => this.move(0, TURN_STEP),
        ArrowDown: () => this.move(0, -TURN_STEP),
        "+": () => this.zoomBy(0.8),
        "=": () => this.zoomBy(0.8),
        "-": () => this.zoomBy(1.25),
        Enter: () => this.open(canvas.clientWidth / 2, canvas.clientHeight / 2),
      }[event.key];
      if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      action();
      this.announce(this.starAt(canvas.clientWidth / 2, canvas.clientHeight / 2));
    });
  }
}

// Replaces the chart in `frame` by the scene.
export async function start(frame) {
  const response = await fetch("/stars/packed");
  if (!response.ok) throw new Error(String(response.status));
  const stars = unpack(await response.arrayBuffer());
  const chart = frame.querySelector("svg");
  const names = new Map(
    [...chart.querySelectorAll("a")].map((link) => [
      Number(link.getAttribute("href").split("/")[2]),
      link.querySelector("title").textContent,
    ]),
  );
  const canvas = document.createElement("canvas");
  const status = document.createElement("p");
  canvas.className = "sky-scene";
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", LABEL);
  status.className = "sky-status";
  status.setAttribute("role", "status");
  const sky = new Sky(canvas, status, stars, names);
  chart.replaceWith(canvas);
  canvas.after(status);
  canvas.focus();
  sky.draw();
  sky.announce();
}
