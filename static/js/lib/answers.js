// Answers of a model: the sentence, the bars, the heat map over a photo.
import { el } from './dom.js';
import { percent } from './format.js';
import { fill, gettext } from './words.js';

const SHOWN = 5;

/** Best first: `{ value, label, index }`. */
export function ranked(values, labels) {
  return values.map((value, index) => ({ value, label: labels[index], index })).sort((a, b) => b.value - a.value).slice(0, SHOWN);
}

/** What the model says, or that it does not know. */
export function sentence([best], threshold) {
  if (best.value >= threshold) return best.label;
  return fill(gettext('I don’t know. The best guess, %(label)s, is too unsure.'), { label: best.label });
}

export function bars(best) {
  return best.map(({ value, label }) => el('li', {},
    el('span', { class: 'text-clip', text: label, title: label }),
    el('progress', { max: '1', value: String(value), 'aria-label': label }),
    el('span', { class: 'num', text: percent(value) })));
}

// Black-red-yellow-white: lightness alone tells high from low, for every eye and on every photo.
const STOPS = [[0, 0, 0], [150, 20, 30], [255, 190, 40], [255, 255, 240]];

function tint(share) {
  const at = Math.min(STOPS.length - 1.0001, Math.max(0, share * (STOPS.length - 1)));
  const [low, high] = [STOPS[Math.floor(at)], STOPS[Math.floor(at) + 1]];
  return low.map((value, i) => value + (at - Math.floor(at)) * (high[i] - value));
}

/** Paints a map of `width` x `height` values, the highest brightest; the browser smooths it over the photo. */
export function paintHeat(canvas, { values, width, height }) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const image = new ImageData(width, height);
  values.forEach((value, i) => image.data.set([...tint((value - low) / (high - low || 1)), 255], 4 * i));
  canvas.width = width;
  canvas.height = height;
  canvas.getContext('2d').putImageData(image, 0, 0);
}
