// The table twin of the chart: sorted, filtered and in pages, so that thousands of networks cost fifty rows.
import { $, el } from './dom.js';
import { bytes, count, ms, percent } from './format.js';
import { sourceName, trainedName } from './names.js';
import { fill, gettext } from './words.js';

const PAGE = 50;
const SHOW_EVERY = 1000; // milliseconds between drawings while networks come in

const KEYS = {
  number: (one) => one.number,
  label: (one) => one.label,
  accuracy: (one) => one.metrics?.accuracy ?? -1,
  latency: (one) => one.metrics?.latency_ms ?? Infinity,
  size: (one) => one.metrics?.size_bytes ?? Infinity,
};

export class NetworkTable {
  /** @param {object} parts `body`, `head`, `pages`, `from`, `front`, `words` @param {{standing, onFront, pick}} owner */
  constructor(parts, owner) {
    Object.assign(this, parts, { owner, networks: null, order: [], page: 0, sort: 'accuracy', down: true, timer: null });
    for (const button of this.head.querySelectorAll('button[data-sort]')) {
      button.addEventListener('click', () => this.sortBy(button.dataset.sort));
    }
    this.from.addEventListener('change', () => this.rebuild());
    this.front.addEventListener('change', () => this.rebuild());
    this.words.addEventListener('input', () => this.rebuild());
    this.pages.previous.addEventListener('click', () => this.turn(-1));
    this.pages.next.addEventListener('click', () => this.turn(1));
  }

  show(networks) {
    this.networks = networks;
    this.rebuild();
  }

  sortBy(name) {
    this.down = name === this.sort ? !this.down : name === 'accuracy';
    this.sort = name;
    this.rebuild();
  }

  /** Places of two networks to one another; those that were trained further or failed come last by accuracy. */
  compare(a, b) {
    const key = (one) => KEYS[this.sort](one) - (this.sort === 'accuracy' && this.networks.superseded.has(one.number) ? 1 : 0);
    const [first, second] = this.sort === 'label' ? [0, a.label.localeCompare(b.label)] : [key(a), key(b)];
    const order = this.sort === 'label' ? -second : first < second ? -1 : first > second ? 1 : 0;
    return (this.down ? -order : order) || a.number - b.number;
  }

  passes(one) {
    const words = this.words.value.trim().toLowerCase();
    return (!this.from.value || one.source === this.from.value)
      && (!this.front.checked || this.owner.onFront(one.number))
      && (!words || one.label.toLowerCase().includes(words));
  }

  rebuild() {
    if (!this.networks) return;
    this.page = 0;
    this.order = [...this.networks.all.values()].filter((one) => this.passes(one)).sort((a, b) => this.compare(a, b));
    this.draw();
  }

  /** Takes a new network in, and moves those that were trained further; what is on other pages is not drawn. */
  add(one, gone) {
    if (this.front.checked) {
      this.order = this.order.filter((other) => this.passes(other));
    } else {
      for (const number of gone) {
        const place = this.order.findIndex((other) => other.number === number);
        if (place >= 0) this.insert(...this.order.splice(place, 1));
      }
    }
    if (this.passes(one)) this.insert(one);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.draw();
    }, SHOW_EVERY);
  }

  insert(one) {
    let low = 0;
    let high = this.order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.compare(this.order[middle], one) < 0) low = middle + 1;
      else high = middle;
    }
    this.order.splice(low, 0, one);
  }

  turn(by) {
    this.page += by;
    this.draw();
    this.body.closest('.table-scroll').scrollTop = 0;
  }

  draw() {
    const last = Math.max(0, Math.ceil(this.order.length / PAGE) - 1);
    this.page = Math.min(Math.max(0, this.page), last);
    const shown = this.order.slice(this.page * PAGE, (this.page + 1) * PAGE);
    const drawn = shown.map((one) => `${one.number} ${this.owner.standing(one)}`).join();
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      const focused = document.activeElement?.dataset.network;
      this.body.replaceChildren(...shown.map((one) => this.row(one)));
      if (focused) this.body.querySelector(`[data-network="${focused}"]`)?.focus();
    }
    for (const cell of this.head.querySelectorAll('th')) {
      const mine = cell.querySelector('button')?.dataset.sort === this.sort;
      if (mine) cell.setAttribute('aria-sort', this.down ? 'descending' : 'ascending');
      else cell.removeAttribute('aria-sort');
    }
    this.pages.previous.disabled = this.page === 0;
    this.pages.next.disabled = this.page === last;
    const range = { from: count(shown.length ? this.page * PAGE + 1 : 0), to: count(this.page * PAGE + shown.length), all: count(this.order.length) };
    this.pages.where.textContent = fill(gettext('%(from)s–%(to)s of %(all)s'), range);
    $('table-empty').hidden = this.networks.all.size > 0;
  }

  row(one) {
    const button = el('button', { type: 'button', class: 'btn btn-link p-0 text-start clamp-2', 'data-network': one.number, text: one.label, title: one.label });
    button.addEventListener('click', () => this.owner.pick(one.number));
    return el('tr', {},
      el('td', { class: 'num', text: `#${one.number}` }),
      el('td', { class: 'wide' }, button),
      el('td', { class: 'snug', text: sourceName(one.source) }),
      el('td', { class: 'snug', text: trainedName(one.fidelity) }),
      el('td', { class: 'num', text: percent(one.metrics?.accuracy) }),
      el('td', { class: 'num', text: ms(one.metrics?.latency_ms) }),
      el('td', { class: 'num', text: bytes(one.metrics?.size_bytes) }),
      el('td', { class: 'snug', text: this.owner.standing(one) }));
  }

  /** All networks that pass the filters, as rows of a CSV file. */
  rows() {
    const head = ['number', 'network', 'source', 'trained', 'right', 'right_low', 'right_high', 'latency_ms', 'size_bytes', 'macs', 'energy_mj', 'peak_sram_bytes', 'seconds', 'standing'];
    return [head, ...this.order.map((one) => {
      const { metrics: m } = one;
      return [one.number, one.label, one.source, one.fidelity, m?.accuracy, m?.accuracy_low, m?.accuracy_high, m?.latency_ms,
        m?.size_bytes, m?.macs, m?.device?.energy_mj, m?.device?.peak_sram_bytes, one.seconds, this.owner.standing(one)];
    })];
  }
}
