// Numbers of neural networks: tensors from base64, linear layers, convolutions and activations.
// Arrays are Float32Array in row-major order; sums are computed in double precision.

/** Reads one tensor of the page: {shape, type, data} -> {shape, values}. */
function readTensor(stored, name) {
  const bytes = Uint8Array.from(atob(stored.data), (letter) => letter.charCodeAt(0));
  const size = stored.shape.reduce((product, length) => product * length, 1);
  const width = stored.type === "float16" ? 2 : 4;
  if (bytes.length !== size * width) {
    throw new Error(
      `Expected ${size * width} bytes of the tensor ${name}, but got ${bytes.length}. ` +
        "Write the page again with `doorlab explore`.",
    );
  }
  const values =
    width === 2 ? fromHalf(new Uint16Array(bytes.buffer)) : new Float32Array(bytes.buffer);
  return { shape: stored.shape, values };
}

/** Reads all tensors by name; `tensors(name)` throws for an unknown name. */
function readTensors(stored) {
  const found = {};
  for (const [name, tensor] of Object.entries(stored)) found[name] = readTensor(tensor, name);
  return (name) => {
    if (!(name in found)) {
      throw new Error(
        `Expected the tensor ${name} in the page, but got none. ` +
          "Write the page again with `doorlab explore`.",
      );
    }
    return found[name];
  };
}

/** Half-precision numbers, given by their bits, as float32. */
function fromHalf(bits) {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const sign = bits[i] & 0x8000 ? -1 : 1;
    const exponent = (bits[i] >> 10) & 31;
    const fraction = (bits[i] & 1023) / 1024;
    if (exponent === 0) values[i] = sign * fraction * 2 ** -14;
    else if (exponent === 31) values[i] = fraction ? NaN : sign * Infinity;
    else values[i] = sign * (1 + fraction) * 2 ** (exponent - 15);
  }
  return values;
}

/** A linear layer on `rows` rows of x: x W^T + b. `layer` is {weight: {shape, values}, bias}. */
function linear(layer, x, rows = 1) {
  const [outputs, inputs] = layer.weight.shape;
  const weight = layer.weight.values;
  const bias = layer.bias.values;
  const y = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    dotRows(weight, bias, x, row * inputs, inputs, outputs, y, row * outputs, 1);
  }
  return y;
}

/** The layer of that name: its weight and bias. */
function layerOf(tensors, name) {
  return { weight: tensors(`${name}.weight`), bias: tensors(`${name}.bias`) };
}

/**
 * Products of a vector, x[at .. at + inputs], with all rows of a matrix, plus the bias. Four rows
 * share each number of x that is read. The results lie `stride` apart in y.
 */
function dotRows(weight, bias, x, at, inputs, outputs, y, to, stride) {
  let o = 0;
  for (; o + 4 <= outputs; o += 4) {
    let a = bias[o], b = bias[o + 1], c = bias[o + 2], d = bias[o + 3];
    let w0 = o * inputs;
    let w1 = w0 + inputs;
    let w2 = w1 + inputs;
    let w3 = w2 + inputs;
    for (let i = at; i < at + inputs; i++) {
      const value = x[i];
      a += value * weight[w0++];
      b += value * weight[w1++];
      c += value * weight[w2++];
      d += value * weight[w3++];
    }
    y[to + o * stride] = a;
    y[to + (o + 1) * stride] = b;
    y[to + (o + 2) * stride] = c;
    y[to + (o + 3) * stride] = d;
  }
  for (; o < outputs; o++) {
    let sum = bias[o];
    for (let i = 0; i < inputs; i++) sum += x[at + i] * weight[o * inputs + i];
    y[to + o * stride] = sum;
  }
}

/** A convolution (3 x 3, zero padding) of square maps (channels, side, side). */
function convolve(layer, x, side) {
  const [outputs, inputs] = layer.weight.shape;
  const wide = side + 2;
  const padded = new Float32Array(inputs * wide * wide);
  for (let c = 0; c < inputs; c++) {
    for (let row = 0; row < side; row++) {
      const from = (c * side + row) * side;
      padded.set(x.subarray(from, from + side), (c * wide + row + 1) * wide + 1);
    }
  }
  const patch = new Float32Array(inputs * 9);
  const y = new Float32Array(outputs * side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      gather(padded, inputs, wide, row, column, patch);
      const to = row * side + column;
      dotRows(
        layer.weight.values, layer.bias.values, patch, 0, patch.length, outputs, y, to,
        side * side,
      );
    }
  }
  return y;
}

/** Copies the 3 x 3 surroundings of a pixel in all channels. */
function gather(padded, channels, wide, row, column, patch) {
  let k = 0;
  for (let c = 0; c < channels; c++) {
    let at = (c * wide + row) * wide + column;
    for (let line = 0; line < 3; line++, at += wide) {
      patch[k++] = padded[at];
      patch[k++] = padded[at + 1];
      patch[k++] = padded[at + 2];
    }
  }
}

/** Maps (channels * zoom^2, side, side) -> (channels, side * zoom, side * zoom). */
function shufflePixels(x, channels, side, zoom) {
  const wide = side * zoom;
  const y = new Float32Array(x.length);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < zoom * zoom; i++) {
      const down = Math.floor(i / zoom);
      const right = i % zoom;
      let from = (c * zoom * zoom + i) * side * side;
      for (let row = 0; row < side; row++) {
        let to = (c * wide + row * zoom + down) * wide + right;
        for (let column = 0; column < side; column++, to += zoom) y[to] = x[from++];
      }
    }
  }
  return y;
}

/** Applies a function of one number to all numbers of an array, in place. */
function each(x, activation) {
  for (let i = 0; i < x.length; i++) x[i] = activation(x[i]);
  return x;
}

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

function silu(x) {
  return x / (1 + Math.exp(-x));
}

function softplus(x) {
  return x > 20 ? x : Math.log1p(Math.exp(x));
}

function gelu(x) {
  return 0.5 * x * erfc(-x * Math.SQRT1_2);
}

const ERFC = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398,
  1.48851587, -0.82215223, 0.17087277,
];

/** Complementary error function; relative error below 1.2e-7 (Press et al. 1992, section 6.2). */
function erfc(x) {
  const size = Math.abs(x);
  const t = 1 / (1 + 0.5 * size);
  let sum = ERFC[9];
  for (let i = 8; i >= 0; i--) sum = sum * t + ERFC[i];
  const tail = t * Math.exp(-size * size + sum);
  return x >= 0 ? tail : 2 - tail;
}

/** Concatenates arrays. */
function joined(...arrays) {
  const y = new Float32Array(arrays.reduce((total, array) => total + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    y.set(array, at);
    at += array.length;
  }
  return y;
}
