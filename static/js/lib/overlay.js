// What moves on the chart: the front line, its points, points that grow in, and the one under the pointer.
import { colour } from './colour.js';
import { stamps } from './signs.js';

const GROW_MS = 420;
const MOVE_MS = 500;
const RADII = [[60, 6], [200, 4.5], [Infinity, 3.5]]; // of a front of up to so many points
const DASHES = [[2, 4], [8, 4], [8, 3, 2, 3], [14, 4]];

const still = () => document.hidden || matchMedia('(prefers-reduced-motion: reduce)').matches;
const ease = (share) => 1 - (1 - Math.min(1, share)) ** 3;

/** Height of a front line at a cost; `under` left of its first point. */
function heightAt(points, cost, under) {
  let found = under;
  for (const point of points) {
    if (point.cost > cost) break;
    found = point.accuracy;
  }
  return found;
}

export class Overlay {
  /** @param {HTMLCanvasElement} canvas @param {import('./live_chart.js').LiveChart} chart */
  constructor(canvas, chart) {
    this.canvas = canvas;
    this.chart = chart;
    this.marked = null;
    this.pending = false;
    this.clear();
  }

  clear() {
    this.growing = [];
    this.moving = null;
  }

  restyle() {
    this.radius = 0;
    this.colours = { front: colour('--chart-front'), panel: colour('--app-panel'), ghost: colour('--app-quiet'), mark: colour('--app-accent') };
    this.draw();
  }

  /** Signs with a ring, smaller the more there are. */
  size() {
    const [, radius] = RADII.find(([most]) => this.chart.front.points.length <= most);
    if (radius === this.radius) return;
    this.radius = radius;
    this.signs = stamps(radius, { ring: this.colours.panel });
  }

  /** Lets a point grow in, then leaves it to the layer below; at once where motion is not wanted. */
  grow(point) {
    if (still()) this.chart.layer.stamp(point);
    else this.growing.push({ point, since: performance.now() });
    this.draw();
  }

  moveFront(from) {
    this.moving = still() ? null : { from: this.moving ? this.moving.from : from, since: performance.now() };
    this.draw();
  }

  mark(point) {
    if (point === this.marked) return;
    this.marked = point;
    this.draw();
  }

  draw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame((now) => {
      this.pending = false;
      this.frame(now);
    });
  }

  frame(now) {
    const { scale } = this.chart;
    if (!scale || !this.colours) return;
    this.size();
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(scale.width * ratio), Math.round(scale.height * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext('2d');
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.scale(ratio, ratio);
    this.chart.ghosts.forEach((ghost, place) => this.ghost(context, ghost, DASHES[place % DASHES.length]));
    this.line(context, now);
    this.grown(context, now, ratio);
    this.frontSigns(context, ratio);
    this.ring(context);
    if (this.growing.length || this.moving) this.draw();
  }

  ghost(context, { points }, dash) {
    context.setLineDash(dash);
    context.strokeStyle = this.colours.ghost;
    context.lineWidth = 1.75;
    this.stairs(context, points.map((point) => [point.cost, point.accuracy]));
  }

  /** The front, or what lies between the old one and the new one while it moves. */
  line(context, now) {
    const { points } = this.chart.front;
    context.setLineDash([2, 3]);
    context.strokeStyle = this.colours.front;
    context.lineWidth = 1.75;
    let corners = points.map((point) => [point.cost, point.accuracy]);
    if (this.moving) {
      const share = ease((now - this.moving.since) / MOVE_MS);
      if (share >= 1) this.moving = null;
      else corners = this.between(this.moving.from, points, share);
    }
    this.stairs(context, corners);
  }

  between(from, to, share) {
    const under = this.chart.extent.y[0];
    const costs = [...new Set([...from, ...to].map((point) => point.cost))].sort((a, b) => a - b);
    return costs.map((cost) => {
      const before = heightAt(from, cost, under);
      return [cost, before + share * (heightAt(to, cost, under) - before)];
    });
  }

  stairs(context, corners) {
    if (!corners.length) return;
    const { scale } = this.chart;
    context.beginPath();
    corners.forEach(([cost, accuracy], place) => {
      const [x, y] = [scale.x(cost), scale.y(accuracy)];
      if (place === 0) context.moveTo(x, scale.height);
      else context.lineTo(x, scale.y(corners[place - 1][1]));
      context.lineTo(x, y);
    });
    context.lineTo(scale.width, scale.y(corners.at(-1)[1]));
    context.stroke();
    context.setLineDash([]);
  }

  grown(context, now, ratio) {
    const { layer, scale } = this.chart;
    this.growing = this.growing.filter(({ point, since }) => {
      const share = (now - since) / GROW_MS;
      if (share >= 1) {
        layer.stamp(point);
        return false;
      }
      const size = ease(share) * (1 + 0.8 * Math.sin(Math.PI * Math.max(0, share)));
      this.sign(context, point, scale.x(point.cost), scale.y(point.accuracy), Math.max(0, size), ratio);
      return true;
    });
  }

  frontSigns(context, ratio) {
    const { scale, networks, front } = this.chart;
    const growing = new Set(this.growing.map(({ point }) => point.number));
    for (const { cost, accuracy, numbers } of front.points) {
      for (const number of numbers) {
        if (growing.has(number)) continue;
        const one = networks.all.get(number);
        this.sign(context, { stamp: `${one.source} ${one.fidelity}` }, scale.x(cost), scale.y(accuracy), 1, ratio);
      }
    }
  }

  sign(context, point, x, y, size, ratio) {
    const sign = this.signs.get(point.stamp);
    if (!sign) return;
    const side = (size * sign.width) / ratio;
    context.drawImage(sign, x - side / 2, y - side / 2, side, side);
  }

  ring(context) {
    if (!this.marked) return;
    const { scale } = this.chart;
    context.beginPath();
    context.arc(scale.x(this.marked.cost), scale.y(this.marked.accuracy), 10, 0, 2 * Math.PI);
    context.strokeStyle = this.colours.mark;
    context.lineWidth = 2;
    context.stroke();
  }
}
