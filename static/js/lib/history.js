// Best accuracy and area under the front over the time that was spent on networks. Every network counts, also
// one that was trained further since: what was reached stays reached, so both only rise.
import { Front } from './front.js';

const REFERENCE_COSTS = 2; // times the first network; dearer ones add nothing to the area

export class History {
  /** @param {{cost: (metrics: object) => ?number}} axis */
  constructor(axis) {
    this.axis = axis;
    this.clear();
  }

  clear() {
    this.seconds = 0;
    this.front = null;
    this.best = -Infinity;
    this.steps = []; // {seconds, best, share, number}: one for each rise
  }

  /** Adds a network; `counts` is false for one that adds time only. Returns whether something rose. */
  add(one, counts) {
    this.seconds += one.seconds ?? 0;
    if (!counts) return false;
    const cost = this.axis.cost(one.metrics);
    const { accuracy } = one.metrics;
    this.front ??= new Front(cost > 0 ? { cost: REFERENCE_COSTS * cost, accuracy: 0 } : null);
    const before = this.front.area;
    this.front.add(one.number, cost ?? NaN, accuracy);
    if (accuracy <= this.best && this.front.area <= before) return false;
    this.best = Math.max(this.best, accuracy);
    this.steps.push({ seconds: this.seconds, best: this.best, share: this.front.share, number: one.number });
    return true;
  }

  get reference() {
    return this.front?.reference ?? null;
  }
}
