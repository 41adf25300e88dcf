// The neural process: reward distributions of actions, from a door's embedding and interactions.
// An action has four normalized coordinates: phi, radius, swing, turn.

const FEATURES = 5; // of an action: phi as sine and cosine, and the other coordinates
const ACTION = 4;
const END = 0.01; // rewards up to END count as 0, from 1 - END on as 1

/**
 * Makes a process with three functions. They split a prediction in two steps, so that many actions
 * share one state, and many states share the features of the actions:
 *
 * condition(embedding, interactions) -> state; interactions are [{action, reward}]
 * featuresOf(actions)                -> features; actions are a flat array, possibly empty
 * predict(state, features)           -> {mean, std}, one number per action
 */
function makeProcess(stored) {
  const tensors = readTensors(stored.tensors);
  const layers = (name, ...ends) => ends.map((end) => layerOf(tensors, `${name}.${end}`));
  const net = {
    stored,
    center: tensors("whiten.center").values,
    matrix: tensors("whiten.matrix").values,
    pair: layerOf(tensors, "interactions.pair"),
    modulation: layers("interactions.modulation", 0, 2),
    read: layerOf(tensors, "interactions.read.1"),
    pooled: layers("interactions.pooled", 0, 2),
    toLatent: stored.kind === "latent" ? layerOf(tensors, "to_u.1.linear") : null,
    noise: stored.kind === "latent" ? tensors("noise").values : null,
    action: layers("decoder.action", 0, 2),
    reading: layers("decoder.modulation", 0, 2),
    output: layers("decoder.output", 0, 2),
    attention: stored.heads ? readAttention(tensors, stored.heads) : null,
  };
  return {
    condition: (embedding, interactions) => condition(net, embedding, interactions),
    featuresOf(actions) {
      const raw = actionFeatures(actions);
      return { raw, hidden: mlp(net.action, raw, actions.length / ACTION) };
    },
    predict: (state, features) => predict(net, state, features),
  };
}

/** Two linear layers with a GELU between them. */
function mlp([first, second], x, rows = 1) {
  return linear(second, each(linear(first, x, rows), gelu), rows);
}

function actionFeatures(actions) {
  const count = actions.length / ACTION;
  const y = new Float32Array(count * FEATURES);
  for (let i = 0; i < count; i++) {
    const phi = Math.PI * actions[i * ACTION];
    const rest = [1, 2, 3].map((k) => actions[i * ACTION + k]);
    y.set([Math.sin(phi), Math.cos(phi), ...rest], i * FEATURES);
  }
  return y;
}

/** Scale and shift of the action features, one for each sample of u; memory of the attention. */
function condition(net, embedding, interactions) {
  const e = whitened(net, embedding);
  const pooled = encodeInteractions(net, e, interactions);
  return {
    films: latentSamples(net, pooled).map((u) => filmOf(net.reading, joined(e, u))),
    memory: net.attention && memoryOf(net.attention, e, interactions),
  };
}

/** Scale and shift that two layers compute from x. */
function filmOf(pair, x) {
  const both = mlp(pair, x);
  const half = both.length / 2;
  return { scale: both.subarray(0, half), shift: both.subarray(half) };
}

function whitened(net, embedding) {
  const size = embedding.length;
  const y = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let k = 0; k < size; k++) {
      sum += (embedding[k] - net.center[k]) * net.matrix[k * size + i];
    }
    y[i] = sum;
  }
  return y;
}

function encodeInteractions(net, e, interactions) {
  const { scale, shift } = filmOf(net.modulation, e);
  const hidden = scale.length;
  const count = interactions.length;
  const pairs = new Float32Array(count * (FEATURES + 1));
  interactions.forEach(({ action, reward }, i) => {
    pairs.set([...actionFeatures(action), reward], i * (FEATURES + 1));
  });
  const h = linear(net.pair, pairs, count);
  for (let i = 0; i < h.length; i++) {
    const k = i % hidden;
    h[i] = gelu(h[i] * (1 + scale[k]) + shift[k]);
  }
  const rewards = interactions.map(({ reward }) => reward);
  return mlp(net.pooled, pool(net, linear(net.read, h, count), rewards, hidden));
}

/** Pools the features of interactions: `AGGREGATORS` of doorlab.nn.pooling. */
function pool(net, h, rewards, hidden) {
  const count = rewards.length;
  const mean = weightedMean(h, rewards.map(() => 1), hidden, Math.max(count, 1));
  if (net.stored.aggregator === "mean") return mean;
  const failures = rewards.map((r) => 1 - r);
  const part = (weights) =>
    weightedMean(h, weights, hidden, weights.reduce((a, b) => a + b, 0) + 0.1);
  return joined(mean, part(rewards), part(failures), [Math.log1p(count)]);
}

function weightedMean(h, weights, hidden, total) {
  const y = new Float32Array(hidden);
  for (let k = 0; k < hidden; k++) {
    let sum = 0;
    for (let i = 0; i < weights.length; i++) sum += h[i * hidden + k] * weights[i];
    y[k] = sum / total;
  }
  return y;
}

/** Samples of u: mean + std * fixed noise; for a conditional process, u itself. */
function latentSamples(net, pooled) {
  if (!net.toLatent) return [pooled];
  const both = linear(net.toLatent, each(pooled, gelu));
  const size = both.length / 2;
  const samples = [];
  for (let s = 0; s < net.noise.length / size; s++) {
    const u = new Float32Array(size);
    for (let k = 0; k < size; k++) {
      const std = net.stored.least_std + softplus(both[size + k] + net.stored.offset);
      u[k] = both[k] + std * net.noise[s * size + k];
    }
    samples.push(u);
  }
  return samples;
}

/** Mean and standard deviation of the mixture over samples of u. */
function predict(net, { films, memory }, { raw, hidden }) {
  const count = raw.length / FEATURES;
  const added = memory && recalled(net.attention, memory, raw);
  const moments = films.map((film) => momentsOf(net, film, hidden, added, count));
  const mean = new Float32Array(count);
  const std = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let total = 0;
    for (const m of moments) total += m.mean[i];
    mean[i] = total / moments.length;
    let variance = 0;
    for (const m of moments) variance += m.noise[i] + (m.mean[i] - mean[i]) ** 2;
    std[i] = Math.sqrt(variance / moments.length);
  }
  return { mean, std };
}

/** Means, and the largest possible variances, of the rewards under one sample of u. */
function momentsOf(net, film, features, added, count) {
  const h = new Float32Array(features.length);
  for (let i = 0; i < h.length; i++) {
    const k = i % film.scale.length;
    h[i] = film.shift[k] + features[i] * film.scale[k] + (added ? added[i] : 0);
  }
  const raw = mlp(net.output, h, count);
  const outputs = raw.length / count;
  const head = net.stored.head === "inflated_beta" ? inflatedBeta : gaussian;
  const mean = new Float32Array(count);
  const noise = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const [m, std] = head(raw.subarray(i * outputs, (i + 1) * outputs));
    mean[i] = m;
    noise[i] = Math.max(Math.min(std * std, m * (1 - m)), 1e-12);
  }
  return { mean, noise };
}

/** Mean and standard deviation of the heads "gaussian" and "soft_bernoulli". */
function gaussian(raw) {
  return [sigmoid(raw[0] - 2), 0.02 + 0.3 * softplus(raw[1])];
}

/** Mean and standard deviation of the head "inflated_beta". */
function inflatedBeta(raw) {
  const weights = [raw[0] + 1, raw[1] - 2, 0].map(Math.exp);
  const total = weights[0] + weights[1] + weights[2];
  const [closed, opened, between] = weights.map((weight) => weight / total);
  const a = 1 + Math.min(softplus(raw[2]), 1000);
  const b = 1 + Math.min(softplus(raw[3] + 1), 1000);
  const width = 1 - 2 * END;
  const share = a / (a + b);
  const spread = (width ** 2 * share * (1 - share)) / (a + b + 1);
  const inner = END + width * share;
  const mean = opened + between * inner;
  const ends = closed * mean ** 2 + opened * (1 - mean) ** 2;
  return [mean, Math.sqrt(Math.max(ends + between * (spread + (inner - mean) ** 2), 1e-8))];
}
