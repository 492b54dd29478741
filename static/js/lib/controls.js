// Pause, go on, more minutes, stop and keep.
import { api } from './api.js';
import { $, confirmIn, notice } from './dom.js';
import { gettext } from './words.js';

/** @param {string} base of the run's API @param {(run: object) => void} onRun takes the run as the server left it */
export function wireControls(base, onRun) {
  /** Returns whether the server did it; if not, it has said why. */
  async function ask(button, path, body) {
    button.disabled = true;
    try {
      onRun(await api(`${base}/${path}`, { method: 'POST', body }));
      return true;
    } catch (error) {
      notice(error.message);
      return false;
    } finally {
      button.disabled = false;
    }
  }

  $('stop').addEventListener('click', async () => {
    if (await confirmIn($('stop-dialog'))) await ask($('stop'), 'stop');
  });
  $('pause').addEventListener('click', () => ask($('pause'), 'pause'));
  $('go-on').addEventListener('click', () => ask($('go-on'), 'resume'));
  $('resume').addEventListener('click', async () => {
    try {
      await api(`${base}/resume`, { method: 'POST' });
      location.reload();
    } catch (error) {
      notice(error.message);
    }
  });
  $('extend').addEventListener('click', () => $('extend-dialog').showModal());
  for (const button of $('extend-dialog').querySelectorAll('[data-minutes]')) {
    button.addEventListener('click', () => { $('extend-minutes').value = button.dataset.minutes; });
  }
  $('extend-form').addEventListener('submit', async (event) => {
    if (event.submitter?.value !== 'yes') return;
    event.preventDefault();
    const minutes = Number($('extend-minutes').value);
    if (!(minutes >= 1)) {
      notice(gettext('Enter how many minutes to add, at least 1.'));
      return;
    }
    if (await ask(event.submitter, 'extend', { minutes })) $('extend-dialog').close();
  });
}
