// The tab of findings: a card for each kind with its evidence, one click to repair or to say that it is fine.
import { api } from './api.js';
import { $, el, notice } from './dom.js';
import { button, line, photoItem, sheetOf, table } from './finding_items.js';
import { count } from './format.js';
import { say } from './pending.js';
import { FixedPhotos, Viewer } from './viewer.js';
import { fill, gettext, ngettext } from './words.js';

const PAGE = 24;
const LINES = 100;
const MANY = 1000;
const OPENED = 2; // cards of photos that are open at first

class KindCard {
  /** @param {object} tab shared parts: url, editor, pending, viewer, editable, reload() */
  constructor(tab, kind, open) {
    Object.assign(this, { tab, kind });
    this.chosen = new Set();
    this.items = [];
    this.body = el('div', { class: 'card-body stack' });
    const n = kind.n_open ? count(kind.n_open) : gettext('none open');
    this.node = el('details', { class: 'card fold kind', id: `kind-${kind.kind}` },
      el('summary', { class: 'card-header' }, el('h3', {}, kind.title, ' ', el('span', { class: 'tab-count', text: n }))), this.body);
    this.node.addEventListener('toggle', () => this.node.open && !this.items.length && this.more());
    this.node.open = open && kind.n_open > 0;
    if (!kind.n_open) this.body.append(el('p', { class: 'text-quiet mb-0', text: fill(gettext('%(n)s found, all dealt with.'), { n: count(kind.n) }) }));
  }

  async more() {
    if (this.loading || !this.kind.n_open) return;
    this.loading = true;
    try {
      const limit = this.items.length && !this.items[0].image ? LINES : PAGE;
      const { items, total } = await api(`${this.tab.url}/findings?${this.query(this.items.length, limit)}`);
      this.show(items, total);
    } catch (error) {
      notice(error.message);
    }
    this.loading = false;
  }

  query(offset, limit) {
    return new URLSearchParams({ kind: this.kind.kind, only_open: 'true', offset, limit });
  }

  show(items, total) {
    if (!this.items.length) this.begin(items);
    this.items.push(...items);
    const withPhotos = items.filter((one) => one.image);
    const tiles = withPhotos.length ? sheetOf(this.tab.url, withPhotos) : null;
    const shared = {
      chosen: this.chosen,
      editable: this.tab.editable,
      onChosen: () => this.name(),
      onOpen: (image) => this.open(image),
      onDecide: (row, label) => this.decide(row, label),
    };
    for (const one of items) (this.list ?? this.lines).append(one.image && this.list ? photoItem(one, tiles, shared) : line(one));
    const left = total - this.items.length;
    this.further.hidden = left <= 0;
    this.further.lastChild.textContent = fill(gettext('Show more, %(n)s left'), { n: count(left) });
  }

  begin(items) {
    const photos = items.some((one) => one.image);
    const remedies = new Set(items.map((one) => one.remedy));
    if (photos && remedies.size === 1) this.body.append(el('p', { class: 'text-quiet mb-0', text: items[0].remedy }));
    if (photos) {
      this.list = el('ul', { class: 'finding-list', 'aria-label': this.kind.title });
      this.body.append(this.tools(photos), this.list);
    } else {
      const shown = table([], this.kind.title);
      this.lines = shown.querySelector('tbody');
      if (this.tab.editable) this.body.append(this.tools(photos));
      this.body.append(shown);
    }
    this.further = button('', 'chevron-down');
    this.further.addEventListener('click', () => this.more());
    this.body.append(el('div', {}, this.further));
    this.name();
  }

  tools(photos) {
    const { kind, n_open: n, action } = this.kind;
    const bar = el('div', { class: 'd-flex flex-wrap gap-2 align-items-center' });
    if (this.tab.editable && action) {
      this.repair = button('', action === 'relabel' ? 'tag' : 'eye-off', 'primary');
      this.repair.addEventListener('click', () => this.remedy());
      bar.append(this.repair);
    }
    if (this.tab.editable) {
      this.fine = button('', 'check');
      this.fine.addEventListener('click', () => this.dismiss());
      bar.append(this.fine);
    }
    if (n > 1 && this.tab.editable && photos) {
      this.all = button(gettext('Choose those shown'), 'select-all');
      this.all.addEventListener('click', () => this.chooseShown());
      bar.append(this.all);
    }
    if (photos) bar.append(el('a', { class: 'btn btn-sm btn-outline-secondary', href: `?tab=photos&finding=${encodeURIComponent(kind)}`, text: gettext('Open in Photos') }));
    return bar;
  }

  chooseShown() {
    const all = this.chosen.size === this.items.length;
    this.chosen = new Set(all ? [] : this.items.map((one) => one.id));
    const { items } = this;
    this.items = [];
    this.body.replaceChildren();
    this.show(items, this.kind.n_open);
  }

  name() {
    const some = this.chosen.size;
    const which = some ? fill(gettext('the %(n)s chosen'), { n: count(some) }) : fill(gettext('all %(n)s'), { n: count(this.kind.n_open) });
    if (this.repair) this.repair.lastChild.textContent = `${this.kind.action_label} (${which})`;
    if (this.fine) this.fine.lastChild.textContent = some ? fill(ngettext('The %(n)s chosen is fine', 'The %(n)s chosen are fine', some), { n: count(some) }) : ngettext('This is fine', 'These are fine', this.kind.n_open);
    if (this.all) this.all.lastChild.textContent = some === this.items.length && some ? gettext('Choose none') : gettext('Choose those shown');
  }

  open(image) {
    const photos = this.items.flatMap((one) => [one.image, one.other]).filter((one) => one);
    const source = new FixedPhotos(photos, () => this.tab.reload());
    source.place = photos.indexOf(image);
    this.tab.viewer.open(source);
  }

  async decide(row, label) {
    const target = new FixedPhotos([this.items.flatMap((one) => [one.image, one.other]).find((one) => one?.row === row)]).target;
    if (await this.tab.editor.edit(target, { kind: 'relabel', label })) await this.tab.reload();
  }

  async remedy() {
    const body = { kind: this.kind.kind, ...(this.chosen.size ? { ids: [...this.chosen] } : {}) };
    await this.act(this.repair, async () => {
      const { change, n_changes: n } = await this.tab.pending.inTurn(() => api(`${this.tab.url}/findings/remedy`, { method: 'POST', body }));
      this.tab.pending.show(n);
      say(fill(gettext('%(text)s. Undo with the button above.'), { text: change.text }));
    });
  }

  async dismiss() {
    await this.act(this.fine, async () => {
      const ids = this.chosen.size ? [...this.chosen] : await this.allIds();
      await api(`${this.tab.url}/findings/dismiss`, { method: 'POST', body: { ids } });
      this.tab.offerBack(ids);
    });
  }

  async act(pressed, call) {
    pressed.disabled = true;
    try {
      await call();
      await this.tab.reload();
    } catch (error) {
      pressed.disabled = false;
      notice(error.message);
    }
  }

  async allIds() {
    const ids = [];
    for (let found; !found || (found.items.length && ids.length < found.total);) {
      found = await api(`${this.tab.url}/findings?${this.query(ids.length, MANY)}`);
      ids.push(...found.items.map((one) => one.id));
    }
    return ids;
  }
}

class Skipped {
  /** Files that the import left out, in one table. */
  constructor(url) {
    this.url = url;
    this.shown = 0;
    this.further = button(gettext('Show more'), 'chevron-down');
    this.further.addEventListener('click', () => this.more());
    const found = table([], gettext('Skipped files'));
    this.lines = found.querySelector('tbody');
    this.node = el('section', { class: 'card', id: 'skipped', 'aria-labelledby': 'skipped-title' },
      el('div', { class: 'card-header' }, el('h3', { id: 'skipped-title', text: gettext('Files that were skipped') })),
      found, el('div', { class: 'card-footer' }, this.further));
    this.more();
  }

  async more() {
    try {
      const { items, total } = await api(`${this.url}/findings?${new URLSearchParams({ offset: this.shown, limit: LINES })}`);
      const refused = items.filter((one) => one.refused); // they come first
      this.lines.append(...refused.map(line));
      this.shown += items.length;
      this.further.parentElement.hidden = refused.length < items.length || this.shown >= total;
    } catch (error) {
      notice(error.message);
    }
  }
}

export function start({ url, data, editor, pending }) {
  const skippedKinds = data.skipped;
  const order = Object.keys(data.kinds); // alarms first
  const tab = { url, editor, pending, editable: editor.editable, viewer: new Viewer(url, data.kinds, editor) };
  const asked = new URLSearchParams(location.search).get('kind');
  let opened = null;

  tab.reload = async () => {
    const kinds = (await api(`${url}/findings/kinds`)).items.filter(({ kind }) => !skippedKinds.includes(kind));
    kinds.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
    opened = new Set(opened ? [...document.querySelectorAll('.kind[open]')].map((node) => node.id.slice(5)) : first(kinds));
    const cards = kinds.map((kind) => new KindCard(tab, kind, opened.has(kind.kind)));
    $('kinds').replaceChildren(...cards.map((card) => card.node));
    if (skippedKinds.length) $('kinds').append(new Skipped(url).node);
    const n = kinds.reduce((sum, kind) => sum + kind.n_open, 0);
    $('findings-text').textContent = n || skippedKinds.length
      ? gettext('Nothing is changed until you press a button, and every change can be undone.')
      : kinds.length ? gettext('Everything is dealt with.') : gettext('Nothing was found: every file could be read, and no photo looks doubtful.');
  };
  tab.offerBack = (ids) => {
    const back = button(gettext('Take that back'), 'arrow-back-up');
    back.addEventListener('click', async () => {
      await api(`${url}/findings/dismiss`, { method: 'POST', body: { ids, dismissed: false } }).catch((error) => notice(error.message));
      $('dismissed').remove();
      tab.reload();
    });
    $('dismissed')?.remove();
    const text = fill(ngettext('One finding marked as fine.', '%(n)s findings marked as fine.', ids.length), { n: count(ids.length) });
    $('findings-text').after(el('p', { id: 'dismissed', class: 'mb-0 d-flex flex-wrap gap-2 align-items-center', role: 'status' }, text, back));
  };

  function first(kinds) {
    if (asked || location.hash) return [asked]; // what opens later would push away what was asked for
    const open = kinds.filter((kind) => kind.n_open);
    const single = open.filter((kind) => !kind.action && kind.n_open <= 3);
    return [...single, ...open.filter((kind) => kind.action).slice(0, OPENED)].map((kind) => kind.kind);
  }

  pending.addEventListener('undone', () => tab.reload());
  tab.reload().then(() => $(asked ? `kind-${asked}` : location.hash.slice(1))?.scrollIntoView(), (error) => notice(error.message));
}
