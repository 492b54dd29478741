// Runs a model over the same images as ONNX Runtime did, one image at a time, and sends probabilities and times back.
import * as ort from './ort.wasm.bundle.min.mjs';

ort.env.wasm.wasmPaths = { wasm: new URL('ort-wasm-simd-threaded.wasm', import.meta.url).href };
ort.env.wasm.numThreads = 1;

/** Probabilities and milliseconds of as many images as fit into the time, at least the fewest. */
async function run(job, pixels) {
  const session = await ort.InferenceSession.create(job.model, { executionProviders: ['wasm'] });
  const size = job.side * job.side * 3;
  const ask = (place) => session.run({ image: new ort.Tensor('uint8', pixels.subarray(place * size, (place + 1) * size), [1, job.side, job.side, 3]) });
  await ask(0); // the first run allocates
  const begun = performance.now();
  const found = { probabilities: [], milliseconds: [] };
  for (let place = 0; place < job.images; place += 1) {
    if (place >= job.fewest && performance.now() - begun > 1000 * job.seconds) break;
    const started = performance.now();
    const { probabilities } = await ask(place);
    found.milliseconds.push(performance.now() - started);
    found.probabilities.push(Array.from(probabilities.data));
  }
  return found;
}

async function answer() {
  const job = await (await fetch('job.json')).json();
  const pixels = new Uint8Array(await (await fetch('images.bin')).arrayBuffer());
  return run(job, pixels);
}

const found = await answer().catch((error) => ({ error: String(error.message ?? error) }));
await fetch('answer', { method: 'POST', body: JSON.stringify(found) });
