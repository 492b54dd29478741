// Result page: the charts in the theme's colours, the sorted table, exports of further points, copies and paper.
import { api } from './lib/api.js';
import { AxisSwitch } from './lib/axis_switch.js';
import { showCandidate } from './lib/candidates.js';
import { FrontChart, currentOf, pointsOf } from './lib/chart.js';
import { copyText } from './lib/copy.js';
import { $, notice } from './lib/dom.js';
import { MethodCard } from './lib/method.js';
import { wirePaper } from './lib/paper.js';
import { wireDelete } from './lib/remove.js';
import { sortable } from './lib/sort_table.js';
import { gettext } from './lib/words.js';

const base = `/api/v1/searches/${$('result').dataset.run}`;
const GIVE_UP_AFTER = 90;

function showChart() {
  const candidates = JSON.parse($('candidates').textContent);
  const pick = (number) => showCandidate($('candidate'), candidates.find((one) => one.number === number));
  const chart = new FrontChart($('chart'), pick);
  const draw = () => {
    axes.show(currentOf(candidates));
    chart.show(pointsOf(candidates, axes.axis), axes.axis, axes.log);
  };
  const axes = new AxisSwitch($('axis'), draw);
  draw();
  document.addEventListener('paper', () => chart.draw());
}

if ($('chart')) showChart();
if ($('method')) new MethodCard($('method')).show(JSON.parse($('history').textContent));
for (const table of document.querySelectorAll('[data-sortable]')) sortable(table);
for (const button of document.querySelectorAll('[data-copy]')) {
  const source = $(button.dataset.copy);
  const json = source.tagName === 'SCRIPT';
  const text = json ? JSON.stringify(JSON.parse(source.textContent), null, 2) : source.textContent;
  button.addEventListener('click', () => copyText(text, json ? null : source));
}
wirePaper($('print'));
wireDelete($('delete'), $('delete-dialog'), base, '/searches/');

/** Waits until a network is exported, or until int8 was tried for it. */
async function exported(number, withInt8) {
  for (let tries = 0; tries < GIVE_UP_AFTER; tries += 1) {
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
    const { items: models } = await api(`${base}/models`);
    if (models.some((model) => model.candidate === number && (!withInt8 || model.parity.int8?.tried))) return true;
  }
  return false;
}

for (const button of document.querySelectorAll('[data-export]')) {
  button.addEventListener('click', async () => {
    const number = Number(button.dataset.export);
    const withInt8 = 'int8' in button.dataset;
    button.disabled = true;
    button.textContent = withInt8 ? gettext('Trying int8…') : gettext('Exporting…');
    try {
      await api(`${base}/candidates/${number}/export`, { method: 'POST' });
      if (await exported(number, withInt8)) {
        location.reload();
        return;
      }
      notice(gettext('The export takes longer than expected. Reload this page in a few minutes.'));
    } catch (error) {
      notice(error.message);
    }
    button.disabled = false;
    button.textContent = withInt8 ? gettext('Try int8') : gettext('Export');
  });
}
