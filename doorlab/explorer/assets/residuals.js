// The Gaussian process on the residuals of the neural process: `doorlab.bandit.residual_gp`, which
// documents it. Policies choose actions with the corrected predictions.

/**
 * A process of `makeProcess` with corrected predictions; it has the same functions.
 *
 * settings: {lengthscales (of each feature of an action), noise}
 */
function withResiduals(process, settings) {
  const scaled = (actions) => scaledFeatures(actions, settings.lengthscales);
  return {
    condition(embedding, interactions) {
      const state = process.condition(embedding, interactions);
      const actions = interactions.flatMap(({ action }) => action);
      const { mean } = process.predict(state, process.featuresOf(actions));
      const residuals = interactions.map(({ reward }, i) => reward - mean[i]);
      return { state, fit: fitResiduals(scaled(actions), residuals, settings.noise) };
    },
    featuresOf: (actions) => ({ own: process.featuresOf(actions), scaled: scaled(actions) }),
    predict({ state, fit }, { own, scaled: at }) {
      const prediction = process.predict(state, own);
      return fit.points.length ? corrected(prediction, fit, at) : prediction;
    },
  };
}

/** Rows of features of actions, divided by the lengthscales. */
function scaledFeatures(actions, lengthscales) {
  const features = actionFeatures(actions);
  return Array.from({ length: actions.length / ACTION }, (_, i) =>
    lengthscales.map((length, k) => features[i * FEATURES + k] / length),
  );
}

function fitResiduals(points, residuals, noise) {
  const correlations = points.map((a, i) =>
    points.map((b, k) => matern(a, b) + (i === k ? noise ** 2 : 0)),
  );
  const factor = cholesky(correlations);
  return { points, factor, weights: backward(factor, forward(factor, residuals)) };
}

/** Moments that rewards in [0, 1] can have: `residual_gp.bounded` of corrected moments. */
function corrected({ mean, std }, { points, factor, weights }, at) {
  const moments = { mean: new Float32Array(at.length), std: new Float32Array(at.length) };
  at.forEach((features, i) => {
    const across = points.map((point) => matern(features, point));
    const shift = across.reduce((sum, value, k) => sum + value * weights[k], 0);
    const explained = forward(factor, across).reduce((sum, value) => sum + value * value, 0);
    const m = Math.min(Math.max(mean[i] + shift, 0), 1);
    const s = std[i] * Math.sqrt(Math.max(1 - explained, 0) + 1e-6);
    moments.mean[i] = m;
    moments.std[i] = Math.min(s, Math.sqrt(m * (1 - m)));
  });
  return moments;
}

/** Matern-5/2 correlation of points in units of their lengthscales. */
function matern(a, b) {
  const z = Math.sqrt(5 * a.reduce((sum, value, k) => sum + (value - b[k]) ** 2, 0));
  return (1 + z + (z * z) / 3) * Math.exp(-z);
}

/** Lower triangular L with L L^T = matrix. */
function cholesky(matrix) {
  const factor = matrix.map((row) => row.map(() => 0));
  matrix.forEach((row, i) => {
    for (let k = 0; k <= i; k++) {
      let rest = row[k];
      for (let j = 0; j < k; j++) rest -= factor[i][j] * factor[k][j];
      factor[i][k] = i === k ? Math.sqrt(rest) : rest / factor[k][k];
    }
  });
  return factor;
}

/** Solves L x = y. */
function forward(factor, y) {
  const x = [];
  factor.forEach((row, i) => {
    let rest = y[i];
    for (let k = 0; k < i; k++) rest -= row[k] * x[k];
    x.push(rest / row[i]);
  });
  return x;
}

/** Solves L^T x = y. */
function backward(factor, y) {
  const x = y.slice();
  for (let i = y.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < y.length; k++) x[i] -= factor[k][i] * x[k];
    x[i] /= factor[i][i];
  }
  return x;
}
