// A delete button that asks first.
import { api } from './api.js';
import { confirmIn, notice } from './dom.js';

/** Deletes what the API address names, then goes to `next`. */
export function wireDelete(button, dialog, address, next) {
  button.addEventListener('click', async () => {
    if (!(await confirmIn(dialog))) return;
    button.disabled = true;
    try {
      await api(address, { method: 'DELETE' });
      location.assign(next);
    } catch (error) {
      button.disabled = false;
      notice(error.message);
    }
  });
}
