// Attention of actions to interactions, of an attentive neural process: `processes.attentive_np`
// and `MaskedAttention` of `nn.attention`. All functions compute the same as the Python ones.

function readAttention(tensors, heads) {
  const layer = (name) => layerOf(tensors, `attention.${name}`);
  return {
    heads,
    place: layer("place"),
    modulation: [layer("modulation.0"), layer("modulation.2")],
    read: layer("read.1"),
    content: [layer("content.0.0"), layer("content.0.2")],
    toQuery: layer("attention.to_query"),
    toKey: layer("attention.to_key"),
    toValue: layer("attention.to_value"),
    output: layer("attention.output"),
    nullKey: tensors("attention.attention.null_key").values,
    nothing: tensors("attention.attention.nothing_value").values,
  };
}

/** Keys and values of the interactions, followed by those of the learned member. */
function memoryOf(net, e, interactions) {
  const film = filmOf(net.modulation, e);
  const count = interactions.length;
  const features = interactions.map(({ action }) => actionFeatures(action));
  const pairs = interactions.map(({ reward }, i) => joined(features[i], [reward]));
  const places = seen(net, film, joined(...features), count);
  const contents = each(mlp(net.content, joined(...pairs), count), gelu);
  return {
    film,
    keys: joined(linear(net.toKey, places, count), net.nullKey),
    values: joined(linear(net.toValue, contents, count), net.nothing),
  };
}

/** Attention output of every action; `features` are those of `actionFeatures`. */
function recalled(net, memory, features) {
  const rows = features.length / FEATURES;
  const queries = linear(net.toQuery, seen(net, memory.film, features, rows), rows);
  const size = net.nothing.length;
  const y = new Float32Array(queries.length);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < net.heads; head++) attend(net, memory, queries, row * size, head, y);
  }
  return linear(net.output, y, rows);
}

/** One head of one query: values, weighted by the softmax of scaled products with the keys. */
function attend({ heads, nothing }, { keys, values }, queries, at, head, y) {
  const size = nothing.length;
  const width = size / heads;
  const members = keys.length / size;
  const from = head * width;
  const scores = Array.from({ length: members }, (_, n) => {
    let sum = 0;
    for (let k = from; k < from + width; k++) sum += queries[at + k] * keys[n * size + k];
    return sum / Math.sqrt(width);
  });
  const most = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - most));
  const total = weights.reduce((a, b) => a + b, 0);
  for (let k = from; k < from + width; k++) {
    let sum = 0;
    for (let n = 0; n < members; n++) sum += weights[n] * values[n * size + k];
    y[at + k] = sum / total;
  }
}

/** Features of actions, modulated by the door. */
function seen(net, { scale, shift }, features, rows) {
  const h = linear(net.place, features, rows);
  for (let i = 0; i < h.length; i++) {
    const k = i % scale.length;
    h[i] = gelu(h[i] * (1 + scale[k]) + shift[k]);
  }
  return each(linear(net.read, h, rows), gelu);
}
