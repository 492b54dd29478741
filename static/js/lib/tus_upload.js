// One file on its way to the server: tus 1.0 in pieces of at most 8 MiB, with checksums, and no end of patience.
import { csrfToken, errorText } from './api.js';
import { PieceSize } from './piece_size.js';
import { ChangedFileError } from './tar_source.js';
import { fill, gettext } from './words.js';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const STALLED_MS = 90_000;

const LOST = gettext('Connection lost; it goes on by itself when it is back.');
const BUSY = gettext('The server is still busy with the last piece; it goes on by itself.');
const DOWN = gettext('The server does not answer at the moment; it goes on by itself when it is back.');
const SIGNED_OUT = gettext('Your session has ended. Sign in again in another tab, then press Continue here; nothing is lost.');

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return btoa(String.fromCharCode(...digest));
}

/**
 * What tus-js-client reads from. Each piece is read once, so that what was hashed is what is sent; the next one is
 * read while the present one travels.
 */
class Pieces {
  constructor(source, attempt, pieceSize) {
    this.source = source;
    this.attempt = attempt;
    this.pieceSize = pieceSize;
    this.size = source.size;
    this.checksum = '';
    this.ahead = null;
    this.isUnderway = false;
  }

  /** The library takes less than it asks for, so the size of a piece is decided here. */
  async slice(start) {
    const { bytes, checksum } = await (this.ahead?.start === start ? this.ahead.piece : this.#read(start));
    // Paused while it was read: the library would send it all the same, so it never gets it.
    if (!this.attempt.alive) await new Promise(() => {});
    this.checksum = checksum;
    this.ahead = null;
    this.isUnderway = true;
    const end = start + bytes.byteLength;
    if (end < this.size) {
      const piece = this.#read(end);
      piece.catch(() => {}); // told when its turn comes
      this.ahead = { start: end, piece };
    }
    return { value: new Blob([bytes]), done: end >= this.size };
  }

  async #read(start) {
    const bytes = await this.source.read(start, Math.min(start + this.pieceSize.bytes, this.size));
    // Pages that are not served over HTTPS have no crypto.subtle; TCP's own checksum must do there.
    return { bytes, checksum: globalThis.crypto?.subtle ? await sha256(bytes) : '' };
  }

  close() {}
}

/** What an error of the library means: `again` (by itself), `wait` (for the person) or `over`. */
export function verdictOn(error) {
  if (error.causingError instanceof ChangedFileError) return { kind: 'over', text: error.causingError.message };
  const response = error.originalResponse;
  if (!response) return { kind: 'again', text: LOST };
  const status = response.getStatus();
  // A page instead of an answer is the sign-in page.
  if (status < 400 || status === 401 || status === 403) return { kind: 'wait', text: SIGNED_OUT };
  if ([408, 409, 423, 429, 460].includes(status)) return { kind: 'again', text: BUSY };
  if (status >= 500 && status !== 501 && status !== 507) return { kind: 'again', text: DOWN };
  if (status === 404 || status === 410) {
    return { kind: 'over', text: gettext('This upload is not on the server any more: unfinished ones are removed after a while. Cancel it and upload again.') };
  }
  const text = errorText(status, response.getBody() ?? '');
  return { kind: 'wait', text: status === 507 ? fill(gettext('%(text)s Then press Continue.'), { text }) : text };
}

export class TusUpload {
  /**
   * @param {{filename: string, source: object}} file
   * @param {string} url its address on the server
   * @param {number} offset what the server has already
   * @param {() => void} onChange called after each change of `state`, `sent` or `message`
   */
  constructor(file, url, offset, onChange) {
    this.filename = file.filename;
    this.source = file.source;
    this.size = file.source.size;
    this.url = url;
    this.sent = offset;
    this.accepted = offset;
    this.onChange = onChange;
    this.state = offset === this.size ? 'done' : 'waiting';
    this.message = '';
    this.pause = FIRST_PAUSE_MS;
    this.pieceSize = new PieceSize();
    this.attempt = null;
    this.timer = null;
  }

  /** Whether it moves, or will by itself. */
  get isActive() {
    return ['sending', 'lost'].includes(this.state);
  }

  start() {
    this.#end();
    const attempt = { alive: true };
    this.attempt = attempt;
    const pieces = new Pieces(this.source, attempt, this.pieceSize);
    attempt.pieces = pieces;
    const live = (act) => (...values) => attempt.alive && act(...values);
    attempt.upload = new tus.Upload(this.source, {
      uploadUrl: this.url,
      retryDelays: null, // repeated here: for ever, and never by making a second upload
      storeFingerprintForResuming: false,
      fingerprint: async () => null,
      fileReader: { openFile: async () => pieces },
      onBeforeRequest: (request) => {
        request.setHeader('X-CSRFToken', csrfToken());
        request.setHeader('Accept', 'application/json');
        if (request.getMethod() === 'PATCH' && pieces.checksum) {
          request.setHeader('Upload-Checksum', `sha256 ${pieces.checksum}`);
        }
      },
      onProgress: live((sent) => this.#moved(sent)),
      onChunkComplete: live((size, accepted) => {
        this.accepted = accepted;
        this.pause = FIRST_PAUSE_MS;
        pieces.isUnderway = false;
        this.pieceSize.grow();
      }),
      onSuccess: live(() => {
        this.sent = this.size;
        this.accepted = this.size;
        this.#become('done', '');
      }),
      onError: live((error) => this.#failed(error)),
    });
    this.#become('sending', this.message);
    this.#watch();
    attempt.upload.start();
  }

  /** Stops sending; what the server has stays there. */
  hold() {
    this.#become('paused', '');
  }

  /** Tries again at once instead of waiting for the timer. */
  hurry() {
    if (this.state === 'lost') this.start();
  }

  /** The browser says that it is offline: no need to wait until a request finds out. */
  cut() {
    if (this.state === 'sending') this.#again(LOST);
  }

  #moved(sent) {
    this.sent = sent;
    this.message = '';
    this.#watch();
    this.onChange();
  }

  #watch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#again(LOST), STALLED_MS);
  }

  #failed(error) {
    const { kind, text } = verdictOn(error);
    if (kind === 'again') this.#again(text);
    else this.#become(kind === 'over' ? 'over' : 'refused', text);
  }

  #again(text) {
    if (text !== BUSY && this.attempt?.pieces.isUnderway) this.pieceSize.shrink();
    this.#become('lost', text);
    this.timer = setTimeout(() => this.start(), this.pause * (0.7 + 0.6 * Math.random()));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  #end() {
    clearTimeout(this.timer);
    if (!this.attempt) return;
    this.attempt.alive = false;
    this.attempt.upload.abort();
    this.attempt = null;
  }

  #become(state, message) {
    if (state !== 'sending') this.#end();
    if (state !== 'done') this.sent = this.accepted;
    this.state = state;
    this.message = message;
    this.onChange();
  }
}
