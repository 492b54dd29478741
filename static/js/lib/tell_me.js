// The browser's own notice at the end of a search: asked for by a button, shown when nobody looks at the page.
import { $, notice } from './dom.js';
import { gettext } from './words.js';

const KEY = 'automl-tell-me';

export class TellMe {
  /** @param {string} run its id @param {string} name its name */
  constructor(run, name) {
    Object.assign(this, { run, name });
    this.possible = 'Notification' in window && isSecureContext;
    $('tell-me').addEventListener('click', () => this.toggle());
    this.show(false);
  }

  get wanted() {
    return this.possible && Notification.permission === 'granted' && localStorage.getItem(KEY) === 'yes';
  }

  async toggle() {
    if (this.wanted) {
      localStorage.removeItem(KEY);
    } else if (await Notification.requestPermission() === 'granted') {
      localStorage.setItem(KEY, 'yes');
    } else {
      notice(gettext('The browser does not let this page show notices. Allow them in its settings for this address.'));
    }
    this.show(false);
  }

  /** The button, as long as there is something to wait for. */
  show(ended) {
    $('tell-me').hidden = ended || !this.possible;
    $('tell-me').setAttribute('aria-pressed', String(this.wanted));
  }

  /** Tells that the search has ended, unless the page is in sight, which says so itself. */
  ended(state) {
    this.show(true);
    if (!this.wanted || !document.hidden) return;
    const title = state === 'FAILED' ? gettext('Search failed') : gettext('Search finished');
    try {
      const told = new Notification(title, { body: this.name, tag: this.run, icon: '/static/img/mark.svg' });
      told.addEventListener('click', () => {
        window.focus();
        told.close();
      });
    } catch { /* phones allow notices from service workers only */ }
  }
}
