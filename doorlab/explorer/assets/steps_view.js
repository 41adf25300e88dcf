// Section "Steps of a policy": recorded rollouts, or greedy choices on the slice, step by step.

const GREEDY_STEPS = 8;

/** Builds the section. */
function startSteps(data, slices) {
  const view = { data, slices, policy: 0, door: 0, name: "turn", done: 0 };
  const greedy = { label: `${data.model}, greedy on the slice (computed here)`, greedy: true };
  view.policies = [...data.policies, greedy];
  byId("step-policy").append(
    ...view.policies.map(({ label, greedy: here }, i) =>
      element("option", { value: i }, here ? label : `${label} (recorded)`),
    ),
  );
  fillDoors(byId("step-door"), data);
  const change = (id, key, read) =>
    byId(id).addEventListener("change", (event) => {
      view[key] = read(event.target.value);
      restart(view);
    });
  change("step-policy", "policy", Number);
  change("step-door", "door", Number);
  change("step-slice", "name", String);
  byId("step-range").addEventListener("input", (event) => stepTo(view, Number(event.target.value)));
  byId("step-next").addEventListener("click", () => stepTo(view, view.done + 1));
  byId("step-previous").addEventListener("click", () => stepTo(view, view.done - 1));
  listenToKeys(view);
  restart(view);
  return view;
}

function listenToKeys(view) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.tagName === "SELECT") return; // letters choose an option there
    const key = event.key.toLowerCase();
    if (key === "n") stepTo(view, view.done + 1);
    if (key === "p") stepTo(view, view.done - 1);
  });
}

/** Reads or computes the interactions of the policy with the door. */
function restart(view) {
  guarded(() => {
    const policy = view.policies[view.policy];
    view.slice = view.slices.of(view.door, view.name);
    view.steps = policy.greedy ? greedySteps(view) : policy.doors[view.door] || [];
    byId("step-range").max = view.steps.length;
    byId("step-note").textContent = noteOf(policy, view.steps.length);
    fillStrip(byId("step-strip"), openingsOf(view), view.steps, (done) => stepTo(view, done));
    stepTo(view, 0);
  });
}

function noteOf(policy, count) {
  if (!count) return "This policy has no recorded interactions with this door.";
  if (policy.greedy) {
    return (
      "Greedy on the slice: the cell with the best predicted mean, out of this slice only. The " +
      "two other coordinates are the oracle's. A policy without that help has to search all four."
    );
  }
  return (
    "Recorded by doorlab bandit in all four coordinates. The map shows two of them: an action " +
    "whose other coordinates differ from those of the slice can have another reward than its " +
    "place on the map. Predictions use the policy's interactions, whatever the policy itself knows."
  );
}

/** Chooses the best predicted cell, records its true reward, and repeats. */
function greedySteps(view) {
  const steps = [];
  for (let i = 0; i < GREEDY_STEPS; i++) {
    const { mean } = view.slices.predict(view.slice, view.slices.condition(view.slice, steps));
    const best = argmax(mean);
    const cell = cellOf(view.slice, best);
    const action = actionAt(view.slice, cell);
    const oracle = view.data.doors[view.door].slices.words;
    const swing = `${signed(view.slice.shown.y[cell.row], 2)} ${view.slice.swing.unit}`;
    const x = view.slice.shown.x[cell.column];
    const varied =
      view.name === "turn" ? { turn: `${signed(x, 2)} rad` } : { direction: `${x}\u00b0` };
    steps.push({ action, reward: view.slice.truth[best], words: { ...oracle, swing, ...varied } });
  }
  return steps;
}

function openingsOf(view) {
  return view.data.doors[view.door].openings;
}

function stepTo(view, done) {
  view.done = Math.min(Math.max(done, 0), view.steps.length);
  guarded(() => {
    drawSteps(view);
    const reward = view.done ? view.steps[view.done - 1].reward : 0;
    playFilm(byId("step-film"), openingsOf(view), reward);
    const words = view.done ? `after interaction ${view.done}` : "before the first interaction";
    byId("step-film").alt = `The door ${words}: opened by ${reward.toFixed(2)} of its range`;
    press(byId("step-strip"), view.done - 1);
  });
}

function drawSteps(view) {
  const { slice, steps, done } = view;
  const state = view.slices.condition(slice, steps.slice(0, done));
  const { mean, std } = view.slices.predict(slice, state);
  const marks = steps.slice(0, done).map((step, i) => ({
    ...projected(slice, step.action), text: String(i + 1),
  }));
  if (done < steps.length) marks.push({ ...projected(slice, steps[done].action), ring: true });
  drawMap(byId("step-mean"), mapOf(slice, mean, 1, marks, null));
  drawMap(byId("step-true"), mapOf(slice, slice.truth, 1, marks, null));
  drawBars(byId("step-bars"), steps.map(({ reward }) => reward), done);
  byId("step-range").value = done;
  byId("step-count").textContent = `${done} of ${steps.length}`;
  byId("step-previous").disabled = done === 0;
  byId("step-next").disabled = done === steps.length;
  byId("step-readout").textContent = stepWords(view, Math.max(...mean), std[argmax(mean)]);
  fillTable(
    byId("step-table"),
    ["No.", "direction", "radius", "swing", "turn", "reward"],
    steps.map(({ words, reward }, i) => [
      String(i + 1), words.direction, words.radius, words.swing, words.turn,
      i < done ? reward.toFixed(2) : "\u2013",
    ]),
    done - 1,
  );
}

function stepWords({ steps, done }, best, std) {
  const seen = done === 1 ? "1 interaction" : `${done} interactions`;
  const last = done ? `the reward of the last is ${steps[done - 1].reward.toFixed(2)}; ` : "";
  return (
    `After ${seen}: ${last}the best predicted mean on this slice is ${best.toFixed(2)} ` +
    `(standard deviation ${std.toFixed(2)}).`
  );
}
