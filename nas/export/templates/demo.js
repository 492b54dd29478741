// Photo in, answer out, in the browser: onnxruntime-web and model.onnx lie beside this file, nothing else is loaded.
import * as ort from './ort.wasm.bundle.min.mjs';

const $ = (id) => document.getElementById(id);
const MOST_PIXELS = 100_000_000;
const SHOWN = 5;

ort.env.wasm.wasmPaths = { wasm: new URL('ort-wasm-simd-threaded.wasm', import.meta.url).href };
ort.env.wasm.numThreads = 1;

let facts;
let session;
let taken = 0; // photos so far: only the answer to the last one is shown

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
function squash({ data, width, height }, side) {
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

/** Pixels of a picture, turned as its camera was held, transparency on white. */
function pixelsOf(bitmap) {
  if (bitmap.width * bitmap.height > MOST_PIXELS) throw new Error('This photo has more than 100 million pixels. Make it smaller.');
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** Probabilities, in the order of the labels, and the milliseconds of the network. */
async function classify(blob) {
  const bitmap = await createImageBitmap(blob, { imageOrientation: 'from-image' });
  const square = squash(pixelsOf(bitmap), facts.side);
  bitmap.close();
  const image = new ort.Tensor('uint8', square, [1, facts.side, facts.side, 3]);
  const started = performance.now();
  const { probabilities } = await session.run({ image });
  return { values: Array.from(probabilities.data), milliseconds: performance.now() - started };
}

function show({ values, milliseconds }) {
  const best = values.map((value, i) => ({ value, label: facts.labels[i] })).sort((a, b) => b.value - a.value).slice(0, SHOWN);
  $('said').textContent = best[0].value >= facts.threshold
    ? `${best[0].label}, in ${milliseconds.toFixed(1)} ms on this device.`
    : `I don't know: the best guess, ${best[0].label}, is too unsure.`;
  $('answers').hidden = false;
  $('answers').tBodies[0].replaceChildren(...best.map(({ value, label }) => {
    const row = document.createElement('tr');
    const [name, bar, number] = ['label', 'bar', 'number'].map((kind) => Object.assign(row.insertCell(), { className: kind }));
    const meter = Object.assign(document.createElement('meter'), { value, max: 1, ariaLabel: label });
    name.textContent = label;
    bar.append(meter);
    number.textContent = `${(100 * value).toFixed(1)}%`;
    return row;
  }));
}

async function take(blob) {
  taken += 1;
  const mine = taken;
  $('said').textContent = 'Looking at it.';
  const old = $('photo').src;
  $('photo').src = URL.createObjectURL(blob);
  $('photo').hidden = false;
  if (old) URL.revokeObjectURL(old);
  try {
    const answer = await classify(blob);
    if (mine === taken) show(answer);
  } catch (error) {
    if (mine !== taken) return;
    $('photo').hidden = true;
    $('answers').hidden = true;
    $('said').textContent = error.name === 'InvalidStateError' ? 'This is not a picture that the browser can read. Try a JPEG or PNG.' : error.message;
  }
}

async function startCamera() {
  const video = $('video');
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch {
    $('said').textContent = 'The camera could not be opened. Allow it in the browser, or choose a photo.';
    return;
  }
  await video.play();
  video.hidden = false;
  $('shoot').hidden = false;
}

async function shoot() {
  const video = $('video');
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext('2d').drawImage(video, 0, 0);
  for (const track of video.srcObject.getTracks()) track.stop();
  video.hidden = true;
  $('shoot').hidden = true;
  await take(await canvas.convertToBlob({ type: 'image/png' }));
}

/** Compares this browser's answer to the golden picture with the one of the machine where the model was made. */
async function prove() {
  const golden = await (await fetch('golden.json')).json();
  const { values } = await classify(await (await fetch(golden.picture)).blob());
  const off = Math.max(...values.map((value, i) => Math.abs(value - golden.probabilities[i])));
  $('proof').dataset.off = off;
  $('proof').textContent = off <= golden.tolerance
    ? 'Checked: in this browser the model answers as it did where it was made.'
    : `Careful: in this browser the answer to the test picture is off by ${(100 * off).toFixed(1)} points.`;
}

/** Loads the model and checks it, then lets photos in. */
async function begin() {
  facts = await (await fetch('demo.json')).json();
  session = await ort.InferenceSession.create('model.onnx', { executionProviders: ['wasm'] });
  await prove();
  listen();
  $('said').textContent = 'Ready.';
}

function listen() {
  $('file').addEventListener('change', ({ target }) => { if (target.files[0]) take(target.files[0]); });
  $('camera').addEventListener('click', startCamera);
  $('shoot').addEventListener('click', shoot);
  addEventListener('paste', ({ clipboardData }) => {
    const file = [...(clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
    if (file) take(file);
  });
  for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) {
    $('drop').addEventListener(kind, (event) => {
      event.preventDefault();
      $('drop').classList.toggle('over', kind === 'dragenter' || kind === 'dragover');
      if (kind === 'drop' && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
    });
  }
}

try {
  await begin();
} catch (error) {
  $('said').textContent = `The model could not be started (${error.message}). Unpack the whole download and start serve.py.`;
}
