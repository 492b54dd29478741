// A folder as one tar that is never built: headers are made when their bytes are asked for, files are read then.
import { fill, gettext } from './words.js';

const BLOCK = 512;
const TOGETHER = 50;
const OCTAL_SIZE_LIMIT = 0o77777777777;
const encoder = new TextEncoder();

/** A file that is not any more what it was when it was chosen; sending it again would not help. */
export class ChangedFileError extends Error {
  constructor(path) {
    super(fill(gettext('“%(path)s” was changed, moved or locked after it was chosen, so it cannot be sent. Choose the files again.'), { path }));
    this.path = path;
  }
}

/** Whether the old tar header can say the name by itself: printable ASCII that fits into its field. */
function isPlain(path) {
  return path.length <= 100 && /^[\x20-\x7e]+$/.test(path);
}

/** One record of a PAX header; its length counts its own digits. */
function paxRecord(key, value) {
  const body = encoder.encode(` ${key}=${value}\n`);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  const digits = encoder.encode(String(length));
  const record = new Uint8Array(length);
  record.set(digits);
  record.set(body, digits.length);
  return record;
}

function paxBody({ path, size }) {
  const records = [];
  if (!isPlain(path)) records.push(paxRecord('path', path));
  if (size > OCTAL_SIZE_LIMIT) records.push(paxRecord('size', size));
  if (!records.length) return null;
  const length = records.reduce((sum, one) => sum + one.length, 0);
  const body = new Uint8Array(Math.ceil(length / BLOCK) * BLOCK);
  let at = 0;
  for (const one of records) {
    body.set(one, at);
    at += one.length;
  }
  return { body, length };
}

/** One header block of the ustar format (POSIX.1-1988). */
function headerBlock(name, size, seconds, type) {
  const block = new Uint8Array(BLOCK);
  const put = (at, text) => block.set(encoder.encode(text), at);
  const octal = (value, digits) => value.toString(8).padStart(digits, '0');
  put(0, name.slice(0, 100));
  put(100, '0000644\0');
  put(108, '0000000\0');
  put(116, '0000000\0');
  put(124, octal(size > OCTAL_SIZE_LIMIT ? 0 : size, 11));
  put(136, octal(Math.min(Math.max(0, seconds), OCTAL_SIZE_LIMIT), 11));
  put(148, '        '); // the checksum counts its own field as blanks
  put(156, type);
  put(257, 'ustar\x0000');
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0 `);
  return block;
}

/** Everything that stands before a file's bytes: one block, or three and more when its name needs a PAX header. */
function headerOf(item) {
  const pax = paxBody(item);
  const seconds = Math.floor(item.mtime / 1000);
  const plain = isPlain(item.path) ? item.path : 'see-pax-header';
  const last = headerBlock(plain, item.size, seconds, '0');
  if (!pax) return last;
  const whole = new Uint8Array(BLOCK + pax.body.length + BLOCK);
  whole.set(headerBlock('pax-header', pax.length, seconds, 'x'));
  whole.set(pax.body, BLOCK);
  whole.set(last, BLOCK + pax.body.length);
  return whole;
}

function headerSize(item) {
  const pax = paxBody(item);
  return pax ? 2 * BLOCK + pax.body.length : BLOCK;
}

export class TarSource {
  /**
   * @param {{path: string, file: File, size: number, mtime: number}[]} items sorted by path; each path once
   */
  constructor(items) {
    this.items = items;
    this.starts = new Float64Array(items.length + 1);
    items.forEach((item, index) => {
      const rounded = Math.ceil(item.size / BLOCK) * BLOCK;
      this.starts[index + 1] = this.starts[index] + headerSize(item) + rounded;
    });
    this.size = this.starts[items.length] + 2 * BLOCK;
  }

  /** The last item that begins at or before a position. */
  indexAt(position) {
    let low = 0;
    let high = this.items.length;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= position) low = middle;
      else high = middle;
    }
    return low;
  }

  /**
   * The bytes from `start` to `end`.
   * @returns {Promise<ArrayBuffer>}
   * @throws {ChangedFileError} with the path of the file that cannot be read any more
   */
  async read(start, end) {
    const bytes = new Uint8Array(end - start); // zeros: padding and the tar's end are there already
    const files = [];
    for (let index = this.indexAt(start); index < this.items.length && this.starts[index] < end; index += 1) {
      const item = this.items[index];
      const header = headerOf(item);
      const from = this.starts[index];
      const body = from + header.length;
      const cut = header.subarray(Math.max(0, start - from), Math.max(0, end - from));
      bytes.set(cut, Math.min(Math.max(0, from - start), bytes.length));
      const low = Math.max(start, body);
      const high = Math.min(end, body + item.size);
      if (low < high) files.push({ item, at: low - start, blob: item.file.slice(low - body, high - body) });
    }
    const groups = [];
    for (let first = 0; first < files.length; first += TOGETHER) groups.push(files.slice(first, first + TOGETHER));
    await Promise.all(groups.map((group) => readGroup(group, bytes)));
    return bytes.buffer;
  }
}

/** Reads some files in one go (one by one takes three times as long) and puts them where they belong. */
async function readGroup(group, target) {
  const wanted = group.reduce((sum, { blob }) => sum + blob.size, 0);
  const whole = await new Blob(group.map(({ blob }) => blob)).arrayBuffer().catch(() => null);
  if (whole?.byteLength !== wanted) throw await changedOf(group);
  let from = 0;
  for (const { at, blob } of group) {
    target.set(new Uint8Array(whole, from, blob.size), at);
    from += blob.size;
  }
}

/** Finds out which of the files it was. */
async function changedOf(group) {
  for (const { item, blob } of group) {
    const bytes = await blob.arrayBuffer().catch(() => null);
    if (bytes?.byteLength !== blob.size) return new ChangedFileError(item.path);
  }
  return new ChangedFileError(group[0].item.path);
}

/** One file as it is, with the same face. */
export class FileSource {
  constructor(file) {
    this.file = file;
    this.size = file.size;
  }

  /** @returns {Promise<ArrayBuffer>} @throws {ChangedFileError} */
  async read(start, end) {
    const bytes = await this.file.slice(start, end).arrayBuffer().catch(() => null);
    if (bytes?.byteLength !== end - start) throw new ChangedFileError(this.file.name);
    return bytes;
  }
}
