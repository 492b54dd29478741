// The card "What the method is doing": tiles, lines, bars and a table of what a strategy shows of itself.
import { colour } from './colour.js';
import { saveCsv } from './csv.js';
import { el } from './dom.js';
import { LinePlot, axisOf } from './plot.js';
import { decimal, percent } from './format.js';
import { gettext, language } from './words.js';

// What `Strategy.telemetry` calls its values -> what people read. Others are shown by their own name.
const NAMES = {
  entropy: [gettext('Entropy'), gettext('nats a decision')],
  batch_reward: [gettext('Reward, last batch')],
  moving_reward: [gettext('Reward, moving mean')],
  best_reward: [gettext('Best reward')],
  updates: [gettext('Updates'), gettext('of the policy')],
  proposals: [gettext('Proposals')],
  space_seen: [gettext('Space seen')],
  children: [gettext('Children'), gettext('since the first population')],
  population: [gettext('Population')],
  population_best: [gettext('Best of population'), gettext('reward')],
  population_median: [gettext('Median of population'), gettext('reward')],
  diversity: [gettext('Diversity'), gettext('decisions that differ')],
  generation: [gettext('Generation')],
  front: [gettext('Front'), gettext('networks on it')],
  hypervolume: [gettext('Hypervolume'), gettext('boxes of the first generation')],
  error_accuracy: [gettext('Error, accuracy'), gettext('mean of the last predictions')],
  error_latency_ms: [gettext('Error, time'), gettext('ms, mean of the last predictions')],
  skips: [gettext('Skips'), gettext('in the cell')],
  eigenvalue: [gettext('Eigenvalue'), gettext('largest, of the Hessian')],
  validation: [gettext('Validation'), gettext('of the mixed network')],
};
// Kinds and options of the spaces that are abbreviated there.
const WORDS = { op: gettext('operation'), edge: gettext('operation'), se: gettext('squeeze-excite'), ds: gettext('separable'), ir: gettext('MBConv'), er: gettext('fused MBConv') };
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
  { mark: 'line-left', paint: '--chart-base_search', dash: [] },
  { mark: 'line-right', paint: '--chart-scaled', dash: [8, 5] },
  { mark: 'line-third', paint: '--chart-first_model', dash: [2, 3] },
];

const SHOW_EVERY = 2000; // milliseconds between drawings while steps come in

const upper = (text) => text.replace(/^./, (first) => first.toUpperCase());
const nameOf = (key) => NAMES[key]?.[0] ?? upper(key.replaceAll('_', ' '));

/** A value in as many digits as it deserves. */
export function figure(key, value) {
  if (value == null) return '–';
  if (WHOLE.has(key)) return Math.round(value).toLocaleString(language);
  const scaled = PERCENT.has(key) ? 100 * value : value;
  const size = Math.abs(scaled);
  if (PERCENT.has(key)) return size > 0 && size < 0.01 ? `${scaled.toPrecision(1)}%` : percent(value, size < 10 ? 2 : 1);
  return decimal(scaled, size < 0.1 ? 4 : size < 10 ? 3 : 1);
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
  const title = upper(WORDS[kind] ?? (kind || gettext('operation')));
  return el('div', {}, el('h3', { text: title }), el('ul', { class: 'bars' }, ...options.map(([name, share]) => el('li', {},
    el('span', { class: 'text-clip', text: WORDS[name] ?? name, title: name }),
    el('progress', { max: 1, value: share, 'aria-label': `${title} ${name}` }),
    el('span', { class: 'num', text: percent(share, 0) })))));
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

/** What uPlot draws: the lines of both axes by their keys. */
function optionsOf(lines, places, step, onCursor) {
  const gaps = { spanGaps: false, width: 2, points: { show: places.length < 40, size: 6 } };
  const of = (axis) => lines.filter((line) => line.axis === axis).map((line) => line.key);
  const title = (keys) => (keys.length > 1 ? gettext('Reward') : keys.map(nameOf).join());
  return (width) => ({
    legend: { show: false },
    padding: [10, of('y2').length ? 0 : 12, 0, 0],
    cursor: { drag: { x: true, y: false } },
    scales: { x: { time: false }, y: {}, y2: {} },
    axes: [
      axisOf({ label: step }),
      axisOf({ scale: 'y', size: 52, ...(width < 560 ? {} : { label: title(of('y')) }) }),
      ...(of('y2').length ? [axisOf({ scale: 'y2', side: 1, size: 52, grid: { show: false }, ...(width < 560 ? {} : { label: title(of('y2')) }) })] : []),
    ],
    series: [{}, ...lines.map(({ style, axis }) => ({ ...gaps, scale: axis, stroke: colour(style.paint), dash: style.dash }))],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
  });
}

export class MethodCard {
  /** @param {HTMLElement} node the section of templates/search/method.html */
  constructor(node) {
    this.node = node;
    this.history = { steps: [], shares: {} };
    this.part = (name) => node.querySelector(`#method-${name}`);
    this.part('table').addEventListener('toggle', () => this.fillTable());
    this.timer = null;
    this.kind = '';
    this.part('csv').addEventListener('click', () => saveCsv('method.csv', this.rows()));
  }

  /** Shows a history `{steps: [{step, values}], shares}`; an empty one leaves the card hidden. */
  show(history) {
    if (history === this.history) return;
    this.history = history;
    this.node.hidden = history.steps.length === 0;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.draw();
    }, this.node.dataset.step ? SHOW_EVERY : 0);
  }

  draw() {
    const { steps, shares } = this.history;
    if (!steps.length) return;
    const { values } = steps.at(-1);
    this.part('tiles').replaceChildren(...Object.entries(values).map(([key, value]) => {
      const note = NAMES[key]?.[1];
      return el('div', {}, el('dt', { text: nameOf(key) }), el('dd', { text: figure(key, value) }, note ? el('small', { text: note }) : null));
    }));
    // In frames of their own: no frame shall take long while a search streams in.
    requestAnimationFrame(() => {
      this.part('shares').replaceChildren(...[...groupsOf(shares)].map(bars));
      this.part('options').hidden = Object.keys(shares).length === 0;
      this.fillTable();
      requestAnimationFrame(() => {
        this.drawLines(steps, values);
        this.node.dataset.step = String(steps.at(-1).step);
      });
    });
  }

  drawLines(steps, values) {
    const [left, right] = axesOf(values);
    const lines = [...left, ...right].map((key, place) => ({ key, style: STYLES[place], axis: left.includes(key) ? 'y' : 'y2' }));
    const places = placesOf(steps);
    const gaps = places.map((one, place) => one.at ?? (places[place - 1].at + places[place + 1].at) / 2); // where it begins anew
    const data = [gaps, ...lines.map(({ key }) => places.map((one) => one.values[key] ?? null))];
    const step = 'skips' in values ? gettext('Epoch') : gettext('Networks tried');
    const kind = `${lines.map((line) => line.key)} ${step} ${places.length < 40}`;
    this.shown = { lines, places, right };
    if (kind !== this.kind) {
      this.kind = kind;
      this.plot ??= new LinePlot(this.part('chart'), () => ({}));
      this.plot.options = (width) => optionsOf(lines, places, step, (place) => this.legend(place))(width);
      this.plot.data = data;
      this.plot.rebuild();
    } else {
      this.plot.show(data);
    }
    this.legend(null);
  }

  /** Names of the lines, and their values at the place of the pointer. */
  legend(place) {
    const { lines, places, right } = this.shown;
    const one = place === null ? null : places[place];
    this.part('legend').replaceChildren(...lines.map(({ key, style, axis }) => {
      const side = right.length ? ` (${axis === 'y' ? gettext('left axis') : gettext('right axis')})` : '';
      return el('li', {}, swatch(style.mark), `${nameOf(key)}${side}${one?.at == null ? '' : `: ${figure(key, one.values[key])}`}`);
    }));
  }

  rows() {
    const keys = this.keys();
    return [['step', ...keys], ...this.history.steps.map((one) => [one.step, ...keys.map((key) => one.values[key])])];
  }

  keys() {
    return [...new Set(this.history.steps.toReversed().flatMap((one) => Object.keys(one.values)))];
  }

  /** The table twin of lines and tiles, newest first; filled only while it is open. */
  fillTable() {
    const table = this.part('table');
    if (!table.open) return;
    const keys = this.keys();
    table.querySelector('thead').replaceChildren(el('tr', {}, el('th', { text: gettext('Step'), scope: 'col' }), ...keys.map((key) => el('th', { text: nameOf(key), scope: 'col' }))));
    table.querySelector('tbody').replaceChildren(...this.history.steps.toReversed().map((one) => el('tr', {},
      el('td', { class: 'num', text: String(one.step) }),
      ...keys.map((key) => el('td', { class: 'num', text: figure(key, one.values[key]) })))));
  }
}
