// Upload page: choose or drop anything, look at it before the first byte, send it so that nothing is ever lost.
import { api } from './lib/api.js';
import { $, confirmIn, el, icon, notice } from './lib/dom.js';
import { entriesOfDrop, filesOfDrop, filesOfInput } from './lib/dropped.js';
import { count, percentDone } from './lib/format.js';
import { Picked } from './lib/picked.js';
import { SendingView } from './lib/sending_view.js';
import { discardDataset, knownDataset, knownUploads, UploadSet } from './lib/upload_set.js';
import { showWaiting } from './lib/waiting.js';
import { fill, gettext } from './lib/words.js';

const form = $('upload');
const drop = $('drop');
const maxBytes = Number(form.dataset.maxBytes);
let picked = new Picked();
let known = [];
let set = null;
let view = null;
let isBusy = false;

function problem(text, kind = 'danger') {
  $('problem').className = `alert alert-${kind} mb-0`;
  $('problem').textContent = text;
  $('problem').hidden = !text;
}

function showPicked() {
  const rows = picked.rows();
  $('chosen').hidden = !rows.length;
  $('chosen').replaceChildren(...rows.map((row) => {
    const out = el('button', { class: 'btn btn-sm btn-outline-secondary', type: 'button', 'aria-label': fill(gettext('Take out %(name)s'), { name: row.name.slice(0, 80) }) }, icon('x'));
    out.addEventListener('click', () => {
      row.remove();
      problem('');
      showPicked();
      $('choose-folder').focus();
    });
    return el('li', {}, icon(row.icon), el('span', { class: 'text-clip', text: row.name, title: row.name }), el('span', { class: 'num text-quiet', text: row.text }), out);
  }));
  $('name').placeholder = rows.length ? picked.suggestedName() : '';
  $('send').disabled = !rows.length;
}

/** Takes what was chosen. What was interrupted before goes on at once; everything else waits for its button. */
async function take(collect) {
  if (isBusy || set) return;
  isBusy = true;
  problem('');
  $('send').disabled = true;
  $('counting').textContent = gettext('Reading the list of files…');
  $('counting').hidden = false;
  try {
    const { items, folders } = await collect((n) => { $('counting').textContent = fill(gettext('Reading the list of files… %(n)s'), { n: count(n) }); });
    problem(await picked.add(items, folders, maxBytes));
  } catch {
    problem(gettext('This could not be read. Check that the files are still there and may be read, then choose them again.'));
  }
  $('counting').hidden = true;
  isBusy = false;
  showPicked();
  if (!picked.isEmpty) $('send').focus();
  if ($('problem').hidden) await resumeIfKnown();
}

async function resumeIfKnown() {
  const files = picked.sources();
  const dataset = knownDataset(files, known);
  if (!dataset) {
    const older = known.find((one) => files.some(({ filename }) => filename === one.filename));
    if (older) problem(gettext('This is not what was being sent above: its files, sizes or dates differ. Upload sends it from the beginning; the unfinished one can be discarded.'), 'warning');
    return;
  }
  await send(dataset);
}

/** Sends what is picked: as a new data set, or into the one that it belongs to. */
async function send(dataset = null) {
  if (set || isBusy) return;
  isBusy = true;
  problem('');
  $('send').disabled = true;
  $('send-text').textContent = gettext('Beginning…');
  try {
    known = await knownUploads();
    const files = picked.sources();
    // Looked up again: the first try may have reached the server though its answer did not come back.
    const target = dataset ?? knownDataset(files, known);
    const name = target?.name ?? ($('name').value.trim() || picked.suggestedName());
    const made = new UploadSet(moved);
    const strangers = target ? await made.resume(files, known, target) : (await made.create(files, name), []);
    begin(made, name, strangers);
  } catch (error) {
    problem(error.message);
  } finally {
    isBusy = false;
    $('send-text').textContent = gettext('Upload');
    $('send').disabled = picked.isEmpty;
  }
}

function begin(made, name, strangers) {
  set = made;
  form.hidden = true;
  $('waiting').hidden = true;
  view = new SendingView(set, name);
  const told = [];
  if (set.sent > 0) told.push(fill(gettext('%(part)s was already here; it goes on from there.'), { part: percentDone(set.sent / set.size) }));
  if (strangers.length) told.push(fill(gettext('Left out, because they do not belong to this upload: %(strangers)s.'), { strangers: strangers.slice(0, 5).join(', ') }));
  $('resumed').textContent = told.join(' ');
  $('resumed').hidden = !told.length;
  $('sending-title').focus();
  set.start();
  moved();
}

function moved() {
  if (!set || !view) return;
  if (set.isDone) {
    const { dataset } = set;
    set = null; // nothing is lost any more by leaving
    view.paint();
    location.assign(`/datasets/${dataset}/`);
    return;
  }
  view.soon();
}

function backToForm() {
  view?.close();
  set = null;
  view = null;
  form.hidden = false;
  showPicked();
  loadWaiting();
  $('choose-folder').focus();
}

async function loadWaiting() {
  try {
    known = await knownUploads();
  } catch (error) {
    notice(error.message);
    return;
  }
  showWaiting(known, new URLSearchParams(location.search).get('dataset'), async (id) => {
    if (!(await confirmIn($('discard-dialog')))) return;
    await discardDataset(id).catch((error) => notice(error.message));
    loadWaiting();
  });
}

async function cancel() {
  if (!(await confirmIn($('cancel-dialog'))) || !set) return;
  $('cancel').disabled = true;
  try {
    await set.discard();
    picked = new Picked();
    backToForm();
  } catch (error) {
    notice(error.message);
  } finally {
    $('cancel').disabled = false;
  }
}

async function fetchPublicSet(button) {
  button.disabled = true;
  try {
    const dataset = await api(`/api/v1/public-sets/${encodeURIComponent(button.dataset.fetch)}`, { method: 'POST' });
    location.assign(`/datasets/${dataset.id}/`);
  } catch (error) {
    button.disabled = false;
    notice(error.message);
  }
}

for (const [button, input] of [['choose', 'file'], ['choose-folder', 'folder']]) {
  $(button).addEventListener('click', () => $(input).click());
  $(input).addEventListener('change', async () => {
    const files = [...$(input).files];
    if (!files.length) return;
    await take(async (onProgress) => ({ items: await filesOfInput(files, onProgress), folders: [] }));
    $(input).value = ''; // the same choice again is a choice, too
  });
}
// Some phones cannot choose folders.
$('choose-folder').hidden = !('webkitdirectory' in $('folder'));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (!picked.isEmpty) send();
});
for (const name of ['dragenter', 'dragover']) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
}
for (const name of ['dragleave', 'drop']) drop.addEventListener(name, () => drop.classList.remove('over'));
drop.addEventListener('drop', (event) => {
  event.preventDefault();
  const dropped = entriesOfDrop(event.dataTransfer);
  take((onProgress) => filesOfDrop(dropped, onProgress));
});
// A file dropped beside the zone must not replace the page.
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => event.preventDefault());

$('pause').addEventListener('click', () => {
  if (set.state === 'held') set.goOn();
  else set.hold();
  moved();
});
$('cancel').addEventListener('click', cancel);
addEventListener('online', () => set?.hurry());
addEventListener('offline', () => set?.cut());
addEventListener('beforeunload', (event) => {
  if (set && ['moving', 'lost'].includes(set.state)) event.preventDefault();
});
for (const button of document.querySelectorAll('[data-fetch]')) button.addEventListener('click', () => fetchPublicSet(button));
loadWaiting();
