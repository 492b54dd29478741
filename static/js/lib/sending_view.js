// The part of the upload page that shows what is being sent.
import { $, el } from './dom.js';
import { bytes, percent, timeLeft } from './format.js';
import { Rate } from './rate.js';
import { fill, gettext } from './words.js';

const SPEAK_MS = 10_000;
const PAINT_MS = 200;
const STATE_WORDS = {
  waiting: gettext('waiting'),
  paused: gettext('paused'),
  lost: gettext('interrupted'),
  refused: gettext('stopped'),
  over: gettext('failed'),
  done: gettext('complete'),
};

export class SendingView {
  /** @param {import('./upload_set.js').UploadSet} set @param {string} name of the data set */
  constructor(set, name) {
    this.set = set;
    this.rate = new Rate();
    this.spokenAt = performance.now();
    this.timer = null;
    $('sending-title').textContent = fill(gettext('Sending “%(name)s”'), { name });
    this.rows = set.uploads.length > 1 ? set.uploads.map((upload) => this.#row(upload)) : [];
    $('files').replaceChildren(...this.rows.map(({ node }) => node));
    $('files').hidden = !this.rows.length;
    $('sending').hidden = false;
    this.paint();
  }

  close() {
    clearTimeout(this.timer);
    $('sending').hidden = true;
  }

  /** Asks for a repaint; many requests become one. */
  soon() {
    this.timer ??= setTimeout(() => this.paint(), PAINT_MS);
  }

  paint() {
    this.timer = null;
    const { set } = this;
    const { size, sent, state, message } = set;
    const part = size ? Math.floor((100 * sent) / size) : 0;
    $('bar').value = part;
    $('sent').textContent = fill(gettext('%(sent)s of %(size)s (%(part)s)'), { sent: bytes(sent), size: bytes(size), part: percent(part / 100, 0) });
    if (state === 'moving') this.rate.update(sent, performance.now());
    else this.rate.reset();
    const { speed } = this.rate;
    $('speed').textContent = speed ? `${bytes(speed)}/s` : '';
    $('left').textContent = this.#left(state, size - sent);
    if ($('sending-message').textContent !== message) $('sending-message').textContent = message;
    $('sending-message').hidden = !message;
    const goesOn = state === 'held';
    $('pause').hidden = state === 'over' || state === 'done';
    $('pause-text').textContent = goesOn ? gettext('Continue') : gettext('Pause');
    $('pause').firstElementChild.className = `ti ti-player-${goesOn ? 'play' : 'pause'}`;
    for (const row of this.rows) row.paint();
    this.#speak(part, state);
    if (state === 'moving') this.soon(); // the time left runs on between two pieces
  }

  #left(state, left) {
    if (state === 'done' || left === 0) return gettext('Everything is there.');
    if (state === 'held') return gettext('Paused. What was sent is kept.');
    if (state !== 'moving') return '';
    const seconds = this.rate.secondsLeft(left);
    return seconds == null ? '' : timeLeft(seconds);
  }

  #speak(part, state) {
    const now = performance.now();
    if (state !== 'moving' || now - this.spokenAt < SPEAK_MS) return;
    this.spokenAt = now;
    $('sending-status').textContent = fill(gettext('%(part)s sent'), { part: percent(part / 100, 0) });
  }

  #row(upload) {
    const bar = el('progress', { max: 100, value: 0, 'aria-label': upload.filename.slice(0, 80) });
    const text = el('span', { class: 'num' });
    const node = el('li', {}, el('span', { class: 'text-clip', text: upload.filename, title: upload.filename }), bar, text);
    const paint = () => {
      const part = Math.floor((100 * upload.sent) / upload.size);
      bar.value = part;
      text.textContent = STATE_WORDS[upload.state] ?? percent(part / 100, 0);
    };
    return { node, paint };
  }
}
