// New search: a preset fills in the minutes, typed minutes choose their preset; one click starts one search.
import { $ } from './lib/dom.js';

const form = $('search');
const minutes = form?.querySelector('[name=minutes]');

function mark() {
  for (const preset of form.querySelectorAll('[name=preset]')) preset.checked = Number(preset.value) === Number(minutes.value);
}

if (form) {
  form.addEventListener('change', (event) => {
    if (event.target.name === 'preset') minutes.value = event.target.value;
  });
  minutes.addEventListener('input', mark);
  form.addEventListener('submit', () => { form.querySelector('button[type=submit]').disabled = true; });
  // A page that comes back from the browser's history must be usable again.
  addEventListener('pageshow', () => {
    form.querySelector('button[type=submit]').disabled = false;
    mark();
  });
  mark();
}
