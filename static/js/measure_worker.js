// Runs all graphs of a bundle in rounds until the time is up, and answers with the content of timings.json.
import { unpack } from './lib/bundle.js';
import { Meter } from './lib/meter.js';

const TELL_MS = 250;

let paused = false;
let hidden = 0; // pauses so far: what ran when one began is thrown away
let enough = false;
let wake = null;

/** Lets messages in: awaiting a run alone does not. */
const breathe = () => new Promise((resolve) => { setTimeout(resolve); });

async function whilePaused() {
  while (paused) await new Promise((resolve) => { wake = resolve; });
}

const short = (value) => Number(value.toPrecision(5));

/** At most `most` runs of a graph, evenly spread over all of them: the server takes no longer answers. */
function thinned({ name, samples, references }, most) {
  const n = Math.min(samples.length, most);
  const kept = Array.from({ length: n }, (_, i) => Math.floor((i * samples.length) / n));
  return { name, samples_ms: kept.map((i) => short(samples[i])), reference_ms: kept.map((i) => short(references[i])) };
}

/** Time that the rounds have taken, pauses left out. */
class Watch {
  constructor() {
    this.since = performance.now();
    this.away = 0;
  }

  get seconds() {
    return (performance.now() - this.since - this.away) / 1000;
  }

  async pause() {
    const before = performance.now();
    await whilePaused();
    this.away += performance.now() - before;
  }
}

async function measureRounds(meter, { index, bytesOf }) {
  const rows = index.items.map((item) => ({ name: item.name, samples: [], references: [] }));
  const watch = new Watch();
  let longest = 0;
  let rounds = 0;
  let told = 0;
  while (!rounds || (!enough && watch.seconds + longest <= index.seconds)) {
    const began = watch.seconds;
    for (let i = 0; i < rows.length; i += 1) {
      if (enough && rounds) break;
      await breathe();
      if (paused) await watch.pause();
      const before = hidden;
      let found = [[], []];
      try {
        found = await meter.samples(bytesOf(index.items[i]), index.items[i].side, index.efforts[index.items[i].effort]);
      } catch { /* a graph that this runtime refuses is missing in the answer; the server judges how many may be */ }
      await breathe();
      if (hidden !== before) { i -= 1; continue; }
      rows[i].samples.push(...found[0]);
      rows[i].references.push(...found[1]);
      if (performance.now() - told < TELL_MS) continue;
      told = performance.now();
      // One round takes `length` seconds; at least one is run, and what else fits.
      const length = longest || ((watch.seconds - began) * rows.length) / (i + 1);
      const whole = Math.max(1, Math.floor(index.seconds / length)) * length;
      const sure = rounds > 0 || i > rows.length / 20;
      postMessage({ kind: 'progress', share: Math.min(1, watch.seconds / whole), left: sure ? Math.max(0, whole - watch.seconds) : null, rounds });
    }
    longest = Math.max(longest, watch.seconds - began);
    rounds += 1;
  }
  return rows.filter((row) => row.samples.length).map((row) => thinned(row, index.most_samples));
}

/** Settles what the reference takes at rest, again for as long as the page was hidden meanwhile. */
async function settle(meter, { index, bytesOf }) {
  for (;;) {
    await breathe();
    await whilePaused();
    const before = hidden;
    await meter.settle(bytesOf(index.reference), index.reference.side);
    await breathe();
    if (hidden === before) return;
    await meter.reference.close();
  }
}

const ENGINES = { wasm: 'WASM', webgpu: 'WebGPU' };

async function measure({ bundle, runtime, wasm, threads, provider, device }) {
  const ort = await import(runtime);
  Object.assign(ort.env.wasm, { wasmPaths: { wasm }, numThreads: threads, proxy: false });
  ort.env.logLevel = 'error';
  const pack = unpack(bundle);
  const meter = new Meter(ort, threads, provider);
  await settle(meter, pack);
  const items = await measureRounds(meter, pack);
  return {
    format: 'nas-block-timings',
    version: 1,
    bundle: pack.index.fingerprint,
    device: { ...device, runtime: `onnxruntime-web ${ort.env.versions.web} ${ENGINES[provider]}, ${device.runtime}`, threads },
    measured_at: new Date().toISOString(),
    anchor_ms: short(meter.anchor),
    items,
  };
}

onmessage = async ({ data }) => {
  if (data.kind === 'pause') {
    paused = true;
    hidden += 1;
  } else if (data.kind === 'resume') {
    paused = false;
    wake?.();
  } else if (data.kind === 'enough') {
    enough = true;
  } else if (data.kind === 'start') {
    try {
      postMessage({ kind: 'result', timings: await measure(data) });
    } catch (error) {
      postMessage({ kind: 'failed', text: String(error?.message ?? error).slice(0, 300) });
    }
  }
};
