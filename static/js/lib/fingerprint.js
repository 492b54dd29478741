// What an upload is recognised by when it comes back, also in another browser: names, sizes and times, not contents.

/** Two independent 53-bit hashes (cyrb53) of texts. No secret: it only tells a person's own files apart. */
class Hash {
  constructor() {
    this.lanes = [[0xdeadbeef, 0x41c6ce57], [0x9e3779b9, 0x85ebca6b]];
  }

  add(text) {
    for (const lane of this.lanes) {
      for (let i = 0; i < text.length; i += 1) {
        const code = text.charCodeAt(i);
        lane[0] = Math.imul(lane[0] ^ code, 2654435761);
        lane[1] = Math.imul(lane[1] ^ code, 1597334677);
      }
    }
  }

  hex() {
    return this.lanes.map(([a, b]) => {
      const first = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
      const second = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(first ^ (first >>> 13), 3266489909);
      return [first, second].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
    }).join('');
  }
}

/** Of one archive. */
export function fileFingerprint({ name, size, lastModified }) {
  const hash = new Hash();
  hash.add(`${name}\n${size}\n${lastModified}`);
  return `file-${size}-${hash.hex()}`;
}

/** Of a folder: its items sorted by path. */
export function folderFingerprint(items) {
  const hash = new Hash();
  for (const { path, size, mtime } of items) hash.add(`${path}\n${size}\n${mtime}\n`);
  return `folder-${items.length}-${hash.hex()}`;
}
