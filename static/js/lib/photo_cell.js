// One photo in the grid: what its cell shows and says.
import { partName } from './counted.js';
import { el, icon } from './dom.js';
import { paintTile } from './sheets.js';
import { fill, gettext } from './words.js';

export const SIDE = 96; // pixels of a thumbnail

/** A photo in words, for screen readers and tooltips. */
function describe(item, titles) {
  const found = item.findings.map((kind) => titles[kind] ?? kind);
  return [item.label, item.excluded ? partName('excluded') : fill(gettext('%(part)s part'), { part: partName(item.split) }), ...found, item.path].join(', ');
}

/** An empty cell for a place of the list. */
export function newCell(place, column) {
  return el('div', { role: 'gridcell', class: 'photo', id: `photo-${place}`, 'data-place': place, 'aria-colindex': column + 1 },
    el('div', { class: 'photo-thumb' }, icon('flag'), icon('eye-off'), icon('check')),
    el('div', { class: 'photo-label' }));
}

/**
 * Shows a photo in a cell, or that it is still being loaded; nothing is touched when nothing has changed.
 * @param {HTMLElement} cell as `newCell` made it
 * @param {{item?: object, tile?: object, active: boolean, chosen: boolean}} photo
 * @param {object} titles kind of finding -> words
 */
export function showPhoto(cell, { item, tile, active, chosen }, titles) {
  const state = [item?.row, item?.label, item?.split, item?.excluded, item?.findings.length, tile?.address, active, chosen].join('|');
  if (cell.dataset.state === state) return;
  cell.dataset.state = state;
  cell.classList.toggle('active', active);
  cell.classList.toggle('left-out', Boolean(item?.excluded));
  cell.classList.toggle('doubtful', Boolean(item?.findings.length));
  cell.classList.toggle('changed', Boolean(item && item.label !== item.original_label));
  cell.setAttribute('aria-selected', String(chosen));
  cell.setAttribute('aria-label', item ? describe(item, titles) : gettext('loading'));
  cell.title = item?.path ?? '';
  paintTile(cell.firstElementChild, tile, SIDE);
  cell.lastElementChild.textContent = item?.label ?? '';
}
