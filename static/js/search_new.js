// New search: a preset fills in the minutes, typed minutes choose their preset; the chosen options are explained;
// what to expect is asked for again when an answer changes; one click starts one search.
import { $ } from './lib/dom.js';

const form = $('search');
const minutes = form?.querySelector('[name=minutes]');

const PATIENCE_MS = 400; // typing is over
let asked;

/** The answers have changed: htmx fetches what they will bring. */
function answered() {
  clearTimeout(asked);
  asked = setTimeout(() => document.body.dispatchEvent(new CustomEvent('answers')), PATIENCE_MS);
}

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
    mark();
    explain();
    answered();
  });
  minutes.addEventListener('input', () => {
    mark();
    answered();
  });
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
