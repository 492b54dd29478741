// Photos that a model has judged: a grid in a dialog, one of them large, and where the model looks on it.
import { api } from './api.js';
import { $, el, notice } from './dom.js';
import { count, percent } from './format.js';
import { fill, gettext, ngettext } from './words.js';

const POLL_MS = 1000;
const MOST_POLLS = 180;

/** Puts tiles of judged photos into a node; each opens its photo in the dialog. */
export function showItems(node, items, photos, { add = false } = {}) {
  const tiles = items.map((item) => {
    const tile = el('button', { type: 'button', class: 'judged-tile' },
      el('img', { src: photos.thumbnail(item.row), alt: '', loading: 'lazy', width: 112, height: 112 }),
      el('span', { class: 'judged-answer', text: photos.name(item.answer) }),
      el('span', { class: item.answer === item.truth ? 'judged-right' : 'judged-wrong', text: photos.verdict(item) }),
      el('span', { class: 'text-quiet num', text: fill(gettext('%(share)s sure'), { share: percent(item.probability) }) }));
    tile.addEventListener('click', () => photos.showOne(item));
    return tile;
  });
  if (add) node.append(...tiles);
  else node.replaceChildren(...tiles);
  return tiles;
}

export class JudgedPhotos {
  /**
   * @param {HTMLDialogElement} dialog
   * @param {{base: string, dataset: string, classes: string[], file: string}} about address of the model, id of
   *   the data set, class names, "int8" for the answers of that file
   */
  constructor(dialog, about) {
    Object.assign(this, about, { dialog, alone: false, asked: 0 });
    $('judged-close').addEventListener('click', () => dialog.close());
    $('judged-back').addEventListener('click', () => this.showList());
    $('judged-more').addEventListener('click', () => this.load(true));
    dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener('close', () => { this.asked += 1; });
  }

  name(number) {
    return this.classes[number] ?? '–';
  }

  thumbnail(row) {
    return `/api/v1/datasets/${this.dataset}/thumbnails/${row}`;
  }

  verdict(item) {
    if (item.answer === item.truth) return gettext('right');
    return fill(gettext('is “%(truth)s”'), { truth: this.name(item.truth) });
  }

  /** Opens the dialog with the photos of a query. */
  open(title, query) {
    const given = Object.entries({ ...query, file: this.file }).filter(([, value]) => value !== undefined && value !== '');
    this.query = new URLSearchParams(given);
    this.title = title;
    this.alone = false;
    this.shown = 0;
    $('judged-count').textContent = gettext('Loading…');
    $('judged-grid').replaceChildren();
    this.showList();
    this.load(false);
  }

  showList() {
    this.asked += 1;
    if (this.alone) {
      this.dialog.close();
      return;
    }
    this.setTitle(this.title);
    $('judged-one').hidden = true;
    $('judged-list').hidden = false;
    if (!this.dialog.open) this.dialog.showModal();
    this.from?.focus();
    this.from = null;
  }

  setTitle(text) {
    $('judged-title').textContent = text;
    $('judged-title').title = text;
  }

  async load(add) {
    const query = this.query;
    try {
      const { total, items } = await api(`${this.base}photos/?${query}&offset=${this.shown}`);
      if (query !== this.query) return;
      this.shown += items.length;
      const [first] = showItems($('judged-grid'), items, this, { add });
      $('judged-count').textContent = fill(ngettext('%(shown)s of %(n)s photo', '%(shown)s of %(n)s photos', total), { shown: count(this.shown), n: count(total) });
      $('judged-more').hidden = this.shown >= total;
      if (add) first?.focus();
    } catch (error) {
      $('judged-count').textContent = error.message;
    }
  }

  /** Shows one photo large; `Back` leads to the grid, or closes what was opened for this photo alone. */
  showOne(item) {
    this.alone = !this.dialog.open;
    this.from = document.activeElement;
    $('judged-list').hidden = true;
    $('judged-one').hidden = false;
    $('judged-back').hidden = this.alone;
    this.setTitle(fill(item.answer === item.truth ? gettext('“%(answer)s”, right') : gettext('“%(answer)s”, but it is “%(truth)s”'), { answer: this.name(item.answer), truth: this.name(item.truth) }));
    const photo = $('judged-photo');
    photo.src = `/api/v1/datasets/${this.dataset}/sheet?rows=${item.row}&size=256`;
    photo.alt = fill(gettext('Photo of the class “%(truth)s”'), { truth: this.name(item.truth) });
    this.showFacts(item);
    this.showTargets(item);
    if (!this.dialog.open) this.dialog.showModal();
    if (!this.alone) $('judged-back').focus();
  }

  showFacts(item) {
    const facts = [
      [gettext('Answer'), `${this.name(item.answer)}, ${percent(item.probability)}`],
      [gettext('True class'), `${this.name(item.truth)}, ${percent(item.of_truth)}`],
      [gettext('File'), item.path || '–'],
    ];
    if (item.excluded) facts.push([gettext('Since then'), gettext('left out of the data set')]);
    else if (item.label !== null && item.label !== this.name(item.truth)) facts.push([gettext('Since then'), fill(gettext('given the class “%(name)s”'), { name: item.label })]);
    $('judged-facts').replaceChildren(...facts.flatMap(([title, text]) => [el('dt', { text: title }), el('dd', { text })]));
    $('judged-link').href = `/datasets/${this.dataset}/?tab=photos&photo=${item.row}`;
  }

  /** The classes that a heat map can be asked for: the answer, and the truth if it is another one. */
  showTargets(item) {
    const targets = [...new Set([item.answer, item.truth])];
    const buttons = targets.map((target) => {
      const button = el('button', { type: 'button', 'aria-pressed': 'false', text: fill(gettext('Where it looks for “%(name)s”'), { name: this.name(target) }) });
      button.addEventListener('click', () => {
        for (const one of buttons) one.setAttribute('aria-pressed', String(one === button));
        this.heat(item, target);
      });
      return button;
    });
    $('heat-classes').replaceChildren(...buttons);
    $('heat-picture').hidden = true;
    $('heat-empty').hidden = false;
    $('heat-text').textContent = gettext('Choose a class below to see where the model looks.');
    $('heat-figures').textContent = '';
  }

  async heat(item, target) {
    this.asked += 1;
    const { asked } = this;
    const address = `${this.base}heat/${item.row}/${target}/`;
    $('heat-picture').hidden = true;
    $('heat-empty').hidden = false;
    $('heat-figures').textContent = '';
    $('heat-text').textContent = gettext('Drawing… the first one takes a few seconds.');
    try {
      let found = await api(address, { method: 'POST' });
      for (let polls = 0; !['done', 'failed'].includes(found.state) && polls < MOST_POLLS; polls += 1) {
        await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
        if (asked !== this.asked) return;
        found = await api(address);
      }
      if (asked === this.asked) this.showHeat(found, `${address.slice(0, -1)}.png`, target);
    } catch (error) {
      if (asked === this.asked) $('heat-text').textContent = error.message;
    }
  }

  showHeat(found, picture, target) {
    if (found.state !== 'done') {
      $('heat-text').textContent = found.error ?? gettext('This takes longer than expected. Other work may come first; try again in a minute.');
      return;
    }
    const image = $('heat-picture');
    image.onerror = () => notice(gettext('The picture could not be loaded. Try again.'));
    image.src = picture;
    image.alt = fill(gettext('The photo in grey with the places coloured that speak for “%(name)s”'), { name: this.name(target) });
    image.hidden = false;
    $('heat-empty').hidden = true;
    $('heat').scrollIntoView({ block: 'nearest' });
    $('heat-figures').textContent = fill(gettext('“%(name)s” has %(all)s. With the hottest fifth covered %(hot)s are left; with a random fifth covered %(random)s, on average of ten.'), {
      name: this.name(target), all: percent(found.probability), hot: percent(found.without_hottest), random: percent(found.without_random),
    });
  }
}
