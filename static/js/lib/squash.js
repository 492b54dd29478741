// A picture as the network's photos were stored: turned as its camera was held, on white, squashed to a square.
// The arithmetic is that of the page in the download (nas/export/templates/demo.js); a test compares the two.
const MOST_PIXELS = 100_000_000;

/** Keys' cubic with a = -0.5, the filter of the squash that the training images went through. */
function cubic(x) {
  const t = Math.abs(x);
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/** For each of `to` places: the first of the `from` pixels that count, and their weights. */
function taps(from, to) {
  const scale = from / to;
  const wide = Math.max(scale, 1);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - 2 * wide + 0.5));
    const last = Math.min(from, Math.floor(centre + 2 * wide + 0.5));
    const weights = Array.from({ length: last - first }, (__, i) => cubic((first + i + 0.5 - centre) / wide));
    const total = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / total) };
  });
}

const byte = (value) => Math.min(255, Math.max(0, Math.round(value)));

/** RGBA pixels -> side x side RGB bytes; rows first, then columns, each rounded to bytes. */
export function squash({ data, width, height }, side) {
  const across = new Uint8ClampedArray(height * side * 3);
  taps(width, side).forEach(({ first, weights }, x) => {
    for (let y = 0; y < height; y += 1) {
      for (let c = 0; c < 3; c += 1) {
        let sum = 0;
        for (let i = 0; i < weights.length; i += 1) sum += weights[i] * data[4 * (y * width + first + i) + c];
        across[3 * (y * side + x) + c] = byte(sum);
      }
    }
  });
  const square = new Uint8Array(side * side * 3);
  taps(height, side).forEach(({ first, weights }, y) => {
    for (let at = 0; at < 3 * side; at += 1) {
      let sum = 0;
      for (let i = 0; i < weights.length; i += 1) sum += weights[i] * across[3 * side * (first + i) + at];
      square[3 * side * y + at] = byte(sum);
    }
  });
  return square;
}

/** Pixels of a picture, transparency on white. */
export function pixelsOf(bitmap) {
  if (bitmap.width * bitmap.height > MOST_PIXELS) throw new RangeError('too many pixels');
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
