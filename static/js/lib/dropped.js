// Files out of a drop or a file dialog: folders are walked to the end, and the page stays alive with 70,000 of them.
const LITTER_FILES = new Set(['.ds_store', 'thumbs.db', 'desktop.ini', '.gitkeep']);
const LITTER_FOLDERS = new Set(['__MACOSX', '.git', '@eaDir']);
const PARALLEL = 64;
const BREATH_MS = 12;

/** What operating systems leave behind; the server ignores it, too. */
export function isLitter(path) {
  const parts = path.split('/');
  const last = parts.at(-1);
  return parts.some((part) => LITTER_FOLDERS.has(part)) || LITTER_FILES.has(last.toLowerCase()) || last.startsWith('._');
}

/** Lets the page paint and answer when the last time was long ago. */
class Breath {
  constructor(onProgress) {
    this.onProgress = onProgress;
    this.last = performance.now();
    this.told = this.last;
  }

  async take(count) {
    const now = performance.now();
    if (now - this.last < BREATH_MS) return;
    if (now - this.told > 100) {
      this.onProgress(count);
      this.told = now;
    }
    await new Promise((resolve) => { setTimeout(resolve, 0); });
    this.last = performance.now();
  }
}

/** Size and time are asked for once: each question to a fresh File goes to the disk. */
function itemOf(path, file) {
  return { path, file, size: file.size, mtime: file.lastModified };
}

/** Files of an `<input type=file>`, with their paths if a folder was chosen. */
export async function filesOfInput(list, onProgress) {
  const breath = new Breath(onProgress);
  const items = [];
  for (const file of list) {
    const path = file.webkitRelativePath || file.name;
    if (!isLitter(path)) items.push(itemOf(path, file));
    await breath.take(items.length);
  }
  return items;
}

/**
 * Entries of a drop. Must be called before the event handler returns: the browser empties the list then.
 * @returns {{entries: FileSystemEntry[], files: File[]}}
 */
export function entriesOfDrop(transfer) {
  const entries = [];
  const files = [];
  for (const item of transfer.items) {
    if (item.kind !== 'file') continue;
    const entry = item.webkitGetAsEntry?.();
    if (entry) entries.push(entry);
    else if (item.getAsFile()) files.push(item.getAsFile());
  }
  return { entries, files };
}

/** Reads a folder to the end: one call gives 100 entries at most. */
async function listFolder(entry) {
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return found;
    found.push(...some);
  }
}

/** Walks the entries of a drop; `folders` names those that were dropped, empty ones too. */
export async function filesOfDrop({ entries, files }, onProgress) {
  const breath = new Breath(onProgress);
  const items = files.filter((file) => !isLitter(file.name)).map((file) => itemOf(file.name, file));
  const waiting = [...entries];
  const pathOf = (entry) => entry.fullPath.replace(/^\//, '');
  while (waiting.length) {
    const some = waiting.splice(-PARALLEL);
    const results = await Promise.all(some.filter((entry) => !isLitter(pathOf(entry))).map(async (entry) => {
      if (entry.isDirectory) return { inside: await listFolder(entry) };
      const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
      return { item: itemOf(pathOf(entry), file) };
    }));
    for (const { inside, item } of results) {
      if (item) items.push(item);
      for (const one of inside ?? []) waiting.push(one);
    }
    await breath.take(items.length);
  }
  return { items, folders: entries.filter((entry) => entry.isDirectory).map((entry) => entry.name) };
}
