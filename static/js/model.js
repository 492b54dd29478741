// Page of one model: the matrix, the bar, work that is asked for, and the photos behind every figure.
import { OutcomeBar } from './lib/outcome_bar.js';
import { Confusion } from './lib/confusion.js';
import { $ } from './lib/dom.js';
import { JudgedPhotos, showItems } from './lib/judged.js';
import { fill, gettext } from './lib/words.js';
import { wireWork } from './lib/asked_work.js';

const { base, dataset, tab } = $('model').dataset;
const data = JSON.parse($('model-data').textContent);
const photos = new JudgedPhotos($('judged'), { base, dataset, classes: data.classes, file: data.file });
const bar = tab === 'confidence' ? new OutcomeBar(data) : null;

document.querySelector('.tabs [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
if (tab === 'mistakes') {
  new Confusion(data, photos);
  if ($('worst')) showItems($('worst'), JSON.parse($('worst-data').textContent), photos);
}
for (const node of document.querySelectorAll('[data-work]')) wireWork(node, `${base}work/${node.dataset.work}/`);

const name = (number) => data.classes[Number(number)];

/** What a button on the page stands for, in words. */
function titleOf({ truth, answer, slice, outcome }) {
  if (truth && answer) return fill(gettext('“%(truth)s” taken for “%(answer)s”'), { truth: name(truth), answer: name(answer) });
  if (truth) return fill(outcome ? gettext('Mistakes with “%(name)s”') : gettext('“%(name)s”'), { name: name(truth) });
  if (slice) return outcome ? gettext('Mistakes on this kind of photos') : gettext('Photos of this kind');
  return { right: gettext('Right answers'), wrong: gettext('Wrong answers'), unknown: gettext('“I don\'t know”') }[outcome] ?? gettext('All mistakes');
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-truth], button[data-slice], button[data-outcome]');
  if (!button) return;
  const { truth, answer, slice, outcome } = button.dataset;
  const query = { truth, answer, slice, outcome };
  if (bar && outcome) Object.assign(query, { threshold: bar.value, order: outcome === 'right' ? 'unsure' : 'sure' });
  photos.open(titleOf(button.dataset), query);
});
