// The first tab: classes are renamed and merged, the checks run again.
import { api } from './api.js';
import { $, notice } from './dom.js';
import { gettext } from './words.js';

export function start({ url, data, pending }) {
  pending.addEventListener('undone', () => location.reload());
  $('recheck')?.addEventListener('click', async () => {
    $('recheck').disabled = true;
    try {
      await api(`${url}/recheck`, { method: 'POST' });
      location.reload();
    } catch (error) {
      $('recheck').disabled = false;
      notice(error.message);
    }
  });

  const form = $('rename');
  if (!form) return;
  const chosen = () => [...form.querySelectorAll('[name=labels]:checked')].map((box) => box.value);
  const merges = () => chosen().length > 1 || data.classes.includes($('rename-to').value.trim());
  form.addEventListener('change', () => {
    const labels = chosen();
    $('rename-go').disabled = labels.length === 0;
    $('rename-go').textContent = merges() ? gettext('Merge') : gettext('Rename');
    if (labels.length && !$('rename-to').value) [$('rename-to').value] = labels;
  });
  $('rename-to').addEventListener('input', () => { $('rename-go').textContent = merges() ? gettext('Merge') : gettext('Rename'); });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    $('rename-go').disabled = true;
    const body = { kind: merges() ? 'merge' : 'rename', labels: chosen(), label: $('rename-to').value };
    try {
      await api(`${url}/changes`, { method: 'POST', body });
      location.reload();
    } catch (error) {
      $('rename-go').disabled = false;
      notice(error.message);
    }
  });
}
