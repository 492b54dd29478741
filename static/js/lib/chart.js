// Candidates -> points -> Plotly chart in the colours of the theme. The twin of search_app/charts.py, with a choice of axes.
import { AXES, costText, frontOf, logTicks } from './axes.js';
import { colour } from './colour.js';
import { bytes, ms, percent, plotlyText } from './format.js';
import { sourceName, trainedName } from './names.js';
import { Networks } from './networks.js';
import { CONFIG, layoutOf } from './plotly_look.js';
import { fill, gettext } from './words.js';

export const SERIES = {
  base_search: { name: sourceName('base_search'), symbol: 'circle' },
  scaled: { name: sourceName('scaled'), symbol: 'diamond' },
  baseline: { name: sourceName('baseline'), symbol: 'square' },
  first_model: { name: sourceName('first_model'), symbol: 'star' },
};
const FAINT = { frozen: 0.85, short: 0.5, final: 1 };

/** Candidates that count: finished, and not trained further since. */
export function currentOf(candidates) {
  const networks = new Networks();
  for (const one of candidates) networks.add({ ...one, twin: `${one.source} ${JSON.stringify(one.architecture)}` });
  return [...networks.current()];
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
  return `${architecture.resolution} px, ${blocks} blocks: ${stages}`;
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
  const title = `${axis.title} (${axis.unit})`;
  const scale = log ? { type: 'log', tickvals: logTicks(points.map((point) => point.cost)) } : { type: 'linear', rangemode: 'tozero' };
  return layoutOf({
    size: narrow ? 11 : 12.5,
    margin: { l: narrow ? 44 : 60, r: 12, t: 12, b: 56 },
    x: { ...scale, title: { text: narrow ? title : `${title} · ${gettext('further left is')} ${axis.better}` } },
    uirevision: `${axis.name} ${log}`, // a zoom of the reader survives a change of the theme
    y: { title: narrow ? undefined : { text: gettext('Right on validation photos · higher is better') } },
  });
}

export class FrontChart {
  constructor(node, onPick) {
    this.node = node;
    this.points = [];
    [this.axis] = AXES;
    this.log = false;
    this.onPick = onPick;
    this.ready = false;
    document.addEventListener('themechange', () => this.draw());
    new ResizeObserver(() => this.ready && window.Plotly.Plots.resize(node)).observe(node);
  }

  /** Draws points of `pointsOf` for an axis. */
  show(points, axis, log) {
    Object.assign(this, { points, axis, log });
    this.draw();
  }

  draw() {
    const narrow = this.node.clientWidth < 560;
    const sources = Object.keys(SERIES).map((source) => [source, this.points.filter((p) => p.source === source)]);
    const traces = [frontTrace(this.points), ...sources.filter(([, some]) => some.length).map(([source, some]) => trace(source, some, this.axis))];
    window.Plotly.react(this.node, traces, layout(narrow, this.axis, this.log, this.points), { ...CONFIG, doubleClick: 'reset' });
    this.node.dataset.axis = this.axis.name;
    this.node.dataset.points = String(this.points.length);
    this.node.dataset.front = this.points.filter((p) => p.onFront).map((p) => p.number).sort((a, b) => a - b).join(',');
    if (!this.ready) {
      this.ready = true;
      this.node.on('plotly_click', (event) => {
        const number = event.points[0]?.customdata;
        if (number != null) this.onPick?.(number);
      });
    }
  }
}
