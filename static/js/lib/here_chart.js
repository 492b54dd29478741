// The front of a search, and where a model stands on this device.
import { logTicks } from './axes.js';
import { colour } from './colour.js';
import { ms, percent, plotlyText } from './format.js';
import { CONFIG, layoutOf } from './plotly_look.js';
import { fill, gettext } from './words.js';

const FAR = 12;

const text = (point, where) => [plotlyText(point.label), fill(gettext('%(accuracy)s right, %(time)s'), { accuracy: percent(point.accuracy), time: ms(point.ms) }), where].join('<br>');

function traces(points, here) {
  const server = points.map((point) => ({ ...point, ms: point.here_ms }));
  const front = server.filter((point) => point.on_front).sort((a, b) => a.ms - b.ms);
  const shared = { type: 'scatter', hovertemplate: '%{text}<extra></extra>' };
  const found = [
    { ...shared, mode: 'lines', x: front.map((p) => p.ms), y: front.map((p) => 100 * p.accuracy), line: { shape: 'hv', width: 1.5, dash: 'dot', color: colour('--chart-front') }, hoverinfo: 'skip', hovertemplate: undefined },
    { ...shared, mode: 'markers', x: server.map((p) => p.ms), y: server.map((p) => 100 * p.accuracy), text: server.map((p) => text(p, gettext('on the server'))), marker: { symbol: 'circle', size: 10, color: colour('--chart-base_search') } },
  ];
  if (here) {
    found.push({ ...shared, mode: 'markers', x: [here.ms], y: [100 * here.accuracy], text: [text(here, gettext('on this device'))], marker: { symbol: 'star-diamond', size: 17, color: colour('--chart-scaled'), line: { width: 1.5, color: colour('--app-panel') } } });
  }
  return found;
}

/** Times that lie far apart are told apart on a log scale only. */
function scaleFor(times) {
  const far = Math.max(...times) > FAR * Math.min(...times);
  return far ? { type: 'log', tickvals: logTicks(times) } : { type: 'linear', rangemode: 'tozero' };
}

/** Draws the points of a search and, once it is measured, `here`: `{ label, accuracy, ms }`. */
export function drawHere(node, points, here) {
  const times = [...points.map((point) => point.here_ms), ...(here ? [here.ms] : [])];
  const layout = layoutOf({
    size: 12,
    margin: { l: 46, r: 10, t: 10, b: 44 },
    x: { ...scaleFor(times), title: { text: gettext('Time per photo (ms)') } },
  });
  window.Plotly.react(node, traces(points, here), layout, CONFIG);
  node.dataset.here = here ? String(here.ms) : '';
}
