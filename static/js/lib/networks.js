// All networks of a run as they come in, one at a time: which of them count, which were trained further since.
// The rules are those of nas.pareto.current_candidates; nothing here looks at all networks when one is added.
import { fits } from './fits.js';

const FURTHER = { frozen: 0, short: 1, final: 2 };

export class Networks {
  constructor() {
    this.all = new Map(); // number -> candidate, in the order of arrival
    this.superseded = new Map(); // number -> number of the training that goes beyond it
    this.twins = new Map(); // key of a network -> finished candidates of it
    this.failed = 0;
    this.fitting = 0; // of those that count
    this.everFit = false;
    this.first = null; // the first that was measured: the reference of areas
    this.best = null;
  }

  /** Adds one; returns null if it is known, else `{gone, refit}`: numbers that count no more, and whether it
   * has changed that those which do not fit the device count: they do while no other counts. */
  add(one) {
    if (this.all.has(one.number)) return null;
    this.all.set(one.number, one);
    if (one.status !== 'finished' || !one.metrics) {
      this.failed += 1;
      return { gone: [], refit: false };
    }
    this.first ??= one;
    const before = this.fitting;
    const gone = this.supersede(one);
    for (const other of gone.filter((number) => number !== one.number).map((number) => this.all.get(number))) {
      if (other?.metrics && fits(other)) this.fitting -= 1;
    }
    if (fits(one) && !this.superseded.has(one.number)) this.fitting += 1;
    this.weigh(one);
    return { gone, refit: (before > 0) !== (this.fitting > 0) && this.all.size - this.failed > 1 };
  }

  supersede(one) {
    const gone = [];
    const drop = (number, by) => {
      if (this.superseded.has(number)) return;
      this.superseded.set(number, by);
      gone.push(number);
    };
    for (let parent = one.refines; parent != null && !this.superseded.has(parent); parent = this.all.get(parent)?.refines) {
      drop(parent, one.number);
    }
    const twins = this.twins.get(one.twin) ?? [];
    for (const other of twins) {
      if (FURTHER[other.fidelity] < FURTHER[one.fidelity]) drop(other.number, one.number);
      else if (FURTHER[other.fidelity] > FURTHER[one.fidelity]) drop(one.number, other.number);
    }
    this.twins.set(one.twin, [...twins, one]);
    return gone;
  }

  /** Keeps the best that was reached: of those that fit the device, once there was one. */
  weigh(one) {
    const first = fits(one) && !this.everFit;
    this.everFit ||= fits(one);
    if (!this.reached(one)) return;
    const more = first || !this.best ? 1 : one.metrics.accuracy - this.best.metrics.accuracy;
    if (more > 0 || (more === 0 && one.metrics.latency_ms < this.best.metrics.latency_ms)) this.best = one;
  }

  /** True for one that was measured and fits, or while none did. */
  reached(one) {
    return one.metrics != null && (!this.everFit || fits(one));
  }

  /** True for one that fronts are made of. */
  counts(one) {
    return one.metrics != null && !this.superseded.has(one.number) && (this.fitting === 0 || fits(one));
  }

  /** Those that were measured and not trained further since, whether they fit or not. */
  * current() {
    for (const one of this.all.values()) if (one.metrics && !this.superseded.has(one.number)) yield one;
  }
}
