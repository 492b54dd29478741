// The confusion matrix: a table of buttons for a few classes, a picture for many, and a table of pairs.
import { $, el } from './dom.js';
import { count, percent } from './format.js';
import { fill, gettext, ngettext } from './words.js';

const MOST_IN_TABLE = 16; // classes; more cells than 16 x 16 are no buttons any more
const PAIRS_AT_ONCE = 50;
const SVG = 'http://www.w3.org/2000/svg';
const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

export class Confusion {
  /**
   * @param {{classes: string[], cells: number[][], support: number[], worst: number[], order: number[]}} data
   *   cells as three lists: true classes, answers, photos; `order` has the classes with most mistakes first
   * @param {import('./judged.js').JudgedPhotos} photos
   */
  constructor(data, photos) {
    Object.assign(this, data, { photos });
    const [truths, answers, ns] = data.cells;
    this.list = truths.map((truth, i) => ({ truth, answer: answers[i], n: ns[i] }));
    this.counts = new Map(this.list.map((cell) => [`${cell.truth}/${cell.answer}`, cell.n]));
    this.view = this.classes.length > MOST_IN_TABLE && this.worst.length ? 'worst' : 'all';
    this.filter = '';
    this.shownPairs = PAIRS_AT_ONCE;
    this.wire();
    this.draw();
  }

  wire() {
    $('confusion-tools').hidden = this.classes.length <= MOST_IN_TABLE;
    const names = { worst: fill(gettext('The %(n)s most confused'), { n: this.worst.length }), all: fill(gettext('All %(n)s classes'), { n: count(this.classes.length) }) };
    this.buttons = Object.entries(names).filter(([view]) => view === 'all' || this.worst.length).map(([view, text]) => {
      const button = el('button', { type: 'button', text });
      button.addEventListener('click', () => {
        this.view = view;
        this.filter = '';
        $('confusion-filter').value = '';
        this.draw();
      });
      button.dataset.view = view;
      return button;
    });
    $('confusion-views').replaceChildren(...this.buttons);
    $('confusion-filter').addEventListener('input', (event) => {
      this.filter = event.target.value.trim().toLocaleLowerCase();
      this.draw();
    });
    $('confusion-order').addEventListener('change', () => this.draw());
    $('confusion').addEventListener('keydown', (event) => this.key(event));
    $('pair-more').addEventListener('click', () => {
      this.shownPairs += PAIRS_AT_ONCE;
      this.drawPairs();
    });
  }

  /** Numbers of the classes in view. */
  chosen() {
    const all = $('confusion-order').checked ? this.order : this.classes.map((_, number) => number);
    if (this.filter) return all.filter((number) => this.classes[number].toLocaleLowerCase().includes(this.filter));
    return this.view === 'worst' ? all.filter((number) => this.worst.includes(number)) : all;
  }

  draw() {
    const chosen = this.chosen();
    for (const button of this.buttons) button.setAttribute('aria-pressed', String(!this.filter && button.dataset.view === this.view));
    const table = chosen.length <= MOST_IN_TABLE;
    $('confusion').replaceChildren(chosen.length === 0 ? el('p', { class: 'text-quiet mb-0', text: gettext('No class has this in its name.') }) : table ? this.table(chosen) : this.picture(chosen));
    this.note(table ? this.elsewhere(chosen) : gettext('Point at a cell to read it, press it to see its photos. The table below has all mix-ups.'));
    this.inView = new Set(chosen);
    this.drawPairs();
  }

  note(text) {
    $('confusion-note').textContent = text;
  }

  /** How many photos of the classes in view went to classes out of view. */
  elsewhere(chosen) {
    const inView = new Set(chosen);
    if (inView.size === this.classes.length) return '';
    const n = this.list.reduce((sum, cell) => sum + (inView.has(cell.truth) && !inView.has(cell.answer) ? cell.n : 0), 0);
    return n ? fill(ngettext('%(n)s photo of these classes was taken for one that is not shown.', '%(n)s photos of these classes were taken for ones that are not shown.', n), { n: count(n) }) : '';
  }

  table(chosen) {
    const head = el('tr', {}, el('th', { scope: 'col', class: 'corner', text: gettext('True class ↓  Answer →') }),
      ...chosen.map((number) => el('th', { scope: 'col', title: this.classes[number] }, el('span', { text: this.classes[number] }))));
    const rows = chosen.map((truth) => el('tr', {}, el('th', { scope: 'row', title: this.classes[truth] }, el('span', { text: this.classes[truth] })),
      ...chosen.map((answer) => this.cell(truth, answer))));
    const table = el('table', { class: 'confusion' }, el('thead', {}, head), el('tbody', {}, ...rows));
    table.querySelector('button')?.setAttribute('tabindex', '0');
    return table;
  }

  cell(truth, answer) {
    const n = this.counts.get(`${truth}/${answer}`);
    if (!n) return el('td', { class: 'nothing', text: '·' });
    const button = el('button', { type: 'button', tabindex: '-1', 'data-truth': truth, 'data-answer': answer, 'aria-label': this.words({ truth, answer, n }), title: this.words({ truth, answer, n }), text: count(n) });
    button.style.setProperty('--share', n / this.support[truth]);
    return el('td', { class: truth === answer ? 'same' : 'other' }, button);
  }

  words({ truth, answer, n }) {
    const values = { n: count(n), truth: this.classes[truth], answer: this.classes[answer], share: percent(n / this.support[truth]) };
    if (truth === answer) return fill(ngettext('%(n)s photo of “%(truth)s” is right, %(share)s of its photos', '%(n)s photos of “%(truth)s” are right, %(share)s of its photos', n), values);
    return fill(ngettext('%(n)s photo of “%(truth)s” taken for “%(answer)s”, %(share)s of its photos', '%(n)s photos of “%(truth)s” taken for “%(answer)s”, %(share)s of its photos', n), values);
  }

  /** Arrow keys go from cell to cell; only one of them is in the order of Tab. */
  key(event) {
    const step = STEPS[event.key];
    const button = event.target.closest('td > button');
    if (!step || !button) return;
    event.preventDefault();
    const rows = [...$('confusion').querySelectorAll('tbody tr')];
    let y = rows.indexOf(button.closest('tr'));
    let x = [...rows[y].children].indexOf(button.parentElement);
    for (;;) {
      y += step[0];
      x += step[1];
      const cell = rows[y]?.children[x];
      if (!cell || cell.tagName === 'TH') return;
      const next = cell.querySelector('button');
      if (next) {
        button.setAttribute('tabindex', '-1');
        next.setAttribute('tabindex', '0');
        next.focus();
        return;
      }
    }
  }

  picture(chosen) {
    const place = new Map(chosen.map((number, i) => [number, i]));
    const cells = this.list.filter(({ truth, answer }) => place.has(truth) && place.has(answer));
    const node = svg('svg', { class: 'confusion-picture', viewBox: `0 0 ${chosen.length} ${chosen.length}`, role: 'img', 'aria-label': fill(gettext('Confusion matrix of %(n)s classes. The table below lists all mix-ups.'), { n: count(chosen.length) }) });
    node.append(svg('rect', { class: 'ground', width: chosen.length, height: chosen.length }), ...cells.map((cell, i) => svg('rect', {
      class: cell.truth === cell.answer ? 'same' : 'other', x: place.get(cell.answer), y: place.get(cell.truth), width: 1, height: 1, 'data-at': i,
      'fill-opacity': Math.max(0.45, Math.min(1, Math.sqrt(cell.n / this.support[cell.truth]))).toFixed(3),
    })));
    const at = (event) => cells[event.target.dataset?.at];
    node.addEventListener('pointermove', (event) => { if (at(event)) this.note(this.words(at(event))); });
    node.addEventListener('click', (event) => { if (at(event)) this.show(at(event)); });
    return node;
  }

  show({ truth, answer }) {
    const names = { truth: this.classes[truth], answer: this.classes[answer] };
    const title = truth === answer ? fill(gettext('“%(truth)s”, right'), names) : fill(gettext('“%(truth)s” taken for “%(answer)s”'), names);
    this.photos.open(title, { truth, answer });
  }

  drawPairs() {
    const pairs = this.list.filter(({ truth, answer }) => truth !== answer && (!this.filter || this.inView.has(truth) || this.inView.has(answer)));
    $('pair-rows').replaceChildren(...pairs.slice(0, this.shownPairs).map((cell) => el('tr', {},
      el('td', { class: 'wide' }, el('span', { class: 'clamp-2', text: this.classes[cell.truth] })),
      el('td', { class: 'wide' }, el('span', { class: 'clamp-2', text: this.classes[cell.answer] })),
      el('td', {}, el('button', { type: 'button', class: 'btn-link-row num', 'data-truth': cell.truth, 'data-answer': cell.answer, 'aria-label': this.words(cell), text: count(cell.n) })),
      el('td', { class: 'num', text: percent(cell.n / this.support[cell.truth]) }))));
    $('pair-more').hidden = pairs.length <= this.shownPairs;
  }
}
