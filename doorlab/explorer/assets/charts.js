// Drawings on canvases: heat maps with axes and a color bar, and bars.

const INK = "#1f2933";
const MUTED = "#5f6c7b";
const LINE = "#e3e7ec";
const ACCENT = "#d55e00";
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif';
const MARGIN = { left: 50, right: 50, top: 10, bottom: 42 }; // pixels

// Dark blue to yellow (viridis), readable in gray and for color-blind readers.
const COLORS = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129],
  [92, 200, 99], [170, 220, 50], [253, 231, 37],
];

/** Color of a share from 0 to 1. */
function colorOf(share) {
  const place = Math.min(Math.max(share, 0), 1) * (COLORS.length - 1);
  const below = Math.min(Math.floor(place), COLORS.length - 2);
  const rest = place - below;
  const above = COLORS[below + 1];
  const mixed = COLORS[below].map((from, i) => Math.round(from + rest * (above[i] - from)));
  return `rgb(${mixed.join(",")})`;
}

/** Clears a canvas at the resolution of the screen; returns its context and size in CSS pixels. */
function prepared(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth || 300;
  const height = canvas.clientHeight || 250;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = FONT;
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** The rectangle between the margins. */
function inside(width, height) {
  return {
    left: MARGIN.left,
    top: MARGIN.top,
    width: Math.max(width - MARGIN.left - MARGIN.right, 10),
    height: Math.max(height - MARGIN.top - MARGIN.bottom, 10),
  };
}

/**
 * Draws a heat map.
 *
 * map: {values (rows from the bottom), columns, rows, most, x: axis, y: axis, marks, cursor}
 * axis: {label, ticks: [[position from 0 to 1, text]]}
 * marks: [{column, row, text, ring}] with fractional cells; cursor: {column, row} or null
 */
function drawMap(canvas, map) {
  const { pen, width, height } = prepared(canvas);
  const box = inside(width, height);
  const cell = { width: box.width / map.columns, height: box.height / map.rows };
  // Whole pixels: cells leave no gaps.
  const x = (column) => Math.round(box.left + column * cell.width);
  const y = (row) => Math.round(box.top + (map.rows - row) * cell.height);
  for (let row = 0; row < map.rows; row++) {
    for (let column = 0; column < map.columns; column++) {
      pen.fillStyle = colorOf(map.values[row * map.columns + column] / map.most);
      pen.fillRect(x(column), y(row + 1), x(column + 1) - x(column), y(row) - y(row + 1));
    }
  }
  drawAxes(pen, box, map.x, map.y);
  drawBar(pen, box, map.most);
  const center = ({ column, row }) => [
    box.left + (column + 0.5) * cell.width, box.top + (map.rows - 0.5 - row) * cell.height,
  ];
  for (const mark of map.marks || []) drawMark(pen, ...center(mark), mark);
  if (map.cursor) drawCursor(pen, ...center(map.cursor), cell);
}

/**
 * The place {column, row} at a position in CSS pixels, or null outside of the map. Integers are
 * centers of cells. The outer half of a cell at the edge counts as its center: the axes end there.
 */
function placeAt(canvas, map, x, y) {
  const box = inside(canvas.clientWidth, canvas.clientHeight);
  const [right, down] = [(x - box.left) / box.width, (y - box.top) / box.height];
  if (right < 0 || right > 1 || down < 0 || down > 1) return null;
  return {
    column: limited(right * map.columns - 0.5, map.columns),
    row: limited((1 - down) * map.rows - 0.5, map.rows),
  };
}

/** A place of an axis, moved between the centers of its first and last cell. */
function limited(place, length) {
  return Math.min(Math.max(place, 0), length - 1);
}

function drawAxes(pen, box, x, y) {
  pen.fillStyle = INK;
  pen.strokeStyle = MUTED;
  pen.lineWidth = 1;
  pen.strokeRect(box.left, box.top, box.width, box.height);
  pen.textBaseline = "top";
  pen.textAlign = "center";
  for (const [place, text] of x.ticks) {
    pen.fillText(text, box.left + place * box.width, box.top + box.height + 5);
  }
  pen.fillText(x.label, box.left + box.width / 2, box.top + box.height + 22);
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const [place, text] of y.ticks) {
    pen.fillText(text, box.left - 6, box.top + (1 - place) * box.height);
  }
  pen.save();
  pen.translate(10, box.top + box.height / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillText(y.label, 0, 0);
  pen.restore();
}

/** The color bar, with its numbers. */
function drawBar(pen, box, most) {
  const left = box.left + box.width + 8;
  for (let i = 0; i < 60; i++) {
    pen.fillStyle = colorOf(i / 59);
    pen.fillRect(left, box.top + (1 - (i + 1) / 60) * box.height, 10, box.height / 60 + 0.5);
  }
  pen.fillStyle = INK;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (const share of [0, 0.5, 1]) {
    const y = box.top + (1 - share) * box.height;
    pen.fillText(String(Number((share * most).toFixed(2))), left + 13, y);
  }
}

function drawMark(pen, x, y, { text, ring }) {
  pen.beginPath();
  pen.arc(x, y, ring ? 10 : 8, 0, 2 * Math.PI);
  if (!ring) {
    pen.fillStyle = "#fff";
    pen.fill();
  }
  pen.lineWidth = ring ? 6 : 2;
  pen.strokeStyle = ring ? "#fff" : INK;
  pen.stroke();
  if (ring) {
    pen.lineWidth = 3;
    pen.strokeStyle = ACCENT;
    pen.stroke();
  }
  if (!text) return;
  pen.fillStyle = INK;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, x, y + 0.5);
}

function drawCursor(pen, x, y, cell) {
  const width = Math.max(cell.width, 8);
  const height = Math.max(cell.height, 8);
  pen.lineWidth = 4;
  pen.strokeStyle = "#fff";
  pen.strokeRect(x - width / 2, y - height / 2, width, height);
  pen.lineWidth = 2;
  pen.strokeStyle = ACCENT;
  pen.strokeRect(x - width / 2, y - height / 2, width, height);
}

/** Draws rewards as bars; those from `done` on are outlines. */
function drawBars(canvas, rewards, done) {
  const { pen, width, height } = prepared(canvas);
  const box = inside(width, height);
  const step = box.width / Math.max(rewards.length, 1);
  rewards.forEach((reward, i) => {
    const top = box.top + (1 - reward) * box.height;
    const size = [box.left + (i + 0.2) * step, top, 0.6 * step, box.top + box.height - top];
    pen.fillStyle = i < done ? ACCENT : LINE;
    pen.fillRect(...size);
  });
  const every = Math.ceil(rewards.length / 10);
  const ticks = rewards
    .map((_, i) => [(i + 0.5) / rewards.length, String(i + 1)])
    .filter((_, i) => i % every === 0);
  const levels = [0, 0.5, 1].map((level) => [level, String(level)]);
  drawAxes(pen, box, { label: "interaction", ticks }, { label: "reward", ticks: levels });
}

/** Draws the map of c: training doors as gray points, and the current point. */
function drawScatter(canvas, points, reach, here) {
  const { pen, width, height } = prepared(canvas);
  const box = { left: 40, top: 8, width: width - 48, height: height - 48 };
  const place = ([x, y]) => [
    box.left + ((x + reach) / (2 * reach)) * box.width,
    box.top + ((reach - y) / (2 * reach)) * box.height,
  ];
  pen.fillStyle = "#b9c2cc";
  for (const point of points) {
    pen.beginPath();
    pen.arc(...place(point), 2.2, 0, 2 * Math.PI);
    pen.fill();
  }
  const ticks = [-2, 0, 2].map((at) => [(at + reach) / (2 * reach), String(at)]);
  drawAxes(pen, box, { label: "c1 (std)", ticks }, { label: "c2 (std)", ticks });
  pen.beginPath();
  pen.arc(...place(here), 9, 0, 2 * Math.PI);
  pen.fillStyle = ACCENT;
  pen.fill();
  pen.lineWidth = 2;
  pen.strokeStyle = "#fff";
  pen.stroke();
  return box;
}
