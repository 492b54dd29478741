// Tables that are sorted by a click on a heading, and by a list of headings where these are hidden on phones.
import { el } from './dom.js';
import { gettext } from './words.js';

function valueOf(row, column, words) {
  const text = row.cells[column].dataset.value ?? '';
  return words ? text : Number(text);
}

function sort(table, column, direction) {
  const heads = [...table.tHead.rows[0].cells];
  const words = heads[column].dataset.sort === 'text';
  const body = table.tBodies[0];
  const order = direction === 'ascending' ? 1 : -1;
  const compare = (a, b) => {
    const [x, y] = [valueOf(a, column, words), valueOf(b, column, words)];
    return order * (words ? x.localeCompare(y, undefined, { numeric: true }) : x - y);
  };
  body.append(...[...body.rows].sort(compare)); // stable: equal rows stay as they were
  for (const head of heads) head.removeAttribute('aria-sort');
  heads[column].setAttribute('aria-sort', direction);
}

function turned(head) {
  const first = head.dataset.sort === 'down' ? 'descending' : 'ascending';
  const other = first === 'ascending' ? 'descending' : 'ascending';
  return head.getAttribute('aria-sort') === first ? other : first;
}

/** Makes a table sortable: headings with `data-sort` (`text`, `up`, `down`: the first direction), cells with `data-value`. */
export function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const choice = el('select', { class: 'form-select', 'aria-label': gettext('Sort by') });
  for (const [column, head] of heads.entries()) {
    if (!head.dataset.sort) continue;
    const title = head.textContent;
    const button = el('button', { type: 'button', text: title });
    button.addEventListener('click', () => sort(table, column, turned(head)));
    head.replaceChildren(button);
    choice.append(el('option', { value: String(column), text: title, selected: head.hasAttribute('aria-sort') }));
  }
  choice.addEventListener('change', () => {
    const head = heads[Number(choice.value)];
    head.removeAttribute('aria-sort');
    sort(table, Number(choice.value), turned(head));
  });
  table.parentElement.before(el('label', { class: 'sort-choice' }, el('span', { text: gettext('Sort by') }), choice));
}
