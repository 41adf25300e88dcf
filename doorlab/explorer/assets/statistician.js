// The decoder of the neural statistician: an image from the latents c (door) and z (frame).

const SEED_SIDE = 8; // pixels of the smallest feature map

/** Makes decode(c, z) -> Float32Array (3, side, side), colors from 0 to 1. */
function makeDecoder(stored) {
  const tensors = readTensors(stored.tensors);
  const fromLatents = layerOf(tensors, "from_latents.0");
  const seed = layerOf(tensors, "decoder.seed");
  const convolutions = [2, 5, 8].map((index) => layerOf(tensors, `decoder.layers.${index}`));
  const zooms = [2, 2, stored.zoom];
  return (c, z) => {
    checkLength(c, stored.context, "c");
    checkLength(z, stored.instance, "z");
    const features = each(linear(fromLatents, joined(c, z)), silu);
    let x = linear(seed, features);
    let side = SEED_SIDE;
    convolutions.forEach((layer, i) => {
      each(x, silu);
      const channels = layer.weight.shape[0] / zooms[i] ** 2;
      x = shufflePixels(convolve(layer, x, side), channels, side, zooms[i]);
      side *= zooms[i];
    });
    return each(x, sigmoid);
  };
}

function checkLength(values, length, name) {
  if (values.length !== length) {
    throw new Error(
      `Expected ${length} numbers of the latent ${name}, but got ${values.length}. ` +
        "Write the page again with `doorlab explore`.",
    );
  }
}

/** Copies an image (3, side, side) to the pixels (side, side, 4) of a canvas. */
function toPixels(image, side, pixels) {
  const size = side * side;
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) pixels[4 * i + c] = Math.round(255 * image[c * size + i]);
    pixels[4 * i + 3] = 255;
  }
}
