// Slices of the action space of the doors: actions of the cells, true rewards and predictions.

/** Access to the slices of all doors; features of actions are computed once. */
function makeSlices(data, process) {
  const cache = new Map();
  const of = (door, name) => {
    const key = `${door} ${name}`;
    if (!cache.has(key)) cache.set(key, makeSlice(data, process, door, name));
    return cache.get(key);
  };
  const condition = (slice, interactions) =>
    process.condition(data.doors[slice.door].embedding, interactions);
  const predict = (slice, state) => process.predict(state, slice.features);
  const predictAt = (slice, state, place) => {
    const { mean, std } = process.predict(state, process.featuresOf(actionAt(slice, place)));
    return { mean: mean[0], std: std[0] };
  };
  return { of, condition, predict, predictAt };
}

function makeSlice(data, process, door, name) {
  const { oracle, rewards, swing } = data.doors[door].slices;
  const x = data.axes[name];
  const y = data.axes.swing;
  const columns = x.values.length;
  const rows = y.values.length;
  const actions = new Float32Array(columns * rows * ACTION);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const action = [...oracle];
      action[x.coordinate] = x.values[column];
      action[y.coordinate] = y.values[row];
      actions.set(action, (row * columns + column) * ACTION);
    }
  }
  return {
    door, name, columns, rows, actions, swing,
    features: process.featuresOf(actions),
    truth: Float32Array.from(rewards[name].flat()),
    x: { label: x.label, ticks: ticksOf(x.shown, 1) },
    y: { label: `swing (${swing.unit})`, ticks: ticksOf(y.shown, swing.most) },
    shown: { x: x.shown, y: y.shown.map((value) => value * swing.most) },
    values: { x: x.values, y: y.values },
    coordinate: x.coordinate,
    oracle,
  };
}

/** Five ticks at centers of cells. */
function ticksOf(shown, scale) {
  const last = shown.length - 1;
  return [0, 1, 2, 3, 4].map((i) => {
    const at = Math.round((i * last) / 4);
    return [(at + 0.5) / shown.length, String(Number((shown[at] * scale).toFixed(2)))];
  });
}

/** The action at a place: {column, row}, whose integers are centers of cells. */
function actionAt(slice, { column, row }) {
  const action = [...slice.oracle];
  action[slice.coordinate] = valueAt(slice.values.x, column);
  action[2] = valueAt(slice.values.y, row);
  return action;
}

/** The value between those of two cells; the direction may pass from 1 to -1. */
function valueAt(values, place) {
  const below = Math.min(Math.floor(place), values.length - 2);
  const value = values[below] + (place - below) * wrapped(values[below + 1] - values[below]);
  return value > 1 ? value - 2 : value;
}

/** A number of the cells, interpolated linearly between the four cells around a place. */
function between(slice, values, { column, row }) {
  const left = Math.min(Math.floor(column), slice.columns - 2);
  const low = Math.min(Math.floor(row), slice.rows - 2);
  const [right, up] = [column - left, row - low];
  const at = (dx, dy) => values[(low + dy) * slice.columns + left + dx];
  const along = (dy) => (1 - right) * at(0, dy) + right * at(1, dy);
  return (1 - up) * along(0) + up * along(1);
}

/** The place onto which an action falls when its other coordinates are dropped. */
function projected(slice, action) {
  return {
    column: placeIn(slice.values.x, action[slice.coordinate], slice.coordinate === 0),
    row: placeIn(slice.values.y, action[2], false),
  };
}

/** Fractional index of a value among evenly spaced values, which may be periodic in [-1, 1]. */
function placeIn(values, value, periodic) {
  const step = values.length > 1 ? wrapped(values[1] - values[0]) : 1;
  const distance = value - values[0];
  return (periodic ? (((distance % 2) + 2) % 2) : distance) / step;
}

function wrapped(difference) {
  return difference < -1 ? difference + 2 : difference;
}

/** Index of the largest value. */
function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** The cell of an index. */
function cellOf(slice, index) {
  return { column: index % slice.columns, row: Math.floor(index / slice.columns) };
}

/** The action at a place in words. */
function placeWords(slice, { column, row }) {
  const [x, y] = [shownAt(slice.shown.x, column), shownAt(slice.shown.y, row)];
  const degrees = x.toFixed(0).replace("-", "\u2212");
  const first = slice.coordinate === 0 ? `direction ${degrees}\u00b0` : `turn ${signed(x, 2)} rad`;
  return `${first}, swing ${signed(y, 2)} ${slice.swing.unit}`;
}

/** The shown number at a place of an axis. */
function shownAt(shown, place) {
  return shown[0] + (place / (shown.length - 1)) * (shown[shown.length - 1] - shown[0]);
}

/** What a slice shows, for drawMap. */
function mapOf(slice, values, most, marks, cursor) {
  const { columns, rows, x, y } = slice;
  return { values, most, columns, rows, x, y, marks, cursor };
}
