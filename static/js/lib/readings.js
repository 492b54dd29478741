// Other ways to read an upload: the choices the server offers, the columns of a table, the meaning of folders.
import { PARTS } from './counted.js';
import { $, el } from './dom.js';
import { count } from './format.js';
import { fill, gettext } from './words.js';

const MAX_ROLES = 200;
const ROLES = [['', gettext('no part')], ['train', PARTS.train], ['val', PARTS.val], ['test', PARTS.test], ['ignore', gettext('leave out')]];
const PATH_NAMES = /path|file|image|photo|name|url/i;
const LABEL_NAMES = /label|class|categor|species|target|type|tag/i;

const sorted = (value) => (value && typeof value === 'object' && !Array.isArray(value)
  ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
  : value);

/** The same for two readings that differ in corrections only. */
export function keyOf({ renames, dropped, splits_used, ...reading }) {
  return JSON.stringify(sorted(reading));
}

/** What a reading takes the class from. */
function titleOf({ kind, table, label_column: column, label_level: level, split_folders: parts }) {
  if (kind === 'table') return fill(gettext('Use %(table)s: column “%(column)s”'), { table: table.split('/').at(-1), column });
  if (kind === 'pattern') return gettext('Use the names of the files');
  const inside = Object.values(parts ?? {}).some((part) => part !== 'ignore');
  if (level === -1) return inside ? gettext('Use the innermost folders inside the parts as classes') : gettext('Use the innermost folders as classes');
  const text = inside ? gettext('Use folder level %(n)s inside the parts as classes') : gettext('Use folder level %(n)s as classes');
  return fill(text, { n: level + 1 });
}

function select(label, options, value, onChange) {
  const field = el('select', { class: 'form-select', 'data-key': label }, ...options.map(([key, text]) => el('option', { value: key, text })));
  field.value = value ?? '';
  field.addEventListener('change', () => onChange(field.value));
  return el('label', { class: 'column' }, el('span', { class: 'form-label', text: label }), field);
}

export class Readings {
  /** @param {(interpretation: object) => void} onChoose asks the server to read the files again */
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.first = null;
    this.roles = {};
    $('preview-roles-apply').addEventListener('click', () => onChoose({ ...this.current, split_folders: this.#chosenRoles() }));
  }

  /** @param {object} preview what the API says */
  render(preview) {
    this.current = preview.interpretation;
    this.first ??= [{ interpretation: preview.interpretation, summary: preview.summary }, ...(preview.alternatives ?? [])];
    this.#choices(preview);
    this.#columns(preview.tables ?? []);
    this.#folders(preview.folders ?? []);
  }

  /** The choices of the first reading stay where they are, whatever is tried out. */
  #choices({ interpretation, summary }) {
    const present = keyOf(interpretation);
    const choices = new Map(); // the first of several that differ in corrections only
    for (const one of this.first) if (!choices.has(keyOf(one.interpretation))) choices.set(keyOf(one.interpretation), one);
    const isOffered = choices.has(present);
    choices.set(present, { interpretation, summary });
    $('preview-choices').hidden = choices.size < 2;
    $('preview-choices-list').replaceChildren(...[...choices].map(([key, one]) => {
      const radio = el('input', { type: 'radio', name: 'reading', checked: key === present, 'data-key': `choice ${key}` });
      radio.addEventListener('change', () => this.onChoose(one.interpretation));
      return el('label', { class: 'choice' }, radio, el('span', { text: key === present && !isOffered ? fill(gettext('%(reading)s, as corrected'), { reading: titleOf(one.interpretation) }) : titleOf(one.interpretation) }), el('span', { class: 'text-quiet', text: one.summary }));
    }));
  }

  #columns(tables) {
    $('preview-table').hidden = !tables.length;
    if (!tables.length) return;
    const isTable = this.current.kind === 'table';
    const table = tables.find(({ path }) => path === this.current.table) ?? tables[0];
    const columns = table.columns.map((name) => [name, name]);
    const choose = (key) => (value) => this.onChoose({ ...this.current, [key]: value });
    const fields = [
      select(gettext('Table'), [...(isTable ? [] : [['', gettext('not used')]]), ...tables.map(({ path }) => [path, path])], isTable ? table.path : '', (path) => this.#useTable(tables, path)),
    ];
    if (isTable) {
      fields.push(
        select(gettext('Column with the file'), columns, this.current.path_column, choose('path_column')),
        select(gettext('Column with the class'), columns, this.current.label_column, choose('label_column')),
        select(gettext('Column with the part'), [['', gettext('none')], ...columns], this.current.split_column, (value) => this.onChoose({ ...this.current, split_column: value || null })),
      );
    }
    $('preview-columns').replaceChildren(...fields);
    $('preview-rows').replaceChildren(
      el('thead', {}, el('tr', {}, ...table.columns.map((text) => el('th', { scope: 'col', text })))),
      el('tbody', {}, ...table.rows.map((row) => el('tr', {}, ...row.map((text) => el('td', {}, el('span', { class: 'cell text-clip', text: String(text ?? ''), title: String(text ?? '') })))))),
    );
  }

  /** A first guess of the columns; the person sees and corrects it. */
  #useTable(tables, path) {
    const { columns } = tables.find((one) => one.path === path);
    const pathColumn = columns.find((name) => PATH_NAMES.test(name)) ?? columns[0];
    const others = columns.filter((name) => name !== pathColumn);
    this.onChoose({
      ...this.current,
      kind: 'table',
      table: path,
      tables: { [path]: '' },
      path_column: pathColumn,
      label_column: others.find((name) => LABEL_NAMES.test(name)) ?? others[0] ?? pathColumn,
      split_column: null,
    });
  }

  #folders(folders) {
    const { split_folders: parts = {}, split_level: level = 0 } = this.current;
    const names = [...new Set([...(level === 0 ? folders : []), ...Object.keys(parts)])].sort((a, b) => a.localeCompare(b));
    $('preview-folders').hidden = !names.length;
    this.roles = { ...parts };
    const wasApplied = JSON.stringify(sorted(this.#chosenRoles()));
    $('preview-roles-apply').disabled = true;
    $('preview-roles').replaceChildren(...names.slice(0, MAX_ROLES).map((name) => {
      const field = el('select', { class: 'form-select', 'aria-label': fill(gettext('What %(name)s stands for'), { name: name.slice(0, 80) }) }, ...ROLES.map(([key, text]) => el('option', { value: key, text })));
      field.value = parts[name] ?? '';
      field.addEventListener('change', () => {
        this.roles[name] = field.value;
        $('preview-roles-apply').disabled = JSON.stringify(sorted(this.#chosenRoles())) === wasApplied;
      });
      return el('li', {}, el('span', { class: 'text-clip', text: name, title: name }), field);
    }));
    $('preview-roles-more').hidden = names.length <= MAX_ROLES;
    $('preview-roles-more').textContent = fill(gettext('and %(n)s more folders'), { n: count(names.length - MAX_ROLES) });
  }

  #chosenRoles() {
    return Object.fromEntries(Object.entries(this.roles).filter(([, role]) => role));
  }
}
