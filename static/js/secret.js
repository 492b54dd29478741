// Copies a token or a secret that is shown once.
import { copyText } from './lib/copy.js';

for (const button of document.querySelectorAll('[data-copy]')) {
  const field = document.getElementById(button.dataset.copy);
  button.addEventListener('click', () => {
    field.select();
    copyText(field.value, field);
  });
}
