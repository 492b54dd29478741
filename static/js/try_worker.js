// Runs a model in WebAssembly beside the page, so that the page stays smooth: answers, times, heat maps.
import { pixelsOf, squash } from './lib/squash.js';

const PATCHES = 6; // an occlusion map has so many patches in each direction
const GREY = 128;
const WARM_UP = 3;
const MOST_RUNS = 30;
const TIME_MS = 1500;

let ort;
let files;
let side;
const sessions = new Map();
const squares = new Map(); // id -> square of the photos that the page still shows

async function begin(message) {
  ort = await import(message.runtime);
  Object.assign(ort.env.wasm, { wasmPaths: { wasm: message.wasm }, numThreads: 1, proxy: false });
  ort.env.logLevel = 'error';
  ({ files, side } = message);
  await sessionOf('fp32');
}

/** The session of a file, opened at its first use. */
function sessionOf(name) {
  if (!sessions.has(name)) {
    const opened = fetch(files[name]).then((response) => {
      if (!response.ok) throw new Error('missing');
      return response.arrayBuffer();
    }).then((content) => ort.InferenceSession.create(new Uint8Array(content), { executionProviders: ['wasm'] }));
    opened.catch(() => sessions.delete(name)); // the next use tries again
    sessions.set(name, opened);
  }
  return sessions.get(name);
}

const tensorOf = (square) => new ort.Tensor('uint8', square, [1, side, side, 3]);

async function run(session, square) {
  const started = performance.now();
  const found = await session.run({ image: tensorOf(square) });
  return { found, milliseconds: performance.now() - started };
}

async function squareOf({ picture }) {
  const bitmap = picture instanceof ImageBitmap ? picture : await createImageBitmap(picture, { imageOrientation: 'from-image' });
  try {
    return squash(pixelsOf(bitmap), side);
  } finally {
    bitmap.close();
  }
}

/** Probabilities in the order of the labels; a photo with an id is kept for maps and times. */
async function classify(message) {
  const square = squares.get(message.id) ?? await squareOf(message);
  if (message.id != null) squares.set(message.id, square);
  const { found, milliseconds } = await run(await sessionOf(message.precision), square);
  return { values: Array.from(found.probabilities.data), milliseconds };
}

/** Median of several runs after a warm-up, of one photo. */
async function time({ id, precision }) {
  const session = await sessionOf(precision);
  const square = squares.get(id);
  for (let i = 0; i < WARM_UP; i += 1) await run(session, square);
  const samples = [];
  const until = performance.now() + TIME_MS;
  while (samples.length < 5 || (samples.length < MOST_RUNS && performance.now() < until)) {
    samples.push((await run(session, square)).milliseconds);
    await new Promise((resolve) => { setTimeout(resolve); }); // lets messages in
  }
  samples.sort((a, b) => a - b);
  return { median: samples[Math.floor(samples.length / 2)], runs: samples.length };
}

async function activation(square, label) {
  const { found } = await run(await sessionOf('maps'), square);
  const [, , height, width] = found.map.dims;
  const start = label * height * width;
  return { values: Array.from(found.map.data.slice(start, start + height * width)), height, width };
}

/** How much the probability of a class falls while a patch of the photo is grey. */
async function occlusion(square, label, precision) {
  const session = await sessionOf(precision);
  const before = (await run(session, square)).found.probabilities.data[label];
  const edges = Array.from({ length: PATCHES + 1 }, (_, i) => Math.round((i * side) / PATCHES));
  const values = [];
  for (let row = 0; row < PATCHES; row += 1) {
    for (let column = 0; column < PATCHES; column += 1) {
      const hidden = square.slice();
      for (let y = edges[row]; y < edges[row + 1]; y += 1) hidden.fill(GREY, 3 * (y * side + edges[column]), 3 * (y * side + edges[column + 1]));
      values.push(before - (await run(session, hidden)).found.probabilities.data[label]);
    }
  }
  return { values, height: PATCHES, width: PATCHES };
}

async function heat({ id, label, precision }) {
  const square = squares.get(id);
  if (files.maps) return { kind: 'activation', ...await activation(square, label) };
  return { kind: 'occlusion', ...await occlusion(square, label, precision) };
}

const ACTIONS = { begin, classify, time, heat, forget: ({ id }) => { squares.delete(id); } };

/** What went wrong, as a word that the page has a sentence for. */
function reasonOf(error) {
  if (error instanceof RangeError && error.message === 'too many pixels') return 'pixels';
  if (error.name === 'InvalidStateError' || error.name === 'EncodingError') return 'picture';
  return error.message === 'missing' ? 'missing' : String(error.message ?? error).slice(0, 200);
}

let last = Promise.resolve();

// One after the other: two runs at once would spoil each other's times.
onmessage = ({ data }) => {
  last = last.then(async () => {
    try {
      postMessage({ call: data.call, answer: await ACTIONS[data.kind](data) });
    } catch (error) {
      postMessage({ call: data.call, refused: reasonOf(error) });
    }
  });
};
