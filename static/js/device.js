// Page of a device: copies the link, follows the measurement, and shows the page anew when its state changes.
import { api } from './lib/api.js';
import { $, notice } from './lib/dom.js';
import { percent, timeLeft } from './lib/format.js';
import { fill, gettext } from './lib/words.js';

const SOON = 2000;
const NAMES = { WAITING: gettext('Waiting for the device'), MEASURING: gettext('Measuring'), REFUSED: gettext('Refused') };
const page = $('device').dataset;
let spoken = -1;

function show({ state, progress, eta_seconds: left, silent }) {
  $('watch').hidden = state !== 'MEASURING';
  $('state').className = `state state-${state}`;
  $('state').textContent = NAMES[state];
  $('progress').value = 100 * progress;
  $('left').textContent = silent ? '' : left === null ? gettext('working out the time') : timeLeft(left);
  $('silent').hidden = !silent;
  const tenth = Math.floor(10 * progress);
  if (state === 'MEASURING' && tenth !== spoken) {
    spoken = tenth;
    $('spoken').textContent = fill(gettext('%(part)s measured.'), { part: percent(tenth / 10, 0) });
  }
}

/** A measurement that goes on after a refusal changes nothing that is written here, until it ends. */
async function follow() {
  try {
    const now = await api(location.pathname);
    const begun = now.state === 'MEASURING' && page.state === 'WAITING';
    if (!begun && (now.state !== page.state || Boolean(now.link_open) !== Boolean(page.open))) {
      location.reload();
      return;
    }
    show(now);
  } catch (error) {
    if (error.status === 404) {
      notice(error.message);
      return;
    }
  }
  setTimeout(follow, SOON);
}

$('copy')?.addEventListener('click', async () => {
  $('link').select();
  try {
    await navigator.clipboard.writeText($('link').value);
    notice(gettext('The link is copied.'));
  } catch {
    notice(gettext('The link is selected. Copy it with Ctrl+C.')); // the clipboard is closed to pages without https
  }
});
$('delete')?.addEventListener('click', () => $('delete-dialog').showModal());
$('delete-no')?.addEventListener('click', () => $('delete-dialog').close());
if (page.state !== 'READY') follow();
