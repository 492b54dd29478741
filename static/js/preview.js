// Preview of an upload: shows how it was understood, takes corrections, imports or discards.
import { api } from './lib/api.js';
import { ClassEdits } from './lib/class_edits.js';
import { ClassTable } from './lib/class_table.js';
import { $, el } from './lib/dom.js';
import { count } from './lib/format.js';
import { Readings } from './lib/readings.js';
import { wireDelete } from './lib/remove.js';

const { url } = $('dataset').dataset;
const PART_NAMES = { train: 'training', val: 'validation', test: 'test' };
const POLL_MS = 700;
const LOST_MS = 3000;

let preview = null;
let focused = '';
const edits = new ClassEdits(`preview ${url}`);
const table = new ClassTable(edits, showTotals);
const readings = new Readings(readAgain);

const wait = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

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
  const { photos, classes } = edits.totals();
  const objection = edits.objection();
  $('preview-import-text').textContent = `Import ${plural(photos, 'photo', 'photos')} in ${plural(classes, 'class', 'classes')}`;
  $('preview-import').disabled = Boolean(objection);
  const one = classes === 1 ? 'With one class there is nothing to tell apart: a search needs two.' : '';
  $('preview-note').textContent = objection || one;
}

function showFacts() {
  const { n_files: files, n_images: images, classes, splits = {} } = preview;
  const facts = [plural(files, 'file', 'files'), plural(images, 'photo', 'photos'), plural(classes.length, 'class', 'classes')];
  if (!$('preview-anew-switch').checked) {
    for (const [part, name] of Object.entries(PART_NAMES)) if (splits[part]) facts.push(`${name}: ${count(splits[part])}`);
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
    el('td', { class: 'wide' }, el('span', { class: 'clamp-2', text: path || 'the whole upload', title: path })),
    el('td', { class: 'wide' }, refused ? null : el('span', { class: 'text-warn', text: 'Note: ' }), reason),
    el('td', { class: 'wide text-quiet', 'data-name': 'What to do:', text: remedy }),
  )));
  $('preview-problems-more').hidden = total <= problems.length;
  $('preview-problems-more').textContent = `The first ${count(problems.length)} of ${count(total)}; after the import the list of findings has all of them.`;
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
      const stage = dataset.stage || 'Reading the list of files';
      busy(total ? `${stage}… ${count(done)} of ${count(total)}` : `${stage}…`);
    } catch (error) {
      if (error.status === 404) {
        location.assign('/datasets/');
        return;
      }
      busy('The server cannot be reached. This page will follow again.');
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
  if (await post('preview', wanted, 'Reading the list of files…')) await follow();
}

async function importNow() {
  const chosen = { ...preview.interpretation, splits_used: !$('preview-anew-switch').checked };
  if (!(await post('import', edits.applyTo(chosen), 'Starting the import…'))) return;
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
