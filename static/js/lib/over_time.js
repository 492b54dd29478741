// Two small charts: the best accuracy and the area under the front, over the time spent on networks.
import { costText } from './axes.js';
import { colour } from './colour.js';
import { saveCsv } from './csv.js';
import { $, el } from './dom.js';
import { duration, percent } from './format.js';
import { History } from './history.js';
import { LinePlot, axisOf } from './plot.js';
import { fill, gettext } from './words.js';

const SHOW_EVERY = 1000;
const ROWS = 200;

const INCREMENTS = [1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
const minutes = (plot, splits) => splits.map((value) => duration(value));

function options(paint, reach) {
  return () => ({
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    padding: [10, 28, 0, 0],
    scales: { x: { time: false, range: (plot, low, high) => [0, Math.max(high, 1)] }, y: { range: (plot, low, high) => reach(low ?? 0, high ?? 1) } },
    axes: [axisOf({ size: 34, values: minutes, incrs: INCREMENTS, space: 70 }), axisOf({ size: 52, values: (plot, splits) => splits.map((value) => percent(value)) })],
    series: [{}, { stroke: colour(paint), width: 2, paths: window.uPlot.paths.stepped({ align: 1 }), points: { show: false } }],
  });
}

export class OverTime {
  constructor() {
    const around = (low, high) => [Math.max(0, low - 0.02), Math.min(1.01, high + 0.02)];
    this.best = new LinePlot($('best-chart'), options('--chart-base_search', around));
    this.area = new LinePlot($('area-chart'), options('--chart-scaled', around));
    this.timer = null;
    $('time-table').addEventListener('toggle', () => this.fillTable());
    $('time-csv').addEventListener('click', () => saveCsv('over-time.csv', [
      ['seconds', 'network', 'best_right', 'area_share'],
      ...this.history.steps.map((step) => [step.seconds, step.number, step.best, step.share]),
    ]));
  }

  /** Begins anew, with all networks for an axis. */
  load(networks, axis) {
    this.history = new History(axis);
    for (const one of networks.all.values()) this.history.add(one, networks.reached(one));
    this.draw();
  }

  add(one, networks) {
    this.history.add(one, networks.reached(one));
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.draw();
    }, SHOW_EVERY);
  }

  draw() {
    const { steps, seconds, reference, axis } = this.history;
    $('time').hidden = steps.length === 0;
    if (!steps.length) return;
    const known = reference !== null;
    $('area-figure').hidden = !known;
    const xs = [...steps.map((step) => step.seconds), Math.max(seconds, steps.at(-1).seconds + 1e-6)];
    const data = (name) => [xs, [...steps.map((step) => step[name]), steps.at(-1)[name]]];
    this.best.show(data('best'));
    if (known) this.area.show(data('share'));
    $('best-now').textContent = percent(steps.at(-1).best);
    $('area-now').textContent = percent(steps.at(-1).share);
    $('area-note').textContent = known
      ? fill(gettext('Share of the rectangle from nothing right at %(cost)s, twice the first network, to everything right at no cost. It does not move during a search.'), { cost: costText(axis, reference.cost) })
      : '';
    this.fillTable();
  }

  fillTable() {
    if (!$('time-table').open) return;
    $('time-rows').replaceChildren(...this.history.steps.slice(-ROWS).toReversed().map((step) => el('tr', {},
      el('td', { class: 'num', text: duration(step.seconds) }),
      el('td', { class: 'num', text: `#${step.number}` }),
      el('td', { class: 'num', text: percent(step.best) }),
      el('td', { class: 'num', text: percent(step.share) }))));
  }
}
