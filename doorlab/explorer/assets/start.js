// Elements of the page, and its start.

function byId(id) {
  return document.getElementById(id);
}

/** An element with attributes and text. */
function element(tag, attributes, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

/** A button that shows an image and can be pressed. */
function imageButton(source, words) {
  const button = element("button", { type: "button", "aria-pressed": "false", title: words });
  button.append(element("img", { src: source, alt: words }));
  return button;
}

/** Presses one button of a group. */
function press(group, index) {
  [...group.children].forEach((button, i) => button.setAttribute("aria-pressed", i === index));
}

function fillDoors(select, data) {
  const options = data.doors.map((door, i) =>
    element("option", { value: i }, `${door.number}: ${door.label}`),
  );
  select.append(...options);
}

/** A door in words, with what images do not show. */
function doorWords(door) {
  const { direction, radius, swing, turn } = door.slices.words;
  return (
    `Door ${door.number}: ${door.label}; ${door.hidden}. The oracle's action: direction ` +
    `${direction}, radius ${radius}, swing ${swing}, turn ${turn}. Direction: from the handle to ` +
    "the assumed hinge, 0 degrees is right, 90 up, 180 left. Swing: positive pulls, negative " +
    "pushes. Turn: positive is clockwise."
  );
}

/** Replaces the content of a table; `now` is the highlighted row. */
function fillTable(table, head, rows, now = -1) {
  const top = element("tr", {});
  top.append(...head.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map(([first, ...cells], i) => {
    const row = element("tr", i === now ? { class: "now" } : {});
    const rest = cells.map((text) => element("td", {}, text));
    row.append(element("th", { scope: "row" }, first), ...rest);
    return row;
  });
  const sections = ["thead", "tbody"].map((tag) => element(tag, {}));
  sections[0].append(top);
  sections[1].append(...body);
  table.replaceChildren(...(rows.length ? sections : []));
}

/** [right, up] of an arrow key; null for other keys. */
function arrowOf(event) {
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  return arrows[event.key] || null;
}

function signed(value, digits) {
  return (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(digits);
}

function bounded(value, most) {
  return Math.min(Math.max(value, -most), most);
}

/** Shows an error on the page, instead of failing silently. */
function guarded(action) {
  try {
    action();
  } catch (error) {
    byId("trouble").hidden = false;
    byId("trouble").textContent = error.message;
    throw error;
  }
}

/** Fills the words of the template: data-text="latents.doors". */
function fillWords(data) {
  for (const place of document.querySelectorAll("[data-text]")) {
    place.textContent = place.dataset.text.split(".").reduce((part, key) => part[key], data);
  }
}

function start() {
  const data = JSON.parse(byId("data").textContent);
  fillWords(data);
  const slices = makeSlices(data, withResiduals(makeProcess(data.process), data.residuals));
  const latents = startLatents(data, makeDecoder(data.decoder));
  const rewards = startRewards(data, slices);
  const steps = startSteps(data, slices);
  window.addEventListener("resize", () => {
    requestDrawing(latents);
    drawRewards(rewards);
    drawSteps(steps);
  });
}

guarded(start);
