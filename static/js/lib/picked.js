// What a person has chosen to upload: archives as they are, folders and single files as one tar.
import { fileFingerprint, folderFingerprint } from './fingerprint.js';
import { files as nFiles } from './counted.js';
import { bytes, count } from './format.js';
import { FileSource, TarSource } from './tar_source.js';
import { fill, gettext } from './words.js';

const ARCHIVE = /\.(zip|tar|tar\.gz|tgz)$/i;
const OTHER_ARCHIVE = /\.(7z|rar|gz|bz2|tbz2?|xz|txz|zst|lz4|cab|iso|jar|dmg)$/i;
const PHOTO = /\.(jpe?g|jpe|jfif|png|gif|bmp|dib|webp|tiff?|ppm|pgm|pbm|pnm|avif|heic|heif)$/i;
const TABLE = /\.(csv|tsv|jsonl|ndjson)$/i;
const MAX_ARCHIVES = 1000;
const MAX_NAME = 200;

const cut = (name) => (name.length > 100 ? `${name.slice(0, 99)}…` : name);
const quoted = (name) => fill(gettext('“%(name)s”'), { name: cut(name) });
const byPath = (a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
const stem = (name) => name.replace(ARCHIVE, '');
const sizeOf = (items) => items.reduce((sum, item) => sum + item.size, 0);

/** A sentence why this archive cannot be taken, or an empty string. The server checks again. */
async function archiveObjection({ path, file, size }) {
  if (size === 0) return fill(gettext('%(path)s is empty. Pack the folders again and choose the new file.'), { path: quoted(path) });
  let head;
  try {
    head = new Uint8Array(await file.slice(0, 512).arrayBuffer());
  } catch {
    return fill(gettext('%(path)s cannot be read. If it is a folder or on a drive that is not there, choose it again.'), { path: quoted(path) });
  }
  const isZip = head[0] === 0x50 && head[1] === 0x4b;
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  if (/\.zip$/i.test(path) && !isZip) {
    return fill(gettext('%(path)s is named .zip, but it is not a zip archive. Zip the folders again and choose the new file.'), { path: quoted(path) });
  }
  if (/gz$/i.test(path) && !isGzip) {
    return fill(gettext('%(path)s is named like a packed tar, but it is not one. Pack the folders again and choose the new file.'), { path: quoted(path) });
  }
  return '';
}

/** Why these files hold nothing to learn from, or an empty string. */
function looseObjection(items) {
  const other = items.find(({ path }) => OTHER_ARCHIVE.test(path) && !path.includes('/'));
  if (other) {
    return fill(gettext('%(path)s is a kind of archive that cannot be opened here. Unpack it and choose the folder, or pack it as zip or tar.gz.'), { path: quoted(other.path) });
  }
  // A file without an ending may well be a photo; what counts in the end is its content.
  const photos = items.filter(({ path }) => PHOTO.test(path) || !/\.[^\/.]+$/.test(path));
  if (photos.length > 1) return '';
  const [first] = items;
  if (photos.length === 1) {
    return fill(gettext('One photo, %(path)s, is not enough to learn from. Choose the folder that holds all of them.'), { path: quoted(photos[0].path) });
  }
  if (TABLE.test(first.path) && items.length === 1) {
    return fill(gettext('%(path)s holds labels, but no photos. Choose it together with the photos, or the folder that holds both.'), { path: quoted(first.path) });
  }
  if (items.length === 1 && /\.pdf$/i.test(first.path)) {
    return fill(gettext('%(path)s is a document. Save its pictures as JPEG or PNG, put them into one folder per class and choose the folder.'), { path: quoted(first.path) });
  }
  if (items.length === 1) {
    return fill(gettext('%(path)s is no photo and no archive. Choose a folder of photos (JPEG, PNG and the like), or a zip or tar of one.'), { path: quoted(first.path) });
  }
  return fill(gettext('None of these %(n)s files is a photo. Choose a folder of photos (JPEG, PNG and the like), or a zip or tar of one.'), { n: count(items.length) });
}

export class Picked {
  constructor() {
    this.archives = new Map();
    this.groups = new Map();
  }

  get isEmpty() {
    return !this.archives.size && !this.groups.size;
  }

  get looseItems() {
    return [...this.groups.values()].flat();
  }

  get size() {
    return sizeOf([...this.archives.values()]) + sizeOf(this.looseItems);
  }

  /**
   * Adds files; returns a sentence if they cannot be taken (nothing is added then).
   * @param {{path: string, file: File, size: number, mtime: number}[]} items
   * @param {string[]} folders names of the folders that were dropped
   * @param {number} maxBytes what the server takes at most
   */
  async add(items, folders, maxBytes) {
    if (!items.length) {
      if (folders.length) return fill(gettext('%(path)s holds no files. Choose the folder with the photos in it.'), { path: quoted(folders[0]) });
      return gettext('Nothing was chosen. Choose a folder of photos, or a zip or tar of one.');
    }
    const allArchives = items.every(({ path }) => ARCHIVE.test(path));
    const isArchive = ({ path }) => ARCHIVE.test(path) && (allArchives || !path.includes('/'));
    const archives = items.filter(isArchive);
    const loose = items.filter((item) => !isArchive(item));
    for (const archive of archives) {
      const reason = await archiveObjection(archive);
      if (reason) return reason;
    }
    if (loose.length) {
      const reason = looseObjection([...this.looseItems, ...loose]);
      if (reason) return reason;
    }
    if (this.archives.size + archives.length > MAX_ARCHIVES) {
      return fill(gettext('At most %(n)s archives make one data set. Put their contents into one folder and choose that.'), { n: count(MAX_ARCHIVES) });
    }
    const before = [new Map(this.archives), new Map(this.groups)];
    this.#take(archives, loose);
    const total = this.size;
    if (total <= maxBytes) return '';
    [this.archives, this.groups] = before;
    return fill(gettext('This is %(total)s in all; this server takes at most %(most)s. Divide it into smaller data sets.'), { total: bytes(total), most: bytes(maxBytes) });
  }

  #take(archives, loose) {
    for (const archive of archives) this.archives.set(archive.path, archive);
    const fresh = new Map();
    for (const item of loose) {
      const group = item.path.includes('/') ? item.path.split('/', 1)[0] : '';
      if (!fresh.has(group)) fresh.set(group, new Map());
      fresh.get(group).set(item.path, item);
    }
    for (const [group, files] of fresh) {
      // A folder chosen again replaces itself; single files join those that are there.
      const kept = group ? [] : (this.groups.get(group) ?? []).filter(({ path }) => !files.has(path));
      this.groups.set(group, [...kept, ...files.values()]);
    }
  }

  /** Rows for the page: what there is, how much, and how to take it out again. */
  rows() {
    const archives = [...this.archives.values()].map(({ path, size }) => ({
      name: path, icon: 'file-zip', text: bytes(size), remove: () => this.archives.delete(path),
    }));
    const groups = [...this.groups].map(([name, items]) => ({
      name: name || gettext('Single files'),
      icon: name ? 'folder' : 'photo',
      text: `${nFiles(items.length)}, ${bytes(sizeOf(items))}`,
      remove: () => this.groups.delete(name),
    }));
    return [...archives, ...groups];
  }

  /** A name for the data set. */
  suggestedName() {
    const names = [...[...this.archives.keys()].map((path) => stem(path.split('/').at(-1))), ...[...this.groups.keys()].filter(Boolean)];
    if (!names.length) return gettext('Photos');
    const more = names.length > 1 ? ` ${fill(gettext('and %(n)s more'), { n: count(names.length - 1) })}` : '';
    return `${names[0].slice(0, MAX_NAME - more.length)}${more}`;
  }

  /**
   * What is sent: one source for each archive, one for everything else. An archive keeps the folders it lay in:
   * where names alone do not tell archives apart, the server reads the classes from them.
   * @returns {{filename: string, fingerprint: string, source: FileSource | TarSource}[]}
   */
  sources() {
    const seen = new Set();
    const sources = [...this.archives.values()].map(({ path, file }) => {
      let fingerprint = fileFingerprint(file);
      // Copies of one archive in two folders are two files all the same.
      if (seen.has(fingerprint)) fingerprint = fileFingerprint({ name: path, size: file.size, lastModified: file.lastModified });
      seen.add(fingerprint);
      return { filename: path.slice(-MAX_NAME), fingerprint, source: new FileSource(file) };
    });
    const loose = this.looseItems.sort(byPath);
    if (loose.length) {
      const folders = [...this.groups.keys()].filter(Boolean);
      const filename = `${folders.length === 1 && this.groups.size === 1 ? folders[0] : 'photos'}.tar`;
      sources.push({ filename, fingerprint: folderFingerprint(loose), source: new TarSource(loose) });
    }
    return sources;
  }
}
