// The card beside a point of the chart: what it is, how good, how dear, and its architecture drawn.
import { costText } from './axes.js';
import { el } from './dom.js';
import { bytes, ms, percent } from './format.js';
import { sourceName, trainedName } from './names.js';
import { fill, gettext } from './words.js';

const DWELL_MS = 140; // until a drawing is asked for
const AWAY = 16;

export class HoverCard {
  /** @param {HTMLElement} node over the chart @param {string} run id, for the drawings */
  constructor(node, run) {
    Object.assign(this, { node, run, number: null, timer: null });
    this.undrawn = new Set();
  }

  /** Shows a network at a place of the chart, in pixels; null hides the card. */
  show(one, axis, x, y) {
    if (!one) {
      this.number = null;
      clearTimeout(this.timer);
      this.node.hidden = true;
      return;
    }
    if (one.number !== this.number) this.fill(one, axis);
    this.node.hidden = false; // only what is shown has a size and a parent to fit into
    const { clientWidth, clientHeight } = this.node.offsetParent ?? this.node;
    const { offsetWidth, offsetHeight } = this.node;
    const left = x + AWAY + offsetWidth > clientWidth ? x - AWAY - offsetWidth : x + AWAY;
    this.node.style.setProperty('left', `${Math.max(0, left)}px`);
    this.node.style.setProperty('top', `${Math.max(0, Math.min(y - offsetHeight / 2, clientHeight - offsetHeight))}px`);
  }

  fill(one, axis) {
    this.number = one.number;
    const { metrics } = one;
    const range = { value: percent(metrics.accuracy), low: percent(metrics.accuracy_low), high: percent(metrics.accuracy_high) };
    const lines = [
      fill(gettext('%(value)s right (95%: %(low)s to %(high)s)'), range),
      fill(gettext('%(time)s per photo, %(size)s'), { time: ms(metrics.latency_ms), size: bytes(metrics.size_bytes) }),
      ...(['latency', 'size'].includes(axis.name) ? [] : [`${axis.title}: ${costText(axis, axis.cost(metrics))}`]),
      `${sourceName(one.source)}, ${trainedName(one.fidelity)}`,
    ];
    this.node.replaceChildren(
      el('strong', { class: 'clamp-2', text: `#${one.number} · ${one.label}` }),
      ...lines.map((text) => el('span', { text })),
    );
    clearTimeout(this.timer);
    if (!this.undrawn.has(one.number)) this.timer = setTimeout(() => this.draw(one.number), DWELL_MS);
  }

  draw(number) {
    const image = drawing(this.run, number);
    image.addEventListener('load', () => this.number === number && this.node.append(image));
    image.addEventListener('error', () => this.undrawn.add(number));
  }
}

/** An image of a network's architecture, still to be loaded. */
export function drawing(run, number) {
  return el('img', { class: 'drawing', alt: '', src: `/searches/${run}/candidates/${number}/drawing.svg` });
}
