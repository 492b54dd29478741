// Times graphs in the browser as nas/hardware/latency.py does on the server: each run stands between two runs of
// one small fixed network, the reference, which runs once unseen before each of them.
const ANCHOR_WARM_UP = 10;
const ANCHOR_RUNS = 50;
const ANCHOR_QUANTILE = 0.2;
const CLOCK_STEPS = 10; // a timed run takes at least so many steps of the clock, or several are timed together
const MOST_REPEATS = 1024;

/** The smallest step of the clock in milliseconds: browsers make it coarse on purpose, from 0.005 to 1 and more. */
export function clockStep(now = () => performance.now()) {
  let step = Infinity;
  for (let i = 0; i < 20; i += 1) {
    const before = now();
    let after = now();
    while (after === before) after = now();
    step = Math.min(step, after - before);
  }
  return step;
}

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const low = Math.floor(place);
  return sorted[low] + (place - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

export class Meter {
  /** @param ort the runtime @param {number} threads of which it was told @param {'wasm' | 'webgpu'} provider */
  constructor(ort, threads, provider = 'wasm') {
    this.ort = ort;
    this.provider = provider;
    this.threads = threads;
    this.step = clockStep();
  }

  /** Opens the reference and settles what it takes at rest. */
  async settle(bytes, side) {
    this.reference = await this.open(bytes, side);
    for (let i = 0; i < ANCHOR_WARM_UP; i += 1) await this.reference.run();
    this.repeats = await this.repeatsOf(this.reference);
    const times = [];
    for (let i = 0; i < ANCHOR_RUNS; i += 1) times.push(await this.timed(this.reference, this.repeats));
    this.anchor = quantile(times, ANCHOR_QUANTILE);
  }

  /** A graph that can be run on a random image and closed. */
  async open(bytes, side) {
    const session = await this.ort.InferenceSession.create(bytes, {
      executionProviders: [this.provider],
      intraOpNumThreads: this.threads,
      logSeverityLevel: 3,
    });
    const image = Float32Array.from({ length: 3 * side * side }, () => Math.random() - 0.5);
    const feeds = { [session.inputNames[0]]: new this.ort.Tensor('float32', image, [1, 3, side, side]) };
    return { run: () => session.run(feeds), close: () => session.release() };
  }

  /** Milliseconds of each run of a graph, and of the reference around it: `[times, references]`. */
  async samples(bytes, side, effort) {
    const graph = await this.open(bytes, side);
    try {
      for (let i = 0; i < effort.warm_up; i += 1) await graph.run();
      const repeats = await this.repeatsOf(graph);
      const times = [];
      const around = [await this.referenceMs()];
      const started = performance.now();
      while (times.length < effort.most) {
        const gone = (performance.now() - started) / 1000;
        const enough = times.length >= effort.fewest && gone > effort.seconds;
        if (enough || (times.length >= effort.least && gone > effort.longest_seconds)) break;
        times.push(await this.timed(graph, repeats));
        around.push(await this.referenceMs());
      }
      return [times, times.map((_, i) => (around[i] + around[i + 1]) / 2)];
    } finally {
      await graph.close();
    }
  }

  async referenceMs() {
    await this.reference.run();
    return this.timed(this.reference, this.repeats);
  }

  /** Milliseconds of one run: of several, divided by their number. */
  async timed(graph, repeats) {
    const started = performance.now();
    for (let i = 0; i < repeats; i += 1) await graph.run();
    return Math.max((performance.now() - started) / repeats, 1e-6);
  }

  async repeatsOf(graph) {
    let repeats = 1;
    while (repeats < MOST_REPEATS && (await this.timed(graph, repeats)) * repeats < CLOCK_STEPS * this.step) repeats *= 2;
    return repeats;
  }
}
