// The sheet with everything about one candidate.
import { shapeOf } from './chart.js';
import { el } from './dom.js';
import { bytes, count, duration, ms, percent } from './format.js';
import { sourceName, trainedName } from './names.js';
import { fill, gettext } from './words.js';

function fact(list, name, value) {
  if (value == null || value === '' || value === '–') return;
  list.append(el('dt', { class: 'col-5 text-quiet fw-normal', text: name }), el('dd', { class: 'col-7 mb-1', text: value }));
}

const rangeOf = (metrics) => ({ value: percent(metrics.accuracy), low: percent(metrics.accuracy_low), high: percent(metrics.accuracy_high) });

/** Opens the sheet of one candidate; `drawing` is an image of it that may fail to load. */
export function showCandidate(dialog, one, drawing = null) {
  if (!one) return;
  const place = dialog.querySelector('.drawing-place');
  place.replaceChildren();
  drawing?.addEventListener('load', () => place.replaceChildren(drawing));
  dialog.querySelector('h2').textContent = one.label;
  const facts = dialog.querySelector('dl');
  facts.replaceChildren();
  const { metrics } = one;
  fact(facts, gettext('Number'), `#${one.number}`);
  fact(facts, gettext('Comes from'), sourceName(one.source));
  fact(facts, gettext('Trained'), trainedName(one.fidelity));
  fact(facts, gettext('Why it failed'), one.error);
  if (metrics) {
    fact(facts, gettext('Right (validation)'), fill(gettext('%(value)s (95%: %(low)s to %(high)s)'), rangeOf(metrics)));
    const { device } = metrics;
    const here = fill(gettext('95% below %(time)s'), { time: ms(metrics.latency_p95_ms) });
    if (device) {
      fact(facts, gettext('Time per photo'), fill(gettext('%(time)s on %(device)s, predicted'), { time: ms(metrics.latency_ms), device: device.name }));
      fact(facts, gettext('On this server'), `${ms(device.here_ms)}, ${here}`);
      fact(facts, gettext('Energy a photo'), device.energy_mj == null ? null : `${device.energy_mj.toPrecision(3)} mJ`);
      fact(facts, gettext('Activations there'), bytes(device.peak_sram_bytes));
      fact(facts, gettext('Weights there'), bytes(device.size_bytes));
      fact(facts, gettext('Does not fit'), device.broken_limits.join(' '));
    } else {
      fact(facts, gettext('Time per photo'), `${ms(metrics.latency_ms)}, ${here}`);
    }
    fact(facts, gettext('Size'), bytes(metrics.size_bytes));
    fact(facts, gettext('Parameters'), count(metrics.n_params));
    fact(facts, gettext('Multiply-adds'), count(metrics.macs));
  }
  fact(facts, gettext('Time spent on it'), duration(one.seconds));
  fact(facts, gettext('Weights from'), one.inherited_from == null ? null : fill(gettext('candidate #%(n)s'), { n: one.inherited_from }));
  fact(facts, gettext('Architecture'), shapeOf(one.architecture));
  for (const [name, value] of Object.entries(one.details ?? {})) {
    if (['string', 'number', 'boolean'].includes(typeof value)) {
      fact(facts, name.replaceAll('_', ' '), typeof value === 'number' ? String(Math.round(value * 1000) / 1000) : String(value));
    }
  }
  dialog.showModal();
}
