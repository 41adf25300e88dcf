// Section "Latents": sliders and a map move c and z; the decoded image follows.

const REACH = 3; // standard deviations of a slider to either side

/** Builds the section. */
function startLatents(data, decode) {
  const view = {
    data,
    decode,
    side: data.size,
    canvas: byId("decoded"),
    door: 0,
    frame: 0,
    moved: { c: [], z: [] },
    start: { c: [], z: [] },
    sliders: { c: [], z: [] },
  };
  view.canvas.width = view.canvas.height = view.side;
  view.pen = view.canvas.getContext("2d");
  view.image = view.pen.createImageData(view.side, view.side);
  for (const name of ["c", "z"]) makeSliders(view, name);
  makeDoorButtons(view);
  byId("latent-reset").addEventListener("click", () => chooseFrame(view, view.frame));
  makeMap(view);
  chooseDoor(view, 0);
  return view;
}

function makeSliders(view, name) {
  const { share, words } = view.data.latents[name];
  view.sliders[name] = share.map((part, i) => {
    const label = element("label", { class: "slider" });
    const percent = part < 0.005 ? "less than 1" : Math.round(100 * part);
    const text = `${name}${i + 1}: ${percent} % of the variance${words[i] ? `, ${words[i]}` : ""}`;
    const input = element("input", { type: "range", min: -REACH, max: REACH, step: 0.05 });
    const output = element("output", {});
    label.append(element("span", { class: "name" }, text), output, input);
    byId(`sliders-${name}`).append(label);
    input.addEventListener("input", () => {
      view.moved[name][i] = Number(input.value);
      requestDrawing(view);
    });
    return { input, output };
  });
}

function makeDoorButtons(view) {
  view.data.doors.forEach((door, i) => {
    const button = imageButton(door.frames[0], `Door ${door.number}: ${door.label}`);
    button.addEventListener("click", () => chooseDoor(view, i));
    byId("latent-doors").append(button);
  });
}

function chooseDoor(view, index) {
  view.door = index;
  const door = view.data.doors[index];
  press(byId("latent-doors"), index);
  byId("latent-door").textContent = `Door ${door.number} of the dataset: ${door.label}.`;
  const frames = byId("latent-frames");
  frames.replaceChildren(
    ...door.frames.map((frame, i) => {
      const button = imageButton(frame, `Frame ${i + 1}`);
      button.addEventListener("click", () => chooseFrame(view, i));
      return button;
    }),
  );
  chooseFrame(view, 0);
}

/** Starts at the posterior means of a frame. */
function chooseFrame(view, index) {
  view.frame = index;
  const door = view.data.doors[view.door];
  press(byId("latent-frames"), index);
  byId("true-frame").src = door.frames[index];
  view.origin = { c: door.c, z: door.z[index] };
  for (const name of ["c", "z"]) {
    const { mean, axes, std } = view.data.latents[name];
    const off = view.origin[name].map((value, i) => value - mean[i]);
    view.start[name] = axes.map(
      (axis, k) => axis.reduce((sum, a, i) => sum + a * off[i], 0) / std[k],
    );
    view.moved[name] = [...view.start[name]];
  }
  requestDrawing(view);
}

/** The latent at the position of the sliders; what they do not show stays that of the frame. */
function latentAt(view, name) {
  const { axes, std } = view.data.latents[name];
  const values = Float32Array.from(view.origin[name]);
  axes.forEach((axis, k) => {
    const step = (view.moved[name][k] - view.start[name][k]) * std[k];
    if (step) axis.forEach((a, i) => (values[i] += a * step));
  });
  return values;
}

/** Draws once per frame of the screen, whatever the number of changes. */
function requestDrawing(view) {
  if (view.requested) return;
  view.requested = true;
  requestAnimationFrame(() => {
    view.requested = false;
    guarded(() => drawLatents(view));
  });
}

function drawLatents(view) {
  const started = performance.now();
  toPixels(view.decode(latentAt(view, "c"), latentAt(view, "z")), view.side, view.image.data);
  view.pen.putImageData(view.image, 0, 0);
  byId("decode-time").textContent = `(${(performance.now() - started).toFixed(0)} ms)`;
  for (const name of ["c", "z"]) {
    view.sliders[name].forEach(({ input, output }, i) => {
      input.value = view.moved[name][i];
      output.textContent = `${signed(view.moved[name][i], 2)} std`;
    });
  }
  const [x, y] = view.moved.c;
  view.box = drawScatter(byId("map"), view.data.latents.map, REACH, [
    bounded(x, REACH), bounded(y ?? 0, REACH),
  ]);
}

/** Dragging and arrow keys on the map of c1 and c2. */
function makeMap(view) {
  const canvas = byId("map");
  const move = (x, y) => {
    view.moved.c[0] = bounded(x, REACH);
    if (view.moved.c.length > 1) view.moved.c[1] = bounded(y, REACH);
    requestDrawing(view);
  };
  const follow = (event) => {
    const { left, top, width, height } = view.box;
    const place = [(event.offsetX - left) / width, (event.offsetY - top) / height];
    move((2 * place[0] - 1) * REACH, (1 - 2 * place[1]) * REACH);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    follow(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) follow(event);
  });
  canvas.addEventListener("keydown", (event) => {
    const [right, up] = arrowOf(event) || [0, 0];
    if (!right && !up) return;
    event.preventDefault();
    move(view.moved.c[0] + 0.1 * right, (view.moved.c[1] ?? 0) + 0.1 * up);
  });
}
