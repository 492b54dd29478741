// The table of classes on the preview: 200 rows at a time, so that 10,000 classes do not freeze the page.
import { $, el } from './dom.js';
import { count } from './format.js';
import { fill, gettext } from './words.js';

const MAX_ROWS = 200;
const MAX_EXAMPLES = 3;
const PARTS = { train: gettext('Training'), val: gettext('Validation'), test: gettext('Test') };

export class ClassTable {
  /** @param {import('./class_edits.js').ClassEdits} edits @param {() => void} onEdit */
  constructor(edits, onEdit) {
    this.edits = edits;
    this.onEdit = onEdit;
    this.root = ''; // leading folders that all photos share; examples are shown without them
    this.rows = [];
    this.found = [];
    $('preview-search').addEventListener('input', () => this.render());
    $('preview-keep-all').addEventListener('change', ({ target }) => {
      for (const { name } of this.found) edits.set(name, { keep: target.checked });
      this.render();
      onEdit();
    });
  }

  /** Shows the classes that the search field lets through. */
  render() {
    const { classes } = this.edits;
    const wanted = $('preview-search').value.trim().toLowerCase();
    this.found = wanted ? classes.filter((one) => this.#matches(one, wanted)) : classes;
    const shown = this.found.slice(0, MAX_ROWS);
    $('preview-classes').hidden = !classes.length;
    $('preview-search-row').hidden = classes.length <= 12;
    this.rows = shown.map((one) => this.#row(one));
    $('preview-class-rows').replaceChildren(...this.rows.map(({ node }) => node));
    const more = this.found.length - shown.length;
    $('preview-classes-more').hidden = !more && this.found.length > 0;
    $('preview-classes-more').textContent = this.found.length
      ? fill(gettext('and %(more)s more. The search field finds each of them.'), { more: count(more) })
      : gettext('No class has this in its name.');
    this.refresh();
  }

  /** Updates remarks and ticks after an edit; the fields stay, and with them the cursor. */
  refresh() {
    for (const row of this.rows) row.refresh();
    const kept = this.found.filter(({ name }) => this.edits.isKept(name)).length;
    $('preview-keep-all').checked = kept > 0 && kept === this.found.length;
    $('preview-keep-all').indeterminate = kept > 0 && kept < this.found.length;
  }

  #matches({ name }, wanted) {
    return name.toLowerCase().includes(wanted) || this.edits.newName(name).toLowerCase().includes(wanted);
  }

  #short(path) {
    return this.root && path.startsWith(`${this.root}/`) ? path.slice(this.root.length + 1) : path;
  }

  #row({ name, n, examples = [], ...parts }) {
    const short = name.slice(0, 80);
    const keep = el('input', { class: 'form-check-input', type: 'checkbox', 'aria-label': fill(gettext('Keep %(short)s'), { short }) });
    const field = el('input', { class: 'form-control', maxlength: 500, 'aria-label': fill(gettext('Name of the class %(short)s'), { short }), autocomplete: 'off', spellcheck: 'false' });
    field.value = this.edits.newName(name);
    const remark = el('span', { class: 'remark', role: 'status' });
    const node = el(
      'tr', {},
      el('td', { class: 'keep' }, keep),
      el('td', { class: 'name' }, field, remark),
      el('td', { class: 'num', 'data-name': gettext('Photos:'), text: count(n) }),
      ...Object.entries(PARTS).map(([part, title]) => el('td', { class: 'num of-parts', 'data-name': `${title}:`, text: count(parts[part] ?? 0) })),
      el('td', { class: 'wide' }, ...examples.slice(0, MAX_EXAMPLES).map((path) => el('span', { class: 'example text-clip', text: this.#short(path), title: path }))),
    );
    const refresh = () => {
      keep.checked = this.edits.isKept(name);
      field.disabled = !keep.checked;
      node.classList.toggle('left-out', !keep.checked);
      const text = this.edits.remark(name);
      if (remark.textContent !== text) remark.textContent = text;
    };
    const edited = (change) => {
      this.edits.set(name, change);
      this.refresh();
      this.onEdit();
    };
    keep.addEventListener('change', () => edited({ keep: keep.checked }));
    field.addEventListener('input', () => edited({ to: field.value }));
    field.addEventListener('change', () => { field.value = this.edits.newName(name); });
    return { node, refresh };
  }
}
