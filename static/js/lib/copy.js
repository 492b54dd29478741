// Copies text, and selects it where the clipboard is closed to the page.
import { notice } from './dom.js';
import { gettext } from './words.js';

function select(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

/** Copies `text`; `shown` is what is selected instead on pages without https, null where it is nowhere to be seen. */
export async function copyText(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    notice(gettext('Copied.'));
  } catch {
    if (!shown) {
      notice(gettext('This browser opens its clipboard to pages with https only.'));
      return;
    }
    select(shown);
    notice(gettext('It is selected. Copy it with Ctrl+C.'));
  }
}
