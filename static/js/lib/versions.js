// The tab of versions: what differs between two of them, with photos.
import { api } from './api.js';
import { $, el, notice } from './dom.js';
import { count } from './format.js';
import { paintTile } from './sheets.js';

const SIDE = 88; // pixels of a thumbnail
const NAMES = { train: 'training', val: 'validation', test: 'test', excluded: 'left out' };
const KINDS = {
  relabelled: ['Other class', (one) => `${one.from} → ${one.to}`],
  excluded: ['Left out', (one) => `was ${NAMES[one.from] ?? one.from}`],
  restored: ['Taken back in', (one) => `now ${NAMES[one.to] ?? one.to}`],
  added: ['Added', (one) => `${one.from}, ${NAMES[one.to] ?? one.to}`],
  removed: ['Only in the first one', (one) => `${one.from}, ${NAMES[one.to] ?? one.to}`],
  moved: ['Other part', (one) => `${NAMES[one.from] ?? one.from} → ${NAMES[one.to] ?? one.to}`],
};

function examples(url, list, inWords) {
  const rows = list.map((one) => one.row);
  const address = `${url}/sheet?rows=${rows.join(',')}&size=${SIDE}`;
  return el('ul', { class: 'compare-photos' }, ...list.map((one, at) => {
    const photo = el('div', { class: 'compare-thumb', role: 'img', 'aria-label': one.path, title: one.path });
    paintTile(photo, { address, at, of: rows.length }, SIDE);
    return el('li', {}, photo, el('span', { class: 'clamp-2', text: inWords(one), title: inWords(one) }));
  }));
}

function classTable(counts) {
  const changed = Object.entries(counts).filter(([, [before, after]]) => before !== after);
  if (!changed.length) return el('p', { class: 'text-quiet mb-0', text: 'Every class has as many photos as before.' });
  const head = el('tr', {}, ...['Class', 'Before', 'After', 'Difference'].map((text) => el('th', { text })));
  const lines = changed.map(([name, [before, after]]) => el('tr', {}, el('td', { class: 'wide' }, el('span', { class: 'clamp-2', text: name, title: name })),
    ...[count(before), count(after), `${after > before ? '+' : '−'}${count(Math.abs(after - before))}`].map((text) => el('td', { class: 'num', text }))));
  return el('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': 'Photos per class in both versions' },
    el('table', { class: 'table mb-0' }, el('thead', {}, head), el('tbody', {}, ...lines)));
}

function show(url, found) {
  const parts = Object.entries(KINDS).filter(([kind]) => found[kind]).map(([kind, [title, inWords]]) => {
    const some = found.examples[kind];
    const more = found[kind] > some.length ? `, ${count(some.length)} of them here` : '';
    return el('section', {}, el('h3', { text: `${title}: ${count(found[kind])} photo${found[kind] === 1 ? '' : 's'}${more}` }), examples(url, some, inWords));
  });
  if (!parts.length) parts.push(el('p', { class: 'mb-0', text: 'The two versions hold the same photos in the same classes and parts.' }));
  else parts.push(classTable(found.counts));
  $('compared').replaceChildren(...parts);
}

export function start({ url, pending }) {
  pending.addEventListener('undone', () => location.reload());
  const form = $('compare');
  if (!form) return;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      show(url, await api(`${url}/versions/${form.elements.a.value}/compare/${form.elements.b.value}`));
    } catch (error) {
      notice(error.message);
    }
  });
}
