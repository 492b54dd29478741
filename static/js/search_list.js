// List of searches: two of them are chosen and compared.
import { $ } from './lib/dom.js';
import { fill, gettext, ngettext } from './lib/words.js';

const MOST = 2;
const chosen = new Set(); // ids in the order of choosing, kept while the list renews itself

function show() {
  const bar = $('compare');
  const link = $('compare-link');
  const n = chosen.size;
  bar.hidden = n === 0;
  const [a, b] = chosen;
  $('compare-text').textContent = n < MOST
    ? fill(gettext('%(n)s chosen; choose one more to compare'), { n })
    : fill(ngettext('%(n)s search chosen', '%(n)s searches chosen', n), { n });
  if (n === MOST) link.href = `/searches/compare/?${new URLSearchParams({ a, b })}`;
  else link.removeAttribute('href');
  link.setAttribute('aria-disabled', String(n !== MOST));
  for (const box of document.querySelectorAll('[data-compare]')) {
    box.checked = chosen.has(box.value);
    box.disabled = !box.checked && n === MOST;
  }
}

document.addEventListener('change', (event) => {
  const box = event.target.closest('[data-compare]');
  if (!box) return;
  if (box.checked) chosen.add(box.value);
  else chosen.delete(box.value);
  show();
});
$('compare-none').addEventListener('click', () => {
  chosen.clear();
  show();
  document.querySelector('[data-compare]')?.focus();
});
document.addEventListener('htmx:after:swap', show);
show();
