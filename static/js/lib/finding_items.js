// One finding as an element: photos with their evidence, or a line of a table.
import { partName } from './counted.js';
import { el, icon } from './dom.js';
import { percentDone } from './format.js';
import { paintTile } from './sheets.js';
import { fill, gettext } from './words.js';

const SIDE = 112; // pixels of a thumbnail

/** Address of the one picture with all thumbnails of some findings, and the place of each row on it. */
export function sheetOf(url, findings) {
  const rows = [...new Set(findings.flatMap((one) => [one.image?.row, one.other?.row]).filter((row) => row !== undefined))];
  const side = devicePixelRatio > 1.3 ? 200 : SIDE;
  const address = `${url}/sheet?rows=${rows.join(',')}&size=${side}`;
  return new Map(rows.map((row, at) => [row, { address, at, of: rows.length }]));
}

function picture(image, tiles, onOpen, evidence) {
  const button = el('button', { class: 'finding-thumb', type: 'button', title: image.path, 'aria-label': fill(gettext('Open %(path)s'), { path: image.path }) });
  paintTile(button, tiles.get(image.row), SIDE);
  button.classList.toggle('left-out', image.excluded);
  button.addEventListener('click', () => onOpen(image));
  const where = partName(image.excluded ? 'excluded' : image.split);
  return el('figure', {}, button, el('figcaption', {}, el('span', { class: 'text-clip', text: image.label, title: image.label }),
    el('span', { class: 'text-quiet', text: evidence ?? where })));
}

/** What the finding knows, in a few words. */
function evidenceOf({ kind, other, score, suggestion, reason }) {
  if (suggestion && kind === 'wrong-label') {
    const [before, after] = gettext('rather %(name)s').split('%(name)s');
    const sure = score == null ? '' : ` ${fill(gettext('(%(part)s sure)'), { part: percentDone(score) })}`;
    return el('p', { class: 'finding-evidence' }, before, el('strong', { text: suggestion }), after, sure);
  }
  const alike = score == null ? reason : score >= 1 ? gettext('The same photo') : fill(gettext('%(part)s alike'), { part: percentDone(score) });
  return el('p', { class: 'finding-evidence', text: other ? alike : reason, title: reason });
}

/** For a photo under two classes: a button for each, which gives it to both copies. */
function decisions({ image, other }, onDecide) {
  return el('div', { class: 'd-flex flex-wrap gap-1 mt-1' }, ...[[image, other], [other, image]].map(([right, wrong]) => {
    const choice = button(fill(gettext('Both %(label)s'), { label: right.label }), 'tag');
    choice.addEventListener('click', () => onDecide(wrong.row, right.label));
    return choice;
  }));
}

/**
 * A finding about photos, with a box to choose it.
 * @param {object} finding as the API tells it, with an image
 * @param {Map} tiles of `sheetOf`
 * @param {{chosen: Set, onChosen: () => void, onOpen: (image: object) => void,
 *   onDecide: (row: number, label: string) => void, editable: boolean}} card
 */
export function photoItem(finding, tiles, { chosen, onChosen, onOpen, onDecide, editable }) {
  const { id, image, other } = finding;
  const box = el('input', { class: 'form-check-input', type: 'checkbox', 'aria-label': fill(gettext('Choose %(path)s'), { path: image.path }) });
  box.checked = chosen.has(id);
  box.addEventListener('change', () => {
    if (box.checked) chosen.add(id);
    else chosen.delete(id);
    onChosen();
  });
  const pictures = [image, other].filter((one) => one);
  const node = el('li', { class: other ? 'finding pair' : 'finding', 'data-finding': id },
    el('div', { class: 'finding-photos' }, ...pictures.map((one) => picture(one, tiles, onOpen))), evidenceOf(finding));
  if (editable) node.prepend(box);
  if (editable && other && finding.kind === 'copy-two-labels') node.append(decisions(finding, onDecide));
  return node;
}

/** A finding about a file, a class or the whole set, as a line of a table. */
export function line({ path, reason, remedy, refused }) {
  const what = el('td', { class: 'wide' }, refused ? null : el('span', { class: 'text-warn', text: `${gettext('Note:')} ` }), reason);
  return el('tr', {}, el('td', { class: 'wide' }, el('span', { class: 'clamp-2', title: path, text: path || gettext('the whole upload') })),
    what, el('td', { class: 'wide text-quiet', 'data-name': gettext('What to do:'), text: remedy }));
}

export function table(lines, label) {
  const head = el('tr', {}, ...[gettext('File or class'), gettext('What'), gettext('What to do')].map((text) => el('th', { text })));
  return el('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': label },
    el('table', { class: 'table mb-0 stacked' }, el('thead', {}, head), el('tbody', {}, ...lines)));
}

export function button(text, name, style = 'outline-secondary') {
  return el('button', { class: `btn btn-sm btn-${style}`, type: 'button' }, icon(name), text);
}
