// How long a search still takes, as a range: its budget less what is spent, give or take one network.
import { fill, gettext } from './words.js';

const LATELY = 50; // networks whose durations count
const FEWEST = 3;
const UNKNOWN_SPREAD = 0.15; // of what is left, until there are enough
const PACE_SECONDS = 120; // of the wall clock, over which the pace is taken

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];

export class Eta {
  constructor() {
    this.durations = [];
    this.ticks = [];
  }

  /** Takes the seconds that a network took, training and measurement. */
  finished(seconds) {
    if (!(seconds > 0)) return;
    this.durations.push(seconds);
    if (this.durations.length > LATELY) this.durations.shift();
  }

  /** Takes a progress event: when it came, in milliseconds, and the working seconds until then. */
  progressed(now, spent) {
    if (spent == null || !Number.isFinite(now)) return;
    this.ticks.push({ now, spent });
    while (this.ticks.length > 2 && now - this.ticks[0].now > 1000 * PACE_SECONDS) this.ticks.shift();
  }

  /** A pause or a wait is no pace. */
  rest() {
    this.ticks = [];
  }

  /** Seconds of the wall clock for one working second: more than 1 where searches take turns at a worker. */
  get pace() {
    const [first, last] = [this.ticks[0], this.ticks.at(-1)];
    const worked = last ? last.spent - first.spent : 0;
    return worked > 5 ? Math.max(1, (last.now - first.now) / 1000 / worked) : 1;
  }

  /**
   * The search ends when no further network fits in, at most one long network (90th percentile) before its
   * budget is used, and overruns it by what durations differ (90th less 10th percentile) at most.
   * @param {number} left working seconds of the budget that are left
   * @returns {{low: number, high: number}} seconds of the wall clock
   */
  range(left) {
    let [early, late] = [UNKNOWN_SPREAD * left, UNKNOWN_SPREAD * left];
    if (this.durations.length >= FEWEST) {
      const sorted = [...this.durations].sort((a, b) => a - b);
      [early, late] = [at(sorted, 0.9), at(sorted, 0.9) - at(sorted, 0.1)];
    }
    return { low: Math.max(0, left - early) * this.pace, high: Math.max(0, left + late) * this.pace };
  }
}

const STEPS = [[90, 10, 1], [600, 60, 60], [5400, 300, 60], [Infinity, 900, 60]]; // up to, rounded to, shown in

/** A range in words, rounded outwards: "2–4 min"; never to the second. */
export function rangeText({ low, high }) {
  if (high < 15) return gettext('a few seconds');
  const [, step, unit] = STEPS.find(([until]) => high <= until);
  const from = Math.floor(low / step) * step;
  const to = Math.max(Math.ceil(high / step) * step, from + step);
  if (from <= 0) return fill(unit === 1 ? gettext('less than %(n)s s') : gettext('less than %(n)s min'), { n: to / unit });
  if (to < 5400) return fill(unit === 1 ? gettext('%(low)s–%(high)s s') : gettext('%(low)s–%(high)s min'), { low: from / unit, high: to / unit });
  const hours = (seconds) => `${Math.floor(seconds / 3600)}:${String(Math.round((seconds % 3600) / 60)).padStart(2, '0')}`;
  return fill(gettext('%(low)s–%(high)s hours'), { low: hours(from), high: hours(to) });
}
