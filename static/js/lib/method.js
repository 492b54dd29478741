// The card "What the method is doing": tiles, lines, bars and a table of what a strategy shows of itself.
import { colour } from './chart.js';
import { el } from './dom.js';

// What `Strategy.telemetry` calls its values -> what people read. Others are shown by their own name.
const NAMES = {
  entropy: ['Entropy', 'nats a decision'],
  batch_reward: ['Reward, last batch'],
  moving_reward: ['Reward, moving mean'],
  best_reward: ['Best reward'],
  updates: ['Updates', 'of the policy'],
  proposals: ['Proposals'],
  space_seen: ['Space seen'],
  children: ['Children', 'since the first population'],
  population: ['Population'],
  population_best: ['Best of population', 'reward'],
  population_median: ['Median of population', 'reward'],
  diversity: ['Diversity', 'decisions that differ'],
  generation: ['Generation'],
  front: ['Front', 'networks on it'],
  hypervolume: ['Hypervolume', 'boxes of the first generation'],
  error_accuracy: ['Error, accuracy', 'mean of the last predictions'],
  error_latency_ms: ['Error, time', 'ms, mean of the last predictions'],
  skips: ['Skips', 'in the cell'],
  eigenvalue: ['Eigenvalue', 'largest, of the Hessian'],
  validation: ['Validation', 'of the mixed network'],
};
// Kinds and options of the spaces that are abbreviated there.
const WORDS = { op: 'operation', edge: 'operation', se: 'squeeze-excite', ds: 'separable', ir: 'MBConv', er: 'fused MBConv' };
const PERCENT = new Set(['space_seen', 'error_accuracy', 'validation']);
const WHOLE = new Set(['updates', 'proposals', 'children', 'population', 'generation', 'front', 'skips']);

// Left axis and right axis; the first row of which all but the third line is there is drawn.
const CHARTS = [
  [['skips'], ['eigenvalue']],
  [['skips'], ['validation']],
  [['entropy'], ['moving_reward', 'batch_reward']],
  [['population_best', 'population_median'], ['diversity']],
  [['hypervolume'], ['error_accuracy']],
  [['hypervolume'], ['front']],
  [['front'], []],
  [['entropy'], []],
  [['best_reward'], []],
];
const STYLES = [
  { mark: 'line-left', paint: '--chart-base_search', dash: 'solid' },
  { mark: 'line-right', paint: '--chart-scaled', dash: 'dash' },
  { mark: 'line-third', paint: '--chart-first_model', dash: 'dot' },
];

const upper = (text) => text.replace(/^./, (first) => first.toUpperCase());
const nameOf = (key) => NAMES[key]?.[0] ?? upper(key.replaceAll('_', ' '));

/** A value in as many digits as it deserves. */
export function figure(key, value) {
  if (value == null) return '–';
  if (WHOLE.has(key)) return Math.round(value).toLocaleString('en');
  const scaled = PERCENT.has(key) ? 100 * value : value;
  const size = Math.abs(scaled);
  if (PERCENT.has(key)) return `${size > 0 && size < 0.01 ? scaled.toPrecision(1) : scaled.toFixed(size < 10 ? 2 : 1)}%`;
  return scaled.toFixed(size < 0.1 ? 4 : size < 10 ? 3 : 1);
}

/** What is drawn: keys of the left and of the right axis. */
function axesOf(values) {
  const known = CHARTS.find(([left, right]) => [...left, ...right.slice(0, 1)].every((key) => key in values));
  if (known) return known;
  const [first, second] = Object.keys(values);
  return [[first].filter(Boolean), [second].filter(Boolean)];
}

/** "kernel: 5" belongs under "kernel"; a name without a kind stands alone. */
function groupsOf(shares) {
  const groups = new Map();
  for (const [name, share] of Object.entries(shares)) {
    const cut = name.indexOf(': ');
    const kind = cut < 0 ? '' : name.slice(0, cut);
    if (!groups.has(kind)) groups.set(kind, []);
    groups.get(kind).push([cut < 0 ? name : name.slice(cut + 2), share]);
  }
  return groups;
}

function bars([kind, options]) {
  const title = upper(WORDS[kind] ?? (kind || 'operation'));
  return el('div', {}, el('h3', { text: title }), el('ul', { class: 'bars' }, ...options.map(([name, share]) => el('li', {},
    el('span', { class: 'text-clip', text: WORDS[name] ?? name, title: name }),
    el('progress', { max: 1, value: share, 'aria-label': `${title} ${name}` }),
    el('span', { class: 'num', text: `${Math.round(100 * share)}%` })))));
}

function swatch(mark) {
  const box = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  box.setAttribute('viewBox', '0 0 22 14');
  box.setAttribute('aria-hidden', 'true');
  box.setAttribute('class', 'line');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  line.setAttribute('d', 'M0 7h22');
  line.setAttribute('class', mark);
  box.append(line);
  return box;
}

/** Places along the axis; a search that begins anew within the run (its step falls) goes on to the right, after a gap. */
export function placesOf(steps) {
  let start = 0;
  let before = -1;
  return steps.flatMap(({ step, values }) => {
    const gap = step <= before ? [{ at: null, values: {} }] : [];
    if (gap.length) start += before + 1;
    before = step;
    return [...gap, { at: start + step, values }];
  });
}

function layout(narrow, left, right, step) {
  const axis = { gridcolor: colour('--chart-grid'), linecolor: colour('--app-line'), zeroline: false, automargin: true, hoverformat: '.4~g' };
  const title = (keys) => (narrow || !keys.length ? undefined : { text: keys.length > 1 ? 'Reward' : nameOf(keys[0]), font: { size: 12 } });
  return {
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: { family: 'system-ui, sans-serif', size: narrow ? 11 : 12, color: colour('--app-quiet') },
    margin: { l: 44, r: 44, t: 10, b: 40 },
    showlegend: false,
    hovermode: 'x unified',
    hoverlabel: { bgcolor: colour('--app-panel'), bordercolor: colour('--app-line'), font: { color: colour('--app-ink'), size: 12 }, namelength: -1 },
    xaxis: { ...axis, title: { text: step }, rangemode: 'tozero', tickformat: 'd', spikethickness: 1, spikedash: 'dot', spikecolor: colour('--app-quiet') },
    yaxis: { ...axis, title: title(left), nticks: 6 },
    yaxis2: { ...axis, title: title(right), overlaying: 'y', side: 'right', showgrid: false, nticks: 6, tickmode: 'auto' },
    uirevision: 'keep',
  };
}

export class MethodCard {
  /** @param {HTMLElement} node the section of templates/search/method.html */
  constructor(node) {
    this.node = node;
    this.history = { steps: [], shares: {} };
    this.part = (name) => node.querySelector(`#method-${name}`);
    this.part('table').addEventListener('toggle', () => this.fillTable());
    document.addEventListener('themechange', () => this.draw());
    new ResizeObserver(() => this.drawn && window.Plotly.Plots.resize(this.part('chart'))).observe(this.part('chart'));
  }

  /** Shows a history `{steps: [{step, values}], shares}`; an empty one leaves the card hidden. */
  show(history) {
    if (history === this.history) return;
    this.history = history;
    this.node.hidden = history.steps.length === 0;
    this.draw();
  }

  draw() {
    const { steps, shares } = this.history;
    if (!steps.length) return;
    const { values } = steps.at(-1);
    this.part('tiles').replaceChildren(...Object.entries(values).map(([key, value]) => {
      const note = NAMES[key]?.[1];
      return el('div', {}, el('dt', { text: nameOf(key) }), el('dd', { text: figure(key, value) }, note ? el('small', { text: note }) : null));
    }));
    this.part('shares').replaceChildren(...[...groupsOf(shares)].map(bars));
    this.part('options').hidden = Object.keys(shares).length === 0;
    this.drawLines(steps, values);
    this.fillTable();
    this.node.dataset.step = String(steps.at(-1).step);
  }

  drawLines(steps, values) {
    const [left, right] = axesOf(values);
    const lines = [...left, ...right].map((key, place) => ({ key, style: STYLES[place], axis: left.includes(key) ? 'y' : 'y2' }));
    const chart = this.part('chart');
    const places = placesOf(steps);
    const traces = lines.map(({ key, style, axis }) => ({
      type: 'scatter',
      mode: steps.length < 40 ? 'lines+markers' : 'lines',
      name: nameOf(key),
      x: places.map((one) => one.at),
      y: places.map((one) => one.values[key] ?? null),
      yaxis: axis,
      line: { color: colour(style.paint), width: 2, dash: style.dash },
      marker: { size: 5, color: colour(style.paint) },
    }));
    const step = 'skips' in values ? 'Epoch' : 'Networks tried';
    window.Plotly.react(chart, traces, layout(chart.clientWidth < 560, left, right, step), { displayModeBar: false, doubleClick: 'reset' });
    this.drawn = true;
    this.part('legend').replaceChildren(...lines.map(({ key, style, axis }) => el('li', {}, swatch(style.mark),
      `${nameOf(key)}${right.length ? ` (${axis === 'y' ? 'left' : 'right'})` : ''}`)));
  }

  /** The table twin of lines and tiles, newest first; filled only while it is open. */
  fillTable() {
    const table = this.part('table');
    if (!table.open) return;
    const keys = [...new Set(this.history.steps.toReversed().flatMap((one) => Object.keys(one.values)))];
    table.querySelector('thead').replaceChildren(el('tr', {}, el('th', { text: 'Step', scope: 'col' }), ...keys.map((key) => el('th', { text: nameOf(key), scope: 'col' }))));
    table.querySelector('tbody').replaceChildren(...this.history.steps.toReversed().map((one) => el('tr', {},
      el('td', { class: 'num', text: String(one.step) }),
      ...keys.map((key) => el('td', { class: 'num', text: figure(key, one.values[key]) })))));
  }
}
