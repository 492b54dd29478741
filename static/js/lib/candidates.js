// The table twin of the chart and the sheet with everything about one candidate.
import { SERIES, TRAINED, shapeOf } from './chart.js';
import { el } from './dom.js';
import { bytes, count, duration, ms, percent } from './format.js';

const ORIGIN = { base_search: 'Search', scaled: 'Scaled family', baseline: 'Baseline', first_model: 'First model' };

function standing(one, onFront, superseded) {
  if (one.status === 'failed') return 'failed';
  if (superseded.has(one.number)) return `trained further as #${superseded.get(one.number)}`;
  return onFront.has(one.number) ? 'on the front' : '';
}

const FEW = 200;

/** Fills the table body, best first; failed and superseded ones at the end. A long table is shown in full on request. */
export function fillTable(body, candidates, points, superseded, onPick) {
  const onFront = new Set(points.filter((point) => point.onFront).map((point) => point.number));
  const rank = (one) => (one.metrics ? one.metrics.accuracy : -1) - (superseded.has(one.number) ? 1 : 0);
  const sorted = [...candidates].sort((a, b) => rank(b) - rank(a) || a.number - b.number);
  const shown = body.dataset.all ? sorted : sorted.slice(0, FEW);
  const rows = shown.map((one) => {
    const button = el('button', { type: 'button', class: 'btn btn-link p-0 text-start clamp-2', text: one.label, title: one.label });
    button.addEventListener('click', () => onPick(one));
    return el('tr', {},
      el('td', { class: 'num', text: `#${one.number}` }),
      el('td', { class: 'wide' }, button),
      el('td', { class: 'snug', text: ORIGIN[one.source] ?? one.source }),
      el('td', { class: 'snug', text: TRAINED[one.fidelity] ?? one.fidelity }),
      el('td', { class: 'num', text: percent(one.metrics?.accuracy) }),
      el('td', { class: 'num', text: ms(one.metrics?.latency_ms) }),
      el('td', { class: 'num', text: bytes(one.metrics?.size_bytes) }),
      el('td', { class: 'snug', text: standing(one, onFront, superseded) }));
  });
  if (shown.length < sorted.length) {
    const more = el('button', { type: 'button', class: 'btn btn-sm btn-outline-secondary', text: `Show all ${count(sorted.length)}` });
    more.addEventListener('click', () => {
      body.dataset.all = 'yes';
      fillTable(body, candidates, points, superseded, onPick);
    });
    rows.push(el('tr', {}, el('td', { colspan: 8 }, more)));
  }
  body.replaceChildren(...rows);
}

function fact(list, name, value) {
  if (value == null || value === '' || value === '–') return;
  list.append(el('dt', { class: 'col-5 text-quiet fw-normal', text: name }), el('dd', { class: 'col-7 mb-1', text: value }));
}

/** Opens the sheet of one candidate. */
export function showCandidate(dialog, one) {
  if (!one) return;
  dialog.querySelector('h2').textContent = one.label;
  const facts = dialog.querySelector('dl');
  facts.replaceChildren();
  const { metrics } = one;
  fact(facts, 'Number', `#${one.number}`);
  fact(facts, 'Comes from', SERIES[one.source]?.name ?? one.source);
  fact(facts, 'Trained', TRAINED[one.fidelity] ?? one.fidelity);
  fact(facts, 'Why it failed', one.error);
  if (metrics) {
    fact(facts, 'Right (validation)', `${percent(metrics.accuracy)} (95%: ${percent(metrics.accuracy_low)} to ${percent(metrics.accuracy_high)})`);
    const { device } = metrics;
    const here = `95% below ${ms(metrics.latency_p95_ms)}`;
    if (device) {
      fact(facts, 'Time per photo', `${ms(metrics.latency_ms)} on ${device.name}, predicted`);
      fact(facts, 'On this server', `${ms(device.here_ms)}, ${here}`);
      fact(facts, 'Energy a photo', device.energy_mj == null ? null : `${device.energy_mj.toPrecision(3)} mJ`);
      fact(facts, 'Activations there', bytes(device.peak_sram_bytes));
      fact(facts, 'Weights there', bytes(device.size_bytes));
      fact(facts, 'Does not fit', device.broken_limits.join(' '));
    } else {
      fact(facts, 'Time per photo', `${ms(metrics.latency_ms)}, ${here}`);
    }
    fact(facts, 'Size', bytes(metrics.size_bytes));
    fact(facts, 'Parameters', count(metrics.n_params));
    fact(facts, 'Multiply-adds', count(metrics.macs));
  }
  fact(facts, 'Time spent on it', duration(one.seconds));
  fact(facts, 'Weights from', one.inherited_from == null ? null : `candidate #${one.inherited_from}`);
  fact(facts, 'Architecture', shapeOf(one.architecture));
  for (const [name, value] of Object.entries(one.details ?? {})) {
    if (['string', 'number', 'boolean'].includes(typeof value)) {
      fact(facts, name.replaceAll('_', ' '), typeof value === 'number' ? String(Math.round(value * 1000) / 1000) : String(value));
    }
  }
  dialog.showModal();
}
