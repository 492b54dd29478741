// Photos as a grid of fixed cells. Only the cells in sight exist; scrolling moves them, not the other 70,000.
import { el } from './dom.js';
import { count } from './format.js';
import { newCell, showPhoto, SIDE } from './photo_cell.js';
import { Selection } from './selection.js';
import { fill, gettext } from './words.js';

const STEP = SIDE + 6;
const ROW_HEIGHT = SIDE + 30;
const BLOCK = 40; // photos on one contact sheet; divides the page size of the list
const SPARE_ROWS = 2;
const MAX_HEIGHT = 12_000_000; // browsers draw nothing below some 16 million pixels
const ASK_EVERY = 90; // milliseconds between requests while scrolling

export class Grid {
  /**
   * @param {HTMLElement} node the scroller with role=grid, holding one element that gives it its height
   * @param {import('./photos.js').PhotoList} list
   * @param {import('./sheets.js').Sheets} sheets
   * @param {{titles: object, onOpen: (place: number) => void, onChosen: () => void}} page
   */
  constructor(node, list, sheets, page) {
    Object.assign(this, { node, list, sheets, page });
    this.space = node.firstElementChild;
    this.lines = new Map(); // line number -> element
    this.selection = new Selection(list);
    node.addEventListener('scroll', () => this.draw(), { passive: true });
    node.addEventListener('click', (event) => this.click(event));
    node.addEventListener('dblclick', (event) => this.placeOf(event) !== null && this.page.onOpen(this.active));
    node.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe(node);
    list.addEventListener('change', () => this.follow());
  }

  get total() {
    return this.list.total ?? 0;
  }

  get active() {
    return this.selection.active;
  }

  get chosen() {
    return this.selection.chosen;
  }

  /** Places the next command is about. */
  targets() {
    return this.selection.targets();
  }

  reset() {
    this.node.scrollTop = 0;
    this.selection.reset();
    this.showChosen();
  }

  choose(places, soft = false) {
    this.selection.choose(places, soft);
    this.showChosen();
  }

  toggle(place) {
    this.selection.toggle(place);
    this.showChosen();
  }

  follow() {
    this.selection.follow();
    this.showChosen();
  }

  showChosen() {
    this.page.onChosen();
    this.draw();
  }

  /** After an edit: on to the next photo. `gone` photos have left the list, the others stay where they are. */
  advance(gone) {
    const places = this.targets();
    const first = places.reduce((a, b) => Math.min(a, b), this.total);
    const last = places.reduce((a, b) => Math.max(a, b), -1);
    this.choose([]);
    this.go(gone ? first : last + 1);
    if (!document.querySelector('dialog[open]')) this.node.focus({ preventScroll: true }); // the bar is gone
  }

  go(place) {
    this.selection.activate(place);
    if (this.selection.soft) this.choose([]);
    this.reveal();
    this.draw();
  }

  reveal() {
    const top = Math.floor(this.active / this.columns) * ROW_HEIGHT;
    const { offset, height } = this.view();
    if (top < offset) this.scrollTo(top);
    else if (top + ROW_HEIGHT > offset + height) this.scrollTo(top + ROW_HEIGHT - height);
  }

  // A list taller than a browser can draw is scrolled in proportion.
  view() {
    const height = this.node.clientHeight;
    const full = Math.ceil(this.total / this.columns) * ROW_HEIGHT;
    const shown = Math.min(full, MAX_HEIGHT);
    const scale = full > shown ? (full - height) / (shown - height) : 1;
    return { height, shown, scale, offset: this.node.scrollTop * scale };
  }

  scrollTo(offset) {
    this.node.scrollTop = offset / this.view().scale;
  }

  get columns() {
    return Math.max(1, Math.floor((this.space.clientWidth + STEP - SIDE) / STEP));
  }

  resize() {
    const { columns } = this;
    if (columns !== this.drawnColumns) {
      for (const line of this.lines.values()) line.remove();
      this.lines.clear();
      if (this.drawnColumns) this.reveal();
    }
    this.drawnColumns = columns;
    this.draw();
  }

  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.drawNow();
    });
  }

  drawNow() {
    const { columns } = this;
    const { height, shown, offset } = this.view();
    this.node.setAttribute('aria-rowcount', Math.ceil(this.total / columns));
    this.node.setAttribute('aria-colcount', columns);
    this.space.style.height = `${shown}px`;
    const last = Math.min(Math.ceil(this.total / columns), Math.ceil((offset + height) / ROW_HEIGHT) + SPARE_ROWS);
    const first = Math.min(Math.max(0, Math.floor(offset / ROW_HEIGHT) - SPARE_ROWS), last);
    for (const [number, line] of this.lines) {
      if (number < first || number >= last) {
        line.remove();
        this.lines.delete(number);
      }
    }
    for (let number = first; number < last; number += 1) this.drawLine(number, this.node.scrollTop - offset);
    const id = `photo-${this.active}`;
    if (document.getElementById(id)) this.node.setAttribute('aria-activedescendant', id);
    else this.node.removeAttribute('aria-activedescendant');
    this.node.dataset.cells = String(this.lines.size * columns);
    if (this.total) this.ask(first * columns, last * columns - 1);
  }

  drawLine(number, shift) {
    const { columns } = this;
    let line = this.lines.get(number);
    if (!line) {
      line = el('div', { role: 'row', class: 'photo-line', 'aria-rowindex': number + 1 });
      for (let i = 0; i < columns; i += 1) line.append(newCell(number * columns + i, i));
      this.lines.set(number, line);
      this.space.append(line);
    }
    line.style.transform = `translateY(${number * ROW_HEIGHT + shift}px)`;
    for (const cell of line.children) this.drawCell(cell);
  }

  drawCell(cell) {
    const place = Number(cell.dataset.place);
    const item = this.list.items[place];
    cell.classList.toggle('beyond', place >= this.total);
    showPhoto(cell, {
      item,
      tile: item && this.sheets.tile(item.row),
      active: place === this.active,
      chosen: this.chosen.has(place),
    }, this.page.titles);
  }

  ask(first, last) {
    const leap = this.wanted && Math.abs(first - this.wanted[0]) > last - first;
    this.wanted = [first, last];
    if (leap) { // the scroll bar is dragged: wait until it rests
      clearTimeout(this.asking);
      this.asking = null;
    }
    this.asking ??= setTimeout(() => {
      this.asking = null;
      const [from, to] = this.wanted;
      this.list.need(from, to);
      this.sheets.want(this.blocks(from, to));
    }, ASK_EVERY);
  }

  /** Rows of the contact sheets for some places: whole blocks, so that their addresses repeat. */
  blocks(first, last) {
    const found = [];
    for (let start = Math.floor(first / BLOCK) * BLOCK; start <= last; start += BLOCK) {
      const items = this.list.items.slice(start, start + BLOCK);
      const complete = items.filter((item) => item).length === Math.min(BLOCK, this.total - start);
      if (complete && items.length) found.push(items.map((item) => item.row));
    }
    return found;
  }

  placeOf(event) {
    const cell = event.target.closest('[role=gridcell]');
    return cell ? Number(cell.dataset.place) : null;
  }

  click(event) {
    const place = this.placeOf(event);
    if (place === null || !this.list.items[place]) return;
    this.selection.activate(place, event.shiftKey);
    if (event.shiftKey) this.selection.chooseTo(place);
    else if (event.ctrlKey || event.metaKey || event.pointerType === 'touch') this.selection.toggle(place);
    else this.selection.choose([place], true);
    this.showChosen();
  }

  key(event) {
    const command = event.ctrlKey || event.metaKey;
    if (event.altKey || !this.total) return;
    if (command && event.key.toLowerCase() === 'a') this.choose(Array.from({ length: this.total }, (_, i) => i));
    else if (event.key === ' ' && this.selection.soft) this.choose(this.chosen.keys());
    else if (event.key === ' ') this.toggle(this.active);
    else if (event.key === 'Enter') this.page.onOpen(this.active);
    else if (event.key === 'Escape' && this.chosen.size) this.choose([]);
    else {
      const place = this.moved(event.key, command);
      if (place === null) return;
      this.move(place, event.shiftKey);
    }
    event.preventDefault();
    event.stopPropagation();
  }

  move(place, extending) {
    if (!extending) {
      this.go(place);
      return;
    }
    this.selection.activate(place, true);
    this.selection.chooseTo(this.active);
    this.reveal();
    this.showChosen();
  }

  moved(key, command) {
    const { columns, active } = this;
    const line = active - (active % columns);
    const page = Math.max(1, Math.floor(this.node.clientHeight / ROW_HEIGHT) - 1) * columns;
    const places = {
      ArrowLeft: active - 1,
      ArrowRight: active + 1,
      ArrowUp: active - columns,
      ArrowDown: active + columns,
      PageUp: active - page,
      PageDown: active + page,
      Home: command ? 0 : line,
      End: command ? this.total - 1 : line + columns - 1,
    };
    return places[key] ?? null;
  }

  /** For the action bar. */
  chosenText() {
    const n = this.chosen.size;
    return n === this.total && n > 1 ? fill(gettext('All %(n)s chosen'), { n: count(n) }) : fill(gettext('%(n)s chosen'), { n: count(n) });
  }
}
