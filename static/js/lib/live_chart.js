// The live chart: axes and brush by uPlot; the mass of points, the front, and what grows on canvases of our own.
import { logTicks } from './axes.js';
import { Front } from './front.js';
import { Overlay } from './overlay.js';
import { PointLayer } from './point_layer.js';
import { axisOf } from './plot.js';
import { gettext, language } from './words.js';

const ROOM = 1.15; // beyond the largest cost, so that the axis does not move with every point
const CLICK_PIXELS = 5;
const tick = (value) => value.toLocaleString(language, { maximumSignificantDigits: 4 });

/** What the axes reach over: costs from 0 (by logs: from half the smallest), accuracies in steps of 5%. */
class Extent {
  constructor() {
    Object.assign(this, { least: Infinity, most: 0, low: 1, high: 0 });
    this.x = [0, 1];
    this.y = [0, 1];
  }

  /** Returns whether the axes must grow. */
  take({ cost, accuracy }, log) {
    const inside = this.high > 0 && cost <= this.x[1] && (!log || cost >= this.x[0]) && accuracy >= this.y[0] && accuracy <= this.y[1];
    if (cost > 0) this.least = Math.min(this.least, cost);
    this.most = Math.max(this.most, cost);
    this.low = Math.min(this.low, accuracy);
    this.high = Math.max(this.high, accuracy);
    if (inside) return false;
    this.x = log ? [this.least / 2, this.most * 2] : [0, this.most * ROOM || 1];
    this.y = [Math.max(0, Math.floor(20 * (this.low - 0.01)) / 20), Math.min(1.01, Math.ceil(20 * (this.high + 0.01)) / 20)];
    return true;
  }
}

export class LiveChart {
  /** @param {HTMLElement} node @param {{pick: (number) => void, hover: (?number, x, y) => void}} owner */
  constructor(node, owner) {
    Object.assign(this, { node, owner, plot: null, networks: null, axis: null, log: false, ghosts: [] });
    this.front = new Front();
    this.extent = new Extent();
    this.zoomed = false;
    this.layer = new PointLayer(document.createElement('canvas'), (point) => !this.networks.superseded.has(point.number));
    this.overlay = new Overlay(document.createElement('canvas'), this);
    document.addEventListener('themechange', () => this.rebuild());
    new ResizeObserver(() => this.fit()).observe(node);
  }

  /** Draws all networks for an axis. */
  show(networks, axis, log) {
    Object.assign(this, { networks, axis, log, zoomed: false });
    this.layer.clear();
    this.overlay.clear();
    this.front = new Front();
    this.extent = new Extent();
    for (const one of networks.current()) this.take(one);
    this.rebuild();
  }

  /** Takes a network in; those that do not fit the device are shown, but never on the front. */
  take(one) {
    const cost = this.axis.cost(one.metrics);
    if (cost == null || (this.log && cost <= 0)) return null;
    const point = { number: one.number, cost, accuracy: one.metrics.accuracy, stamp: `${one.source} ${one.fidelity}` };
    this.layer.add(point);
    if (this.networks.counts(one)) this.front.add(point.number, cost, point.accuracy);
    return { point, grows: this.extent.take(point, this.log) };
  }

  /** Adds a network that has just come in: one stamp, unless the axes must grow or others go. */
  add(one, { gone, refit }) {
    if (refit) {
      this.show(this.networks, this.axis, this.log);
      return;
    }
    const before = this.front.points.slice();
    for (const number of gone) this.front.remove(number, this.pairs());
    const taken = one.metrics && !this.networks.superseded.has(one.number) ? this.take(one) : null;
    if (gone.length) this.layer.redraw();
    if (taken?.grows) this.reach();
    if (taken) this.overlay.grow(taken.point);
    if (before.length !== this.front.points.length || before.some((point, place) => point !== this.front.points[place])) this.overlay.moveFront(before);
    this.tell();
  }

  * pairs() {
    for (const one of this.networks.current()) if (this.networks.counts(one)) yield [one.number, this.axis.cost(one.metrics), one.metrics.accuracy];
  }

  /** Fronts of earlier searches: `{name, points: [{cost, accuracy}]}`, in the unit of the axis. */
  compare(ghosts) {
    this.ghosts = ghosts;
    if (ghosts.flatMap((ghost) => ghost.points).filter((point) => this.extent.take(point, this.log)).length) this.reach();
    this.overlay.draw();
  }

  rebuild() {
    if (!this.networks || !this.node.clientWidth) return;
    this.plot?.destroy();
    this.plot = new window.uPlot(this.options(), this.data(), this.node);
    const { over } = this.plot;
    for (const { canvas } of [this.overlay, this.layer]) {
      canvas.className = 'layer';
      over.prepend(canvas);
    }
    this.listen(over);
    this.overlay.restyle();
    this.layer.restyle();
    this.rescaled();
    this.tell();
  }

  data() {
    return [this.extent.x, this.extent.y];
  }

  /** Lets the axes reach as far as the points do, unless the reader looks at a part. */
  reach() {
    this.plot?.setData(this.data(), !this.zoomed);
  }

  /** Shows everything again after a zoom. */
  reset() {
    this.zoomed = false;
    this.plot?.setData(this.data(), true);
    this.owner.zoom(false);
  }

  options() {
    const narrow = this.node.clientWidth < 560;
    const title = `${this.axis.title} (${this.axis.unit})`;
    return {
      width: this.node.clientWidth,
      height: this.node.clientHeight,
      padding: [12, 12, 0, 0],
      legend: { show: false },
      cursor: {
        points: { show: false },
        drag: { x: true, y: true, uni: 24 },
        x: false,
        y: false,
        bind: { dblclick: () => () => this.reset() },
      },
      series: [{}, { paths: () => null, points: { show: false } }], // no line: the layers draw
      scales: {
        x: { time: false, distr: this.log ? 3 : 1, range: (plot, low, high) => [low, high] },
        y: { range: () => this.extent.y },
      },
      axes: [
        axisOf({
          size: 34,
          label: narrow ? title : `${title} · ${gettext('further left is')} ${this.axis.better}`,
          values: (plot, splits) => splits.map(tick),
          ...(this.log ? { splits: (plot, index, low, high) => logTicks([2 * low, high / 2]).filter((value) => value >= low && value <= high), filter: (plot, splits) => splits } : {}),
        }),
        axisOf({
          ...(narrow ? { size: 44 } : { size: 50, label: gettext('Right on validation photos · higher is better') }),
          values: (plot, splits) => splits.map((value) => `${tick(100 * value)}%`),
        }),
      ],
      hooks: { setSelect: [({ select }) => this.brushed(select)], setScale: [() => this.rescaled()], setSize: [() => this.rescaled()] },
    };
  }

  brushed({ width, height }) {
    if (!width && !height) return;
    this.zoomed = true;
    this.owner.zoom(true);
  }

  /** Value -> CSS pixels within the plot, for the layers. */
  rescaled() {
    const { plot, log } = this;
    if (!plot || plot.scales.x.min == null || plot.scales.y.min == null) return;
    const { x, y } = plot.scales;
    const { clientWidth: width, clientHeight: height } = plot.over;
    const key = [x.min, x.max, y.min, y.max, width, height, log].join();
    if (key === this.scaledBy) return;
    this.scaledBy = key;
    const [low, high] = log ? [Math.log(x.min), Math.log(x.max)] : [x.min, x.max];
    const acrossX = width / (high - low);
    const acrossY = height / (y.max - y.min);
    this.scale = {
      width,
      height,
      x: log ? (cost) => (Math.log(cost) - low) * acrossX : (cost) => (cost - low) * acrossX,
      y: (accuracy) => (y.max - accuracy) * acrossY,
    };
    this.layer.rescale(this.scale);
    this.overlay.draw();
  }

  fit() {
    if (!this.plot) this.rebuild();
    else if (this.node.clientWidth) this.plot.setSize({ width: this.node.clientWidth, height: this.node.clientHeight });
  }

  listen(over) {
    let pressed = null;
    const place = (event) => {
      const box = over.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const found = (event) => this.layer.find(...place(event), (point) => this.front.has(point.number));
    over.addEventListener('mousedown', (event) => { pressed = [event.clientX, event.clientY]; });
    over.addEventListener('mousemove', (event) => {
      const point = event.buttons ? null : found(event);
      this.overlay.mark(point);
      over.classList.toggle('on-point', point !== null);
      this.owner.hover(point?.number ?? null, ...place(event));
    });
    over.addEventListener('mouseleave', () => {
      this.overlay.mark(null);
      this.owner.hover(null, 0, 0);
    });
    over.addEventListener('click', (event) => {
      if (pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > CLICK_PIXELS) return;
      const point = found(event);
      if (point) this.owner.pick(point.number);
    });
  }

  /** What tests and the styles look at. */
  tell() {
    const { dataset } = this.node;
    dataset.axis = this.axis.name;
    dataset.points = String(this.layer.points.length);
    dataset.front = [...this.front.on.keys()].sort((a, b) => a - b).join(',');
  }
}
