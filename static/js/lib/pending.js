// The bar of changes that no version has taken in: undo, make a version. Other modules tell it the number.
import { api } from './api.js';
import { changes } from './counted.js';
import { $, notice, onTop } from './dom.js';
import { fill, gettext } from './words.js';

let timer;

/** Says politely what was done; it goes away by itself. Refusals use `notice`. */
export function say(text) {
  onTop($('live')).textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => { $('live').textContent = ''; }, 7000);
}

export class Pending extends EventTarget {
  /** Fires "undone" after the last change was taken back. */
  constructor(url) {
    super();
    this.url = url;
    this.waiting = Promise.resolve();
    $('undo')?.addEventListener('click', () => this.undo());
    $('make-version')?.addEventListener('click', () => this.make());
  }

  /** Runs calls that change something one after the other, in the order they were asked for. */
  inTurn(call) {
    const turn = this.waiting.then(call);
    this.waiting = turn.catch(() => {});
    return turn;
  }

  show(n) {
    $('pending').hidden = n === 0;
    $('pending-count').textContent = changes(n);
  }

  async undo() {
    try {
      const { text, n_changes: n } = await this.inTurn(() => api(`${this.url}/changes/undo`, { method: 'POST' }));
      this.show(n);
      say(fill(gettext('Taken back: %(text)s.'), { text }));
      this.dispatchEvent(new Event('undone'));
    } catch (error) {
      notice(error.message);
    }
  }

  async make() {
    $('make-version').disabled = true;
    try {
      await this.inTurn(() => api(`${this.url}/versions`, { method: 'POST' }));
      location.reload();
    } catch (error) {
      notice(error.message);
      $('make-version').disabled = false;
    }
  }
}
