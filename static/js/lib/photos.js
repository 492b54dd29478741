// The list behind the grid: as the server has it under the present filters, loaded in pages where somebody looks.
import { api } from './api.js';
import { gettext } from './words.js';

const PAGE = 200;
const AT_ONCE = 1; // the server's cores are better spent on the thumbnails beside it
const MANY = 1000; // the largest page of the API, for choosing thousands of photos
const KEEP = 40_000; // items beyond this are dropped, those far from the view first
const CLOSED_BY_LABEL = ['wrong-label', 'copy-two-labels'];

/** True when an image as it is now belongs under the filters. */
export function matches(item, filter) {
  if (filter.label && item.label !== filter.label) return false;
  if (filter.split && item.split !== filter.split) return false;
  if (filter.finding && !item.findings.includes(filter.finding)) return false;
  return filter.excluded === 'all' || item.excluded === (filter.excluded === '1');
}

/** The image as an edit leaves it. */
export function edited(item, { kind, label, split }) {
  if (kind === 'relabel') return { ...item, label, findings: item.findings.filter((one) => !CLOSED_BY_LABEL.includes(one)) };
  if (kind === 'move') return { ...item, split };
  if (kind === 'exclude') return { ...item, excluded: true, findings: [] };
  return { ...item, excluded: false };
}

export class PhotoList extends EventTarget {
  /** @param {string} url address of the data set; fires "change" when items have come, "failed" with a sentence */
  constructor(url) {
    super();
    this.url = `${url}/images`;
    this.filter = { label: '', finding: '', split: '', excluded: '0' };
    this.forget();
  }

  forget() {
    for (const abort of this.loading?.values() ?? []) abort.abort();
    this.items = [];
    this.total = null;
    this.loading = new Map();
    this.fresh = new Set(); // pages as the server has them; the others are shown until they come again
    this.epoch = (this.epoch ?? 0) + 1;
    this.held = 0;
    this.range = [0, PAGE - 1];
  }

  show(filter) {
    this.filter = { ...this.filter, ...filter };
    this.forget();
    this.need(0, PAGE - 1);
  }

  query(offset, limit) {
    const given = Object.entries(this.filter).filter(([, value]) => value !== '');
    return `${this.url}?${new URLSearchParams([...given, ['offset', offset], ['limit', limit]])}`;
  }

  /** Asks for the items from `first` to `last`; requests for what is out of sight are given up. */
  need(first, last) {
    this.range = [first, last];
    const pages = [];
    const end = this.total === null ? 0 : Math.floor(Math.max(0, this.total - 1) / PAGE);
    for (let page = Math.floor(first / PAGE); page <= Math.min(end, Math.floor(last / PAGE)); page += 1) {
      if (!this.fresh.has(page) || this.hole(page * PAGE, page * PAGE + PAGE)) pages.push(page);
    }
    for (const [page, abort] of this.loading) {
      if (!pages.includes(page)) {
        abort.abort();
        this.loading.delete(page);
      }
    }
    if (this.held) return;
    for (const page of pages) {
      if (this.loading.size >= AT_ONCE) return;
      if (!this.loading.has(page)) this.load(page);
    }
  }

  hole(first, end) {
    for (let i = first; i < Math.min(end, this.total ?? end); i += 1) if (!this.items[i]) return true;
    return false;
  }

  async load(page) {
    const { epoch } = this;
    const abort = new AbortController();
    this.loading.set(page, abort);
    try {
      const answer = await api(this.query(page * PAGE, PAGE), { signal: abort.signal });
      if (epoch !== this.epoch) return;
      this.take(page * PAGE, answer);
      this.fresh.add(page);
    } catch (error) {
      if (error.name === 'AbortError' || epoch !== this.epoch) return;
      this.dispatchEvent(new CustomEvent('failed', { detail: error.message }));
      return;
    } finally {
      if (this.loading.get(page) === abort) this.loading.delete(page);
    }
    this.dispatchEvent(new Event('change'));
    this.need(...this.range);
  }

  take(offset, { total, items }) {
    this.total = total;
    this.items.length = total;
    for (const [i, item] of items.entries()) this.items[offset + i] = item;
    if (total <= KEEP) return;
    const [first, last] = this.range;
    for (const page of this.fresh) {
      if (page * PAGE > last + KEEP / 2 || (page + 1) * PAGE < first - KEEP / 2) {
        this.fresh.delete(page);
        for (let i = page * PAGE; i < (page + 1) * PAGE; i += 1) delete this.items[i];
      }
    }
  }

  /** Places of the rows among the items that are here; pages that are as the server has them count most. */
  placesOf(rows) {
    const wanted = new Set(rows);
    const places = new Map();
    this.items.forEach(({ row }, place) => {
      if (wanted.has(row) && (!places.has(row) || this.fresh.has(Math.floor(place / PAGE)))) places.set(row, place);
    });
    return places;
  }

  /**
   * Row numbers of the places, loading those that nobody has looked at; `onProgress(done)` while it does.
   * @param {number[]} places
   * @param {Map<number, number | undefined>} known place -> row, as far as it was seen when it was chosen
   */
  async rowsOf(places, known, onProgress) {
    const { epoch } = this;
    const rows = [];
    let page = { first: 0, items: [] };
    for (const place of [...places].sort((a, b) => a - b)) {
      let row = known.get(place) ?? this.items[place]?.row ?? page.items[place - page.first]?.row;
      if (row === undefined) {
        onProgress?.(rows.length);
        const { total, items } = await api(this.query(place, MANY));
        if (epoch !== this.epoch || total !== this.total) throw new Error(gettext('The photos changed meanwhile. Choose again.'));
        page = { first: place, items };
        row = items[0]?.row;
      }
      if (row !== undefined) rows.push(row);
    }
    return rows;
  }

  /** Shows an edit before the server has made it. Returns what takes it back, and whether photos left the list. */
  patch(rows, change) {
    const before = { items: this.items, total: this.total };
    const wanted = new Set(rows);
    const kept = [];
    let gone = 0;
    this.items.forEach((item, i) => {
      const now = wanted.has(item.row) ? edited(item, change) : item;
      if (matches(now, this.filter)) kept[i - gone] = now;
      else gone += 1;
    });
    this.total = Math.max(0, this.total - gone);
    kept.length = this.total;
    this.items = kept;
    this.epoch += 1;
    this.held += 1;
    return {
      gone,
      back: () => Object.assign(this, before),
      settle: () => {
        this.held = Math.max(0, this.held - 1);
        this.refresh();
      },
    };
  }

  /** Everything is asked for again when somebody looks; until then it stays as it is. */
  refresh() {
    this.epoch += 1;
    this.fresh.clear();
    for (const abort of this.loading.values()) abort.abort();
    this.loading.clear();
    this.need(...this.range);
    this.dispatchEvent(new Event('change'));
  }
}
