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
    this.someFit = false;
    this.first = null; // the first that was measured: the reference of areas
    this.best = null;
  }

  /** Adds one; returns null if it is known, else `{gone, refit}`: numbers that count no more, and whether
   * those that do not fit the device count no more, because this is the first that does. */
  add(one) {
    if (this.all.has(one.number)) return null;
    this.all.set(one.number, one);
    if (one.status !== 'finished' || !one.metrics) {
      this.failed += 1;
      return { gone: [], refit: false };
    }
    this.first ??= one;
    const gone = this.supersede(one);
    const refit = fits(one) && !this.someFit && this.all.size - this.failed > 1;
    this.someFit ||= fits(one);
    if (refit || (this.fits(one) && this.betterThanBest(one))) this.best = one;
    return { gone, refit };
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

  betterThanBest(one) {
    const { best } = this;
    if (!best) return true;
    const more = one.metrics.accuracy - best.metrics.accuracy;
    return more > 0 || (more === 0 && one.metrics.latency_ms < best.metrics.latency_ms);
  }

  /** True for one that counts for fronts: of those that fit the device, once there is one. */
  fits(one) {
    return !this.someFit || fits(one);
  }

  counts(one) {
    return one.metrics != null && !this.superseded.has(one.number) && this.fits(one);
  }

  /** Those that were measured and not trained further since, whether they fit or not. */
  * current() {
    for (const one of this.all.values()) if (one.metrics && !this.superseded.has(one.number)) yield one;
  }
}
