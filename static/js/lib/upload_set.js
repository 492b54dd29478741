// All files of one data set on their way: announced first, sent three at a time, paused and cancelled together.
import { api, ApiError, csrfToken, errorText } from './api.js';
import { TusUpload } from './tus_upload.js';
import { fill, gettext } from './words.js';

const PARALLEL = 3;
const encoder = new TextEncoder();

const base64 = (text) => btoa(Array.from(encoder.encode(text), (byte) => String.fromCharCode(byte)).join(''));

/** Makes sure that the page's CSRF token is that of the present session; signing in again changes it. */
export async function refreshToken() {
  const response = await fetch(location.pathname, { credentials: 'same-origin' });
  if (!response.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  const fresh = page.querySelector('meta[name="csrf-token"]')?.content;
  if (fresh) document.querySelector('meta[name="csrf-token"]').content = fresh;
}

/** Announces a file; returns `{url, dataset}`. */
async function announce(file, marks) {
  const metadata = { filename: file.filename, fingerprint: file.fingerprint, ...marks };
  let response;
  try {
    response = await fetch('/uploads/', {
      method: 'POST',
      credentials: 'same-origin',
      headers: {
        Accept: 'application/json',
        'Tus-Resumable': '1.0.0',
        'Upload-Length': String(file.source.size),
        'Upload-Metadata': Object.entries(metadata).map(([key, value]) => `${key} ${base64(value)}`).join(','),
        'X-CSRFToken': csrfToken(),
      },
    });
  } catch {
    throw new ApiError(gettext('The server cannot be reached. Check the connection, then press Upload again.'), 0);
  }
  if (response.status !== 201) throw new ApiError(errorText(response.status, await response.text()), response.status);
  return { url: new URL(response.headers.get('Location'), location.href).pathname, dataset: response.headers.get('X-Dataset') };
}

/** Files that the server knows of data sets that are not complete: `[{id, dataset, filename, length, offset, fingerprint}]`. */
export const knownUploads = async () => (await api('/api/v1/uploads?with_complete=true')).items;

/** The data set that some of the files belong to already, or null. */
export function knownDataset(files, known) {
  const match = known.find((one) => files.some((file) => isSame(file, one)));
  return match ? match.dataset : null;
}

function isSame(file, known) {
  return known.fingerprint === file.fingerprint && known.length === file.source.size;
}

export class UploadSet {
  /** @param {() => void} onChange called often while it moves */
  constructor(onChange) {
    this.onChange = onChange;
    this.uploads = [];
    this.dataset = null;
    this.isHeld = false;
  }

  get size() { return this.#sum('size'); }

  get sent() { return this.#sum('sent'); }

  get isDone() { return this.uploads.length > 0 && this.uploads.every(({ state }) => state === 'done'); }

  /** The most urgent thing that a person should know, or an empty string. */
  get message() {
    const order = ['over', 'refused', 'lost', 'sending'];
    const told = this.uploads.filter(({ message }) => message);
    told.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
    return told[0]?.message ?? '';
  }

  /** `moving`, `lost`, `held` (a person must press Continue), `over` (it cannot go on) or `done`. */
  get state() {
    if (this.isDone) return 'done';
    const states = this.uploads.map(({ state }) => state);
    if (states.includes('sending')) return 'moving';
    if (states.includes('over')) return 'over';
    if (this.isHeld || states.includes('refused')) return 'held';
    return states.includes('lost') ? 'lost' : 'moving';
  }

  /** A new data set. Everything is announced before the first byte, so that no room is found missing half way. */
  async create(files, name) {
    if (files.length === 1) {
      const { url, dataset } = await announce(files[0], { name, confirm: '1' });
      this.dataset = dataset;
      this.uploads = [this.#upload(files[0], url, 0)];
      return;
    }
    const draft = await api('/api/v1/datasets/drafts', { method: 'POST', body: { name, confirm: true, n_uploads: files.length } });
    this.dataset = draft.id;
    try {
      for (const file of files) {
        const { url } = await announce(file, { dataset: draft.id });
        this.uploads.push(this.#upload(file, url, 0));
      }
    } catch (error) {
      await this.discard().catch(() => {});
      this.uploads = [];
      throw error;
    }
  }

  /**
   * Takes up an upload that was interrupted. Files that the server does not know are announced, if it waits for more.
   * @returns {Promise<string[]>} names of files that do not belong to it
   */
  async resume(files, known, dataset) {
    this.dataset = dataset.id;
    const mine = known.filter((one) => one.dataset.id === dataset.id);
    const strangers = [];
    for (const file of files) {
      const one = mine.find((other) => isSame(file, other));
      if (one) {
        this.uploads.push(this.#upload(file, `/uploads/${one.id}/`, one.offset));
        continue;
      }
      try {
        const { url } = await announce(file, { dataset: dataset.id });
        this.uploads.push(this.#upload(file, url, 0));
      } catch (error) {
        if (error.status !== 409) throw error;
        strangers.push(file.filename);
      }
    }
    return strangers;
  }

  start() {
    this.isHeld = false;
    this.#fill();
  }

  hold() {
    this.isHeld = true;
    for (const upload of this.uploads) if (upload.isActive) upload.hold();
  }

  /** Goes on after a pause or a refusal. */
  async goOn() {
    await refreshToken().catch(() => {});
    for (const upload of this.uploads) if (['paused', 'refused'].includes(upload.state)) upload.state = 'waiting';
    this.start();
  }

  hurry() {
    for (const upload of this.uploads) upload.hurry();
  }

  cut() {
    for (const upload of this.uploads) upload.cut();
  }

  /** Ends it and removes from the server what was sent. */
  async discard() {
    this.hold();
    if (this.dataset) await discardDataset(this.dataset);
  }

  #upload(file, url, offset) {
    return new TusUpload(file, url, offset, () => {
      this.#fill();
      this.onChange();
    });
  }

  #fill() {
    // Counted anew each time round: starting one tells the page, and that may come back in here.
    while (!this.isHeld && this.uploads.filter((upload) => upload.isActive).length < PARALLEL) {
      const next = this.uploads.find((upload) => upload.state === 'waiting');
      if (!next) return;
      next.start();
    }
  }

  #sum(key) {
    return this.uploads.reduce((total, upload) => total + upload[key], 0);
  }
}

export async function discardDataset(id) {
  try {
    await api(`/api/v1/datasets/${id}`, { method: 'DELETE' });
  } catch (error) {
    if (error.status !== 404) throw error;
  }
}
