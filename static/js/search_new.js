// New search: a preset fills in the minutes, typed minutes choose their preset; the chosen options are explained;
// one click starts one search.
import { $ } from './lib/dom.js';

const form = $('search');
const minutes = form?.querySelector('[name=minutes]');

function mark() {
  for (const preset of form.querySelectorAll('[name=preset]')) preset.checked = Number(preset.value) === Number(minutes.value);
}

/** Of the explanations under a list of options, leaves that of the chosen one. */
function explain() {
  for (const list of form.querySelectorAll('select')) {
    for (const text of list.parentElement.querySelectorAll('.explained')) text.hidden = text.dataset.value !== list.value;
  }
}

if (form) {
  form.addEventListener('change', (event) => {
    if (event.target.name === 'preset') minutes.value = event.target.value;
    explain();
  });
  minutes.addEventListener('input', mark);
  form.addEventListener('submit', () => { form.querySelector('button[type=submit]').disabled = true; });
  // A page that comes back from the browser's history must be usable again.
  addEventListener('pageshow', () => {
    form.querySelector('button[type=submit]').disabled = false;
    mark();
    explain();
  });
  mark();
  explain();
}
