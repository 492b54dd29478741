// Preview of an upload: shows how it was understood, takes corrections, imports or discards.
import { api } from './lib/api.js';
import { ClassEdits } from './lib/class_edits.js';
import { ClassTable } from './lib/class_table.js';
import { classes, files, partName, photos } from './lib/counted.js';
import { $, el } from './lib/dom.js';
import { count } from './lib/format.js';
import { Readings } from './lib/readings.js';
import { wireDelete } from './lib/remove.js';
import { fill, gettext } from './lib/words.js';

const { url } = $('dataset').dataset;
const POLL_MS = 700;
const LOST_MS = 3000;

let preview = null;
let focused = '';
const edits = new ClassEdits(`preview ${url}`);
const table = new ClassTable(edits, showTotals);
const readings = new Readings(readAgain);

const wait = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

function problem(text) {
  $('preview-problem').textContent = text;
  $('preview-problem').hidden = !text;
}

/** Nothing can be changed while the files are read again. */
function busy(text) {
  $('preview').setAttribute('aria-busy', String(Boolean(text)));
  $('preview-reading').hidden = !text;
  $('preview-reading-text').textContent = text;
  for (const field of $('preview').querySelectorAll('input, select, button')) field.disabled = Boolean(text);
}

function showTotals() {
  const totals = edits.totals();
  const objection = edits.objection();
  $('preview-import-text').textContent = fill(gettext('Import %(photos)s in %(classes)s'), { photos: photos(totals.photos), classes: classes(totals.classes) });
  $('preview-import').disabled = Boolean(objection);
  const one = totals.classes === 1 ? gettext('With one class there is nothing to tell apart: a search needs two.') : '';
  $('preview-note').textContent = objection || one;
}

function showFacts() {
  const { n_files: nFiles, n_images: nImages, splits = {} } = preview;
  const facts = [files(nFiles), photos(nImages), classes(preview.classes.length)];
  if (!$('preview-anew-switch').checked) {
    for (const part of ['train', 'val', 'test']) if (splits[part]) facts.push(`${partName(part)}: ${count(splits[part])}`);
  }
  $('preview-facts').replaceChildren(...facts.map((text) => el('li', { text })));
}

const hasParts = () => Object.values(preview.splits ?? {}).some((n) => n > 0);

function showParts() {
  $('preview-anew').hidden = !hasParts() && preview.interpretation.splits_used;
  $('preview-classes').classList.toggle('without-parts', !hasParts() || $('preview-anew-switch').checked);
  showFacts();
}

function showProblems() {
  const { problems = [], n_problems: total = problems.length } = preview;
  $('preview-problems').hidden = !problems.length;
  $('preview-problem-rows').replaceChildren(...problems.map(({ path, reason, remedy, refused }) => el(
    'tr', {},
    el('td', { class: 'wide' }, el('span', { class: 'clamp-2', text: path || gettext('the whole upload'), title: path })),
    el('td', { class: 'wide' }, refused ? null : el('span', { class: 'text-warn', text: `${gettext('Note:')} ` }), reason),
    el('td', { class: 'wide text-quiet', 'data-name': gettext('What to do:'), text: remedy }),
  )));
  $('preview-problems-more').hidden = total <= problems.length;
  $('preview-problems-more').textContent = fill(gettext('The first %(problems)s of %(total)s; after the import the list of findings has all of them.'), { problems: count(problems.length), total: count(total) });
}

function render() {
  busy('');
  $('preview-found').hidden = false;
  $('preview-confirm').hidden = false;
  $('preview-summary').textContent = preview.summary;
  $('preview-anew-switch').checked = edits.anew ?? !preview.interpretation.splits_used;
  edits.load(preview.classes);
  readings.render(preview);
  table.root = preview.interpretation.root ?? '';
  table.render();
  showParts();
  showProblems();
  showTotals();
  // The fields were made anew; whoever works with the keyboard stays where they were.
  if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

/** Waits until the worker has read the files (again), then shows what it found. */
async function follow() {
  for (;;) {
    let pause = POLL_MS;
    try {
      const dataset = await api(url);
      if (dataset.state === 'PREVIEW') {
        preview = await api(`${url}/preview`);
        render();
        problem(dataset.error ?? ''); // why the last reading was not possible; the one before is shown
        return;
      }
      if (!['UPLOADED', 'CHECKING'].includes(dataset.state)) {
        location.reload();
        return;
      }
      const { done, total } = dataset.progress ?? {};
      const stage = dataset.stage || gettext('Reading the list of files');
      busy(total ? fill(gettext('%(stage)s… %(done)s of %(total)s'), { stage, done: count(done), total: count(total) }) : `${stage}…`);
    } catch (error) {
      if (error.status === 404) {
        location.assign('/datasets/');
        return;
      }
      busy(gettext('The server cannot be reached. This page will follow again.'));
      pause = LOST_MS;
    }
    await wait(pause);
  }
}

async function post(path, interpretation, text) {
  problem('');
  busy(text);
  try {
    await api(`${url}/${path}`, { method: 'POST', body: { interpretation } });
    return true;
  } catch (error) {
    render(); // back to what is known, whatever was clicked
    problem(error.message);
    return false;
  }
}

/** Asks for another reading. Corrections of classes stay on this page until the import. */
async function readAgain(interpretation) {
  const wanted = { ...interpretation, splits_used: !$('preview-anew-switch').checked, renames: {}, dropped: [] };
  focused = document.activeElement?.dataset.key ?? '';
  if (await post('preview', wanted, gettext('Reading the list of files…'))) await follow();
}

async function importNow() {
  const chosen = { ...preview.interpretation, splits_used: !$('preview-anew-switch').checked };
  if (!(await post('import', edits.applyTo(chosen), gettext('Starting the import…')))) return;
  edits.forget();
  location.reload();
}

$('preview-anew-switch').addEventListener('change', ({ target }) => {
  edits.divideAnew(target.checked);
  // The parts of an upload that was read without them are not known here.
  if (!hasParts()) readAgain(preview.interpretation);
  else showParts();
});
$('preview-import').addEventListener('click', importNow);
wireDelete($('preview-discard'), $('delete-dialog'), url, '/datasets/');
follow();
