// Candidates -> points -> Plotly chart in the colours of the theme. The twin of search_app/charts.py, with a choice of axes.
import { AXES, costText, frontOf, logTicks } from './axes.js';
import { $ } from './dom.js';
import { bytes, ms, percent, plotlyText } from './format.js';
import { sourceName, trainedName } from './names.js';
import { fill, gettext } from './words.js';

export const SERIES = {
  base_search: { name: sourceName('base_search'), symbol: 'circle' },
  scaled: { name: sourceName('scaled'), symbol: 'diamond' },
  baseline: { name: sourceName('baseline'), symbol: 'square' },
  first_model: { name: sourceName('first_model'), symbol: 'star' },
};
const FURTHER = { frozen: 0, short: 1, final: 2 };
const FAINT = { frozen: 0.85, short: 0.5, final: 1 };

const keys = new WeakMap();

function key(one) {
  if (!keys.has(one)) keys.set(one, `${one.source} ${JSON.stringify(one.architecture)}`);
  return keys.get(one);
}

/** Numbers whose network was trained further by a later, finished candidate. */
export function supersededBy(candidates) {
  const byNumber = new Map(candidates.map((one) => [one.number, one]));
  const finished = candidates.filter((one) => one.status === 'finished' && one.metrics);
  const superseded = new Map();
  const furthest = new Map();
  for (const one of finished) {
    for (let parent = one.refines; parent != null && !superseded.has(parent); parent = byNumber.get(parent)?.refines) {
      superseded.set(parent, one.number);
    }
    const before = furthest.get(key(one));
    if (!before || FURTHER[one.fidelity] > FURTHER[before.fidelity]) furthest.set(key(one), one);
  }
  for (const one of finished) {
    const best = furthest.get(key(one));
    if (FURTHER[one.fidelity] < FURTHER[best.fidelity] && !superseded.has(one.number)) superseded.set(one.number, best.number);
  }
  return superseded;
}

/** Candidates that count: finished, and not trained further since. */
export function currentOf(candidates) {
  const gone = supersededBy(candidates);
  return candidates.filter((one) => one.status === 'finished' && one.metrics && !gone.has(one.number));
}

/** Points of those that count, with `cost` on an axis, and `onFront` set for it. */
export function pointsOf(candidates, axis) {
  const current = currentOf(candidates);
  const front = frontOf(current, axis);
  return current.map((one) => ({ ...one, ...one.metrics, cost: axis.cost(one.metrics), onFront: front.has(one.number) }));
}

/** The architecture in words, one line. */
export function shapeOf(architecture) {
  if (architecture.kind !== 'mbconv') return `${architecture.name}, ${architecture.resolution} px`;
  const blocks = architecture.stages.reduce((sum, stage) => sum + stage.depth, 0);
  const stages = architecture.stages.map((s) => `${s.depth}×${s.channels}k${s.kernel}e${s.expansion}`).join(' ');
  return fill(gettext('%(px)s px, %(n)s blocks: %(stages)s'), { px: architecture.resolution, n: blocks, stages });
}

function hoverText(point, axis) {
  const shape = plotlyText(shapeOf(point.architecture), 140);
  const middle = shape.length > 60 ? shape.indexOf(' ', Math.floor(shape.length / 2)) : -1;
  return [
    // No <b>: Plotly would make an inline style of it, which the page's policy refuses.
    plotlyText(point.label),
    fill(gettext('%(value)s right (95%: %(low)s to %(high)s)'), { value: percent(point.accuracy), low: percent(point.accuracy_low), high: percent(point.accuracy_high) }),
    fill(gettext('%(time)s per photo, %(size)s'), { time: ms(point.latency_ms), size: bytes(point.size_bytes) }),
    ...(['latency', 'size'].includes(axis.name) ? [] : [`${axis.title}: ${costText(axis, point.cost)}`]),
    `${sourceName(point.source)}, ${trainedName(point.fidelity)}`,
    ...(middle < 0 ? [shape] : [shape.slice(0, middle), shape.slice(middle + 1)]),
  ].join('<br>');
}

// Canvas and SVG attributes need plain colours; light-dark() is resolved by letting an element wear it.
export function colour(name) {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  probe.hidden = true;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function trace(source, points, axis) {
  const paint = colour(`--chart-${source}`);
  return {
    type: 'scatter',
    mode: 'markers',
    name: SERIES[source].name,
    x: points.map((p) => p.cost),
    y: points.map((p) => 100 * p.accuracy),
    customdata: points.map((p) => p.number),
    text: points.map((point) => hoverText(point, axis)),
    hovertemplate: '%{text}<extra></extra>',
    marker: {
      symbol: SERIES[source].symbol,
      color: paint,
      size: points.map((p) => (p.fidelity === 'short' ? 10 : 14)),
      opacity: points.map((p) => FAINT[p.fidelity] ?? 1),
      line: { width: 1, color: colour('--app-panel') },
    },
  };
}

function frontTrace(points) {
  const front = points.filter((p) => p.onFront).sort((a, b) => a.cost - b.cost || a.accuracy - b.accuracy);
  return {
    type: 'scatter',
    mode: 'lines',
    x: front.map((p) => p.cost),
    y: front.map((p) => 100 * p.accuracy),
    line: { shape: 'hv', width: 1.5, dash: 'dot', color: colour('--chart-front') },
    hoverinfo: 'skip',
  };
}

function layout(narrow, axis, log, points) {
  const frame = { gridcolor: colour('--chart-grid'), linecolor: colour('--app-line'), zeroline: false, automargin: true };
  const title = `${axis.title} (${axis.unit})`;
  const scale = log ? { type: 'log', tickvals: logTicks(points.map((point) => point.cost)) } : { type: 'linear', rangemode: 'tozero' };
  return {
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: { family: 'system-ui, sans-serif', size: narrow ? 11 : 12.5, color: colour('--app-quiet') },
    margin: { l: narrow ? 44 : 60, r: 12, t: 12, b: 56 },
    showlegend: false,
    hovermode: 'closest',
    hoverlabel: {
      bgcolor: colour('--app-panel'),
      bordercolor: colour('--app-line'),
      font: { color: colour('--app-ink'), size: 12 },
      align: 'left',
    },
    xaxis: { ...frame, ...scale, title: { text: narrow ? title : `${title} · ${gettext('further left is')} ${axis.better}` } },
    yaxis: { ...frame, ticksuffix: '%', title: narrow ? undefined : { text: gettext('Right on validation photos · higher is better') } },
    uirevision: `${axis.name} ${log}`, // a zoom of the reader survives the next update of the same axis
  };
}

/** Draws at most four times a second, more rarely when drawing takes long; the last call always wins. */
export class FrontChart {
  constructor(node, onPick) {
    this.node = node;
    this.points = [];
    [this.axis] = AXES;
    this.log = false;
    this.waiting = null;
    this.last = 0;
    this.pause = 250;
    this.onPick = onPick;
    this.ready = false;
    document.addEventListener('themechange', () => this.schedule());
    new ResizeObserver(() => this.ready && window.Plotly.Plots.resize(node)).observe(node);
  }

  /** Draws points of `pointsOf` for an axis. */
  show(points, axis, log) {
    Object.assign(this, { points, axis, log });
    this.schedule();
  }

  schedule() {
    if (this.waiting !== null) return;
    const pause = Math.max(0, this.last + this.pause - performance.now());
    this.waiting = setTimeout(() => {
      this.waiting = null;
      const started = performance.now();
      this.draw();
      this.last = performance.now();
      this.pause = Math.max(250, 4 * (this.last - started));
    }, pause);
  }

  draw() {
    const narrow = this.node.clientWidth < 560;
    const sources = Object.keys(SERIES).map((source) => [source, this.points.filter((p) => p.source === source)]);
    const traces = [frontTrace(this.points), ...sources.filter(([, some]) => some.length).map(([source, some]) => trace(source, some, this.axis))];
    const config = { displayModeBar: false, responsive: false, scrollZoom: false, doubleClick: 'reset' };
    window.Plotly.react(this.node, traces, layout(narrow, this.axis, this.log, this.points), config);
    this.node.dataset.axis = this.axis.name;
    this.node.dataset.points = String(this.points.length);
    this.node.dataset.front = this.points.filter((p) => p.onFront).map((p) => p.number).sort((a, b) => a - b).join(',');
    if ($('chart-empty')) $('chart-empty').hidden = this.points.length > 0;
    if (!this.ready) {
      this.ready = true;
      this.node.on('plotly_click', (event) => {
        const number = event.points[0]?.customdata;
        if (number != null) this.onPick?.(number);
      });
    }
  }
}
