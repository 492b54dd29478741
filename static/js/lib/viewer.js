// One photo large, with what is known about it. The same keys work as in the grid.
import { $, el } from './dom.js';
import { offer } from './labelling.js';
import { edited } from './photos.js';
import { fill, gettext } from './words.js';

const PARTS = { train: gettext('Training'), val: gettext('Validation'), test: gettext('Test, sealed') };
const SIDE = 256; // the largest tile that the server makes

/** Photos that are not in a grid: a fixed list of items. */
export class FixedPhotos {
  constructor(items, onEdit = () => {}) {
    this.items = items;
    this.place = 0;
    this.onEdit = onEdit;
    this.target = {
      count: () => 1,
      rows: async () => [this.item.row],
      patch: (rows, change) => {
        const before = this.items;
        this.items = before.map((item) => (rows.includes(item.row) ? edited(item, change) : item));
        return { gone: 0, back: () => { this.items = before; }, settle: () => this.onEdit() };
      },
      advance: () => this.step(1),
    };
  }

  get item() {
    return this.items[this.place];
  }

  step(by) {
    this.place = Math.max(0, Math.min(this.items.length - 1, this.place + by));
  }
}

export class Viewer {
  /**
   * @param {string} url address of the data set
   * @param {object} titles kind of finding -> words
   * @param {import('./labelling.js').Editor} editor
   */
  constructor(url, titles, editor) {
    Object.assign(this, { url, titles, editor });
    this.dialog = $('viewer');
    this.dialog.addEventListener('keydown', (event) => this.key(event));
    this.dialog.addEventListener('click', (event) => this.click(event));
    $('viewer-close').addEventListener('click', () => this.dialog.close());
  }

  /** @param {FixedPhotos | object} source has `item`, `step(by)` and `target` */
  open(source) {
    this.source = source;
    if (!source.item) return;
    this.show();
    this.dialog.showModal();
  }

  get isOpen() {
    return this.dialog.open;
  }

  show() {
    const { item } = this.source;
    if (!item) {
      this.dialog.close();
      return;
    }
    $('viewer-title').textContent = item.label;
    $('viewer-title').title = item.label;
    $('viewer-image').src = `${this.url}/sheet?rows=${item.row}&size=${SIDE}`;
    $('viewer-image').alt = fill(gettext('Photo labelled %(label)s'), { label: item.label });
    $('viewer-image').classList.toggle('left-out', item.excluded);
    offer(this.dialog, { exclude: !item.excluded, restore: item.excluded });
    const facts = [
      [gettext('Class'), item.label === item.original_label ? item.label : fill(gettext('%(label)s (uploaded as %(original_label)s)'), { label: item.label, original_label: item.original_label })],
      [gettext('Part'), item.excluded ? gettext('left out') : PARTS[item.split] ?? item.split],
      [gettext('File'), item.path],
      [gettext('Size'), fill(gettext('%(width)s × %(height)s pixels'), { width: item.width, height: item.height })],
      [gettext('Findings'), item.findings.map((kind) => this.titles[kind] ?? kind).join(', ') || gettext('none')],
    ];
    $('viewer-facts').replaceChildren(...facts.flatMap(([name, text]) => [el('dt', { text: name }), el('dd', { text })]));
  }

  step(by) {
    this.source.step(by);
    this.show();
  }

  key(event) {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key in steps) this.step(steps[event.key]);
    else if (!this.editor.key(event, this.target())) return;
    event.preventDefault();
    event.stopPropagation();
  }

  click(event) {
    const button = event.target.closest('button');
    if (button?.dataset.step) this.step(Number(button.dataset.step));
    else if (button?.dataset.do) this.editor.run(button.dataset.do, this.target());
    else if (event.target === this.dialog) this.dialog.close();
  }

  /** The photo in view; after an edit the next one is shown. */
  target() {
    const { target } = this.source;
    return { ...target, advance: (gone) => { target.advance(gone); this.show(); } };
  }
}
