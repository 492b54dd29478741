// The tab of versions: what differs between two of them, with photos.
import { api } from './api.js';
import { partName, photos } from './counted.js';
import { $, el, notice } from './dom.js';
import { count } from './format.js';
import { paintTile } from './sheets.js';
import { fill, gettext } from './words.js';

const SIDE = 88; // pixels of a thumbnail
const KINDS = {
  relabelled: [gettext('Other class'), (one) => `${one.from} → ${one.to}`],
  excluded: [gettext('Left out'), (one) => fill(gettext('was %(part)s'), { part: partName(one.from) })],
  restored: [gettext('Taken back in'), (one) => fill(gettext('now %(part)s'), { part: partName(one.to) })],
  added: [gettext('Added'), (one) => `${one.from}, ${partName(one.to)}`],
  removed: [gettext('Only in the first one'), (one) => `${one.from}, ${partName(one.to)}`],
  moved: [gettext('Other part'), (one) => `${partName(one.from)} → ${partName(one.to)}`],
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
  if (!changed.length) return el('p', { class: 'text-quiet mb-0', text: gettext('Every class has as many photos as before.') });
  const head = el('tr', {}, ...[gettext('Class'), gettext('Before'), gettext('After'), gettext('Difference')].map((text) => el('th', { text })));
  const lines = changed.map(([name, [before, after]]) => el('tr', {}, el('td', { class: 'wide' }, el('span', { class: 'clamp-2', text: name, title: name })),
    ...[count(before), count(after), `${after > before ? '+' : '−'}${count(Math.abs(after - before))}`].map((text) => el('td', { class: 'num', text }))));
  return el('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': gettext('Photos per class in both versions') },
    el('table', { class: 'table mb-0' }, el('thead', {}, head), el('tbody', {}, ...lines)));
}

function show(url, found) {
  const parts = Object.entries(KINDS).filter(([kind]) => found[kind]).map(([kind, [title, inWords]]) => {
    const some = found.examples[kind];
    const more = found[kind] > some.length ? `, ${fill(gettext('%(n)s of them here'), { n: count(some.length) })}` : '';
    return el('section', {}, el('h3', { text: `${title}: ${photos(found[kind])}${more}` }), examples(url, some, inWords));
  });
  if (!parts.length) parts.push(el('p', { class: 'mb-0', text: gettext('The two versions hold the same photos in the same classes and parts.') }));
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
