// Tens of thousands of points on a canvas: a new one costs one stamp; all are drawn anew a few at a time, on a
// canvas that is not in sight, when the scales change. A grid over the picture finds the one under the pointer.
import { stamps } from './signs.js';

const CELL = 16; // CSS pixels
const NEAR = 12;
const CHUNK_MS = 6; // of a frame
const CHECK_EVERY = 200;
const SIZES = [[300, 5, 1], [3000, 3.5, 0.8], [Infinity, 2.4, 0.65]]; // up to so many points: radius, opacity

export class PointLayer {
  /** @param {HTMLCanvasElement} canvas fills the plot; @param {(point: object) => boolean} wanted */
  constructor(canvas, wanted) {
    this.canvas = canvas;
    this.wanted = wanted;
    this.points = []; // {number, cost, accuracy, stamp}
    this.scale = null;
    this.work = null;
    this.clear();
  }

  clear() {
    this.points = [];
    this.cells = new Map();
    this.tier = -1;
  }

  add(point) {
    this.points.push(point);
    if (this.points.length > SIZES[this.tier]?.[0]) this.redraw();
  }

  /** Puts a settled point onto the picture. */
  stamp(point) {
    if (this.work || !this.stamps || point.in === this.cells) return; // a picture in the making holds all
    this.put(this.context, this.cells, point);
  }

  put(context, cells, point) {
    const x = this.scale.x(point.cost);
    const y = this.scale.y(point.accuracy);
    if (!(x > -NEAR && x < this.scale.width + NEAR && y > -NEAR && y < this.scale.height + NEAR)) return;
    const sign = this.stamps.get(point.stamp);
    if (!sign) return;
    const { ratio } = this;
    point.in = cells;
    context.drawImage(sign, ratio * x - sign.width / 2, ratio * y - sign.height / 2);
    const key = Math.floor(y / CELL) * 4096 + Math.floor(x / CELL);
    const cell = cells.get(key);
    if (cell) cell.push(point);
    else cells.set(key, [point]);
  }

  /** Takes new scales and draws all points by them; the old picture stays until the new one is done. */
  rescale(scale) {
    this.scale = scale;
    this.redraw();
  }

  /** Draws all again with fresh signs: after a change of theme or of what is wanted. */
  restyle() {
    this.tier = -1;
    this.redraw();
  }

  redraw() {
    if (!this.scale) return;
    const tier = SIZES.findIndex(([most]) => this.points.length <= most);
    this.ratio = devicePixelRatio || 1;
    if (tier !== this.tier) {
      this.tier = tier;
      const [, radius, faint] = SIZES[tier];
      this.stamps = stamps(radius, { faint });
    }
    const back = document.createElement('canvas');
    back.width = Math.max(1, Math.round(this.scale.width * this.ratio));
    back.height = Math.max(1, Math.round(this.scale.height * this.ratio));
    const idle = this.work === null;
    this.work = { back, context: back.getContext('2d'), cells: new Map(), next: 0 };
    if (idle) requestAnimationFrame(() => this.chunk());
  }

  chunk() {
    const { work } = this;
    const until = performance.now() + CHUNK_MS;
    while (work.next < this.points.length) {
      const point = this.points[work.next];
      if (this.wanted(point)) this.put(work.context, work.cells, point);
      work.next += 1;
      if (work.next % CHECK_EVERY === 0 && performance.now() > until) break;
    }
    if (work.next < this.points.length) {
      requestAnimationFrame(() => this.chunk());
      return;
    }
    this.canvas.width = work.back.width;
    this.canvas.height = work.back.height;
    this.context = this.canvas.getContext('2d');
    this.context.drawImage(work.back, 0, 0);
    this.cells = work.cells;
    this.work = null;
    this.canvas.dataset.drawn = String(this.points.length);
  }

  /** The nearest wanted point within a few pixels of a place; `prefers` decides between close ones. */
  find(x, y, prefers) {
    let found = null;
    let least = NEAR;
    for (let row = Math.floor(y / CELL) - 1; row <= Math.floor(y / CELL) + 1; row += 1) {
      for (let column = Math.floor(x / CELL) - 1; column <= Math.floor(x / CELL) + 1; column += 1) {
        for (const point of this.cells.get(row * 4096 + column) ?? []) {
          const away = Math.hypot(this.scale.x(point.cost) - x, this.scale.y(point.accuracy) - y) - (prefers(point) ? 4 : 0);
          if (away < least && this.wanted(point)) [found, least] = [point, away];
        }
      }
    }
    return found;
  }
}
