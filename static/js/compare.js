// Two fronts on one chart, in the colours of the theme.
import { colour } from './lib/colour.js';
import { $ } from './lib/dom.js';
import { ms, percent, plotlyText } from './lib/format.js';
import { wirePaper } from './lib/paper.js';
import { CONFIG, layoutOf } from './lib/plotly_look.js';
import { gettext } from './lib/words.js';

const node = $('fronts-chart');
const fronts = JSON.parse($('fronts').textContent);
const LOOKS = [
  { colour: '--chart-base_search', symbol: 'circle', dash: 'solid' },
  { colour: '--chart-scaled', symbol: 'square', dash: 'dot' },
];

function trace({ name, points }, look) {
  const paint = colour(look.colour);
  const off = (edge) => points.map((point) => 100 * Math.abs(point[edge] - point.accuracy));
  return {
    type: 'scatter',
    mode: 'lines+markers',
    x: points.map((point) => point.latency_ms),
    y: points.map((point) => 100 * point.accuracy),
    error_y: { type: 'data', symmetric: false, array: off('high'), arrayminus: off('low'), thickness: 1, width: 3, color: paint },
    text: points.map((point) => [plotlyText(point.label), `${percent(point.accuracy)}, ${ms(point.latency_ms)}`, plotlyText(name)].join('<br>')),
    hovertemplate: '%{text}<extra></extra>',
    line: { shape: 'hv', width: 1.5, dash: look.dash, color: paint },
    marker: { symbol: look.symbol, size: 11, color: paint, line: { width: 1, color: colour('--app-panel') } },
  };
}

function draw() {
  const layout = layoutOf({
    margin: { l: 60, r: 12, t: 12, b: 56 },
    x: { rangemode: 'tozero', title: { text: gettext('Time per photo (ms)') } },
    y: { title: { text: gettext('Right on validation photos') } },
  });
  const traces = fronts.map((front, place) => trace(front, LOOKS[place]));
  window.Plotly.react(node, traces, layout, CONFIG);
  node.dataset.points = String(fronts.reduce((sum, front) => sum + front.points.length, 0));
}

draw();
document.addEventListener('themechange', draw);
document.addEventListener('paper', draw);
new ResizeObserver(() => window.Plotly.Plots.resize(node)).observe(node);
wirePaper($('print'));
