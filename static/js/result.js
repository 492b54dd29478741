// Result page: the charts in the theme's colours, and exports of further points.
import { api } from './lib/api.js';
import { showFigure } from './lib/chart.js';
import { $, notice } from './lib/dom.js';
import { MethodCard } from './lib/method.js';
import { wireDelete } from './lib/remove.js';

const base = `/api/v1/searches/${$('result').dataset.run}`;
const GIVE_UP_AFTER = 90;

if ($('chart')) showFigure($('chart'), JSON.parse($('figure').textContent));
if ($('method')) new MethodCard($('method')).show(JSON.parse($('history').textContent));
wireDelete($('delete'), $('delete-dialog'), base, '/searches/');

/** Waits until a network is exported, or until int8 was tried for it. */
async function exported(number, withInt8) {
  for (let tries = 0; tries < GIVE_UP_AFTER; tries += 1) {
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
    const models = await api(`${base}/models`);
    if (models.some((model) => model.candidate === number && (!withInt8 || model.parity.int8?.tried))) return true;
  }
  return false;
}

for (const button of document.querySelectorAll('[data-export]')) {
  button.addEventListener('click', async () => {
    const number = Number(button.dataset.export);
    const withInt8 = 'int8' in button.dataset;
    button.disabled = true;
    button.textContent = withInt8 ? 'Trying int8…' : 'Exporting…';
    try {
      await api(`${base}/candidates/${number}/export`, { method: 'POST' });
      if (await exported(number, withInt8)) {
        location.reload();
        return;
      }
      notice('The export takes longer than expected. Reload this page in a few minutes.');
    } catch (error) {
      notice(error.message);
    }
    button.disabled = false;
    button.textContent = withInt8 ? 'Try int8' : 'Export';
  });
}
