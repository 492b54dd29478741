// A front that grows by one point at a time: cheapest first, each point better than all cheaper ones.

/** First place of a point that costs at least so much. */
function placeOf(points, cost) {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].cost < cost) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Front {
  /** @param {?{cost: number, accuracy: number}} reference what the area reaches to; none counts no area */
  constructor(reference = null) {
    this.reference = reference;
    this.points = []; // {cost, accuracy, numbers}: equal points share one
    this.on = new Map(); // number -> its point
    this.area = 0;
  }

  has(number) {
    return this.on.has(number);
  }

  /** Adds a network in O(log n), and a step for each point that it beats; returns whether it is on the front. */
  add(number, cost, accuracy) {
    if (!Number.isFinite(cost) || !Number.isFinite(accuracy) || this.on.has(number)) return false;
    const place = placeOf(this.points, cost);
    const same = this.points[place];
    if (same?.cost === cost && same.accuracy === accuracy) {
      same.numbers.push(number);
      this.on.set(number, same);
      return true;
    }
    if (same?.cost === cost && same.accuracy > accuracy) return false;
    if (place > 0 && this.points[place - 1].accuracy >= accuracy) return false;
    let end = place;
    while (end < this.points.length && this.points[end].accuracy <= accuracy) end += 1;
    const before = this.stripes(place, end + 1);
    const point = { cost, accuracy, numbers: [number] };
    for (const beaten of this.points.splice(place, end - place, point)) {
      for (const one of beaten.numbers) this.on.delete(one);
    }
    this.on.set(number, point);
    this.area += this.stripes(place, place + 2) - before;
    return true;
  }

  /** Takes a network off; those that it hid come back from `all`, pairs of number and [cost, accuracy]. */
  remove(number, all) {
    const point = this.on.get(number);
    if (!point) return false;
    this.on.delete(number);
    point.numbers.splice(point.numbers.indexOf(number), 1);
    if (point.numbers.length) return true;
    const place = this.points.indexOf(point);
    const under = this.points[place - 1]?.accuracy ?? -Infinity;
    const until = this.points[place + 1]?.cost ?? Infinity;
    this.points.splice(place, 1);
    for (const [other, cost, accuracy] of all) {
      if (other !== number && cost >= point.cost && cost < until && accuracy > under) this.add(other, cost, accuracy);
    }
    this.area = this.stripes(0, this.points.length);
    return true;
  }

  /** The area of the points of some places, each above the one before it. */
  stripes(from, to) {
    if (!this.reference) return 0;
    let sum = 0;
    for (let place = from; place < Math.min(to, this.points.length); place += 1) {
      const floor = Math.max(this.points[place - 1]?.accuracy ?? -Infinity, this.reference.accuracy);
      sum += Math.max(0, this.points[place].accuracy - floor) * Math.max(0, this.reference.cost - this.points[place].cost);
    }
    return sum;
  }

  /** The area as a part of the rectangle between the reference and no cost at all, everything right. */
  get share() {
    return this.reference ? this.area / (this.reference.cost * (1 - this.reference.accuracy)) : null;
  }
}
