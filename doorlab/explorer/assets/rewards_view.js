// Section "Rewards": predicted and true rewards on a slice; clicks record interactions.

const MOST_STD = 0.5; // largest standard deviation of a reward in [0, 1]

/** Builds the section. */
function startRewards(data, slices) {
  const view = { data, slices, door: 0, name: "direction", cursor: null, records: [] };
  view.canvases = {
    mean: byId("map-mean"), truth: byId("map-true"), std: byId("map-std"),
  };
  fillDoors(byId("reward-door"), data);
  byId("reward-door").addEventListener("change", (event) => {
    view.door = Number(event.target.value);
    view.records = [];
    view.cursor = null;
    refreshRewards(view);
  });
  byId("reward-slice").addEventListener("change", (event) => {
    view.name = event.target.value;
    view.cursor = null;
    refreshRewards(view);
  });
  byId("reward-best").addEventListener("click", () => {
    view.cursor = cellOf(view.slice, argmax(view.prediction.mean));
    record(view);
  });
  byId("reward-undo").addEventListener("click", () => {
    view.records.pop();
    refreshRewards(view);
  });
  byId("reward-clear").addEventListener("click", () => {
    view.records = [];
    refreshRewards(view);
  });
  for (const canvas of Object.values(view.canvases)) listenToMap(view, canvas);
  refreshRewards(view);
  return view;
}

function listenToMap(view, canvas) {
  const at = (event) => placeAt(canvas, view.slice, event.offsetX, event.offsetY);
  canvas.addEventListener("click", (event) => {
    const place = at(event);
    if (!place) return;
    view.cursor = place;
    record(view);
  });
  canvas.addEventListener("pointermove", (event) => {
    const place = at(event);
    if (event.pointerType !== "mouse" || !place) return; // a finger scrolls
    view.cursor = place;
    drawRewards(view);
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      record(view);
      return;
    }
    const arrow = arrowOf(event);
    if (!arrow) return;
    event.preventDefault();
    const { column, row } = view.cursor || middleOf(view.slice);
    view.cursor = {
      column: limited(Math.round(column) + arrow[0], view.slice.columns),
      row: limited(Math.round(row) + arrow[1], view.slice.rows),
    };
    drawRewards(view);
  });
}

/** Records the interaction under the cursor. */
function record(view) {
  if (!view.cursor) view.cursor = middleOf(view.slice);
  const { slice, cursor } = view;
  view.records.push({
    action: actionAt(slice, cursor),
    reward: between(slice, slice.truth, cursor),
    predicted: view.slices.predictAt(slice, view.state, cursor).mean,
    words: placeWords(slice, cursor),
    place: cursor,
    name: view.name,
  });
  refreshRewards(view);
}

/** Computes the prediction again, and draws everything. */
function refreshRewards(view) {
  guarded(() => {
    view.slice = view.slices.of(view.door, view.name);
    view.state = view.slices.condition(view.slice, view.records);
    view.prediction = view.slices.predict(view.slice, view.state);
    const door = view.data.doors[view.door];
    byId("reward-photo").src = door.frames[0];
    byId("reward-words").textContent = doorWords(door);
    byId("reward-undo").disabled = byId("reward-clear").disabled = !view.records.length;
    fillTable(
      byId("reward-table"),
      ["No.", "action", "predicted before", "true reward"],
      view.records.map((r, i) => [
        String(i + 1), r.words, r.predicted.toFixed(2), r.reward.toFixed(2),
      ]),
    );
    drawRewards(view);
  });
}

function drawRewards(view) {
  const { slice, prediction, cursor } = view;
  const marks = view.records
    .map((r, i) => ({ ...r.place, text: String(i + 1), name: r.name }))
    .filter((mark) => mark.name === view.name);
  drawMap(view.canvases.mean, mapOf(slice, prediction.mean, 1, marks, cursor));
  drawMap(view.canvases.truth, mapOf(slice, slice.truth, 1, marks, cursor));
  drawMap(view.canvases.std, mapOf(slice, prediction.std, MOST_STD, marks, cursor));
  const labels = { mean: "Predicted mean", truth: "True reward", std: "Standard deviation" };
  const readout = readoutOf(view);
  for (const [name, canvas] of Object.entries(view.canvases)) {
    canvas.setAttribute(
      "aria-label", `${labels[name]}. Arrow keys move, Enter records. ${readout}`,
    );
  }
  byId("reward-readout").textContent = readout;
}

function readoutOf({ slices, slice, state, prediction, cursor, records }) {
  const known = records.length === 1 ? "1 interaction" : `${records.length} interactions`;
  if (!cursor) {
    const error = meanError(prediction.mean, slice.truth);
    const found = `mean absolute error on this slice ${error.toFixed(3)}`;
    return `After ${known}: ${found}. Choose an action.`;
  }
  const { mean, std } = slices.predictAt(slice, state, cursor);
  const numbers = [
    `predicted mean ${mean.toFixed(2)}`,
    `standard deviation ${std.toFixed(2)}`,
    `true reward ${between(slice, slice.truth, cursor).toFixed(2)}`,
  ];
  return `After ${known}, at ${placeWords(slice, cursor)}: ${numbers.join(", ")}.`;
}

function meanError(predicted, truth) {
  return predicted.reduce((sum, value, i) => sum + Math.abs(value - truth[i]), 0) / truth.length;
}

function middleOf(slice) {
  return { column: Math.floor(slice.columns / 2), row: Math.floor(slice.rows / 2) };
}
