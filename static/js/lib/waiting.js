// Uploads that were interrupted: how much is here already, and how to go on or let go.
import { $, el } from './dom.js';
import { count, percentDone } from './format.js';
import { fill, gettext } from './words.js';

/** `[{id, name, files, length, offset}]`, one for each data set that waits for bytes; the wanted one first. */
function byDataset(known, wanted) {
  const sets = new Map();
  for (const one of known) {
    const { id, name } = one.dataset;
    const found = sets.get(id) ?? { id, name, files: [], length: 0, offset: 0 };
    found.files.push(one);
    found.length += one.length;
    found.offset += one.offset;
    sets.set(id, found);
  }
  return [...sets.values()].sort((a, b) => Number(b.id === wanted) - Number(a.id === wanted));
}

function sentence({ name, files, length, offset }) {
  const part = percentDone(offset / length);
  if (files.length > 1) {
    return fill(gettext('%(name)s: %(part)s of its %(n)s files is already here. Choose or drop the same files again to go on.'), { name, part, n: count(files.length) });
  }
  const [{ filename, fingerprint }] = files;
  // A folder travels as a tar, but nobody chose a tar.
  if (fingerprint.startsWith('folder-')) {
    return fill(gettext('%(filename)s: %(part)s is already here. Choose or drop the same folder or files again to go on.'), { filename: filename.replace(/\.tar$/, ''), part });
  }
  return fill(gettext('%(filename)s: %(part)s is already here. Choose or drop the same file again to go on.'), { filename, part });
}

/**
 * @param {object[]} known what the API says
 * @param {string | null} wanted id of the data set that the person came for
 * @param {(id: string) => void} onDiscard
 */
export function showWaiting(known, wanted, onDiscard) {
  const rows = byDataset(known, wanted);
  $('waiting').hidden = !rows.length;
  $('waiting-list').replaceChildren(...rows.map((row) => {
    const button = el('button', { class: 'btn btn-sm btn-danger-quiet', type: 'button', text: gettext('Discard'), 'aria-label': fill(gettext('Discard %(name)s'), { name: row.name.slice(0, 80) }) });
    button.addEventListener('click', () => onDiscard(row.id));
    return el(
      'li', { class: row.id === wanted ? 'wanted' : null },
      el('p', { class: 'mb-0', text: sentence(row) }),
      button,
      el('progress', { max: row.length, value: row.offset, 'aria-label': fill(gettext('Sent of %(name)s'), { name: row.name.slice(0, 80) }) }),
    );
  }));
}
