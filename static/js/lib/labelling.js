// What one does with chosen photos, by key or by button: give a class, leave out, move, undo.
import { api } from './api.js';
import { $, notice } from './dom.js';
import { count } from './format.js';
import { askClass, askPart, classOfKey } from './palette.js';
import { say } from './pending.js';
import { fill, gettext } from './words.js';

const KEYS = {
  l: 'label',
  '/': 'label',
  x: 'exclude',
  delete: 'exclude',
  r: 'restore',
  m: 'move',
  u: 'undo',
  '?': 'keys',
};

/**
 * @typedef {object} Target what the next command is about
 * @property {() => number} count
 * @property {() => Promise<number[]>} rows
 * @property {(rows: number[], change: object) => {gone: number, back: () => void, settle: () => void}} patch
 *   shows the edit at once
 * @property {(gone: number) => void} advance goes on to the next photo
 */

export class Editor {
  /**
   * @param {string} url address of the data set
   * @param {string[]} classes in the order of the keys 1 to 9; classes that are typed are added
   * @param {import('./pending.js').Pending} pending
   * @param {boolean} editable false while a worker has the data set
   */
  constructor(url, classes, pending, editable) {
    Object.assign(this, { url, classes, pending, editable });
  }

  /** Makes an edit: seen at once, taken back if the server refuses. Returns whether it was made. */
  async edit(target, change) {
    if (!this.may(target)) return false;
    let patch;
    try {
      const rows = await target.rows();
      patch = target.patch(rows, change);
      target.advance(patch.gone);
      const answer = await this.pending.inTurn(() => api(`${this.url}/changes`, { method: 'POST', body: { ...change, rows } }));
      this.pending.show(answer.n_changes);
      if (change.label && !this.classes.includes(change.label)) this.classes.push(change.label);
      say(fill(gettext('%(text)s. Undo with U.'), { text: answer.text }));
      return true;
    } catch (error) {
      patch?.back();
      notice(error.message);
      return false;
    } finally {
      patch?.settle();
    }
  }

  may(target) {
    if (!this.editable) notice(gettext('This data set is being worked on. Wait until its state is Ready, then try again.'));
    else if (target.count() === 0) notice(gettext('Choose a photo first.'));
    else return true;
    return false;
  }

  /** One of the commands of `KEYS`, by its name. */
  async run(name, target) {
    if (name === 'undo') await this.pending.undo();
    else if (name === 'keys') $('keys').showModal();
    else if (!this.may(target)) return;
    else if (name === 'label') {
      const label = await askClass(this.classes);
      if (label) await this.edit(target, { kind: 'relabel', label });
    } else if (name === 'move') {
      const split = await askPart();
      if (split) await this.edit(target, { kind: 'move', split });
    } else await this.edit(target, { kind: name });
  }

  /** Handles a key; false when it means nothing here. */
  key(event, target) {
    if (event.altKey || event.target.matches('input, select, textarea')) return false;
    const key = event.key.toLowerCase();
    const command = event.ctrlKey || event.metaKey;
    if (command && key === 'z') this.run('undo', target);
    else if (command) return false;
    else if (/^[0-9]$/.test(key)) {
      const label = classOfKey(this.classes, key);
      if (label === undefined) return false;
      this.edit(target, { kind: 'relabel', label });
    } else if (key in KEYS) this.run(KEYS[key], target);
    else return false;
    event.preventDefault();
    return true;
  }
}

/** The bar of buttons below a grid or a map; `more` are commands of the place itself. */
export function wireActions(bar, editor, target, more) {
  for (const button of bar.querySelectorAll('[data-do]')) {
    button.addEventListener('click', () => {
      const own = more[button.dataset.do];
      if (own) own();
      else editor.run(button.dataset.do, target);
    });
  }
}

/** Leaving out is not offered for what is left out already, nor taking back in for what is there. */
export function offer(bar, { exclude, restore }) {
  for (const [name, possible] of Object.entries({ exclude, restore })) {
    const button = bar.querySelector(`[data-do=${name}]`);
    if (button) button.hidden = !possible;
  }
}

/** Shows the bar while something is chosen. */
export function showActions(bar, n, text = fill(gettext('%(n)s chosen'), { n: count(n) })) {
  bar.hidden = n === 0;
  $('chosen-count').textContent = text;
  bar.querySelector('[data-do=open]').hidden = n !== 1;
}
