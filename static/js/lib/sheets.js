// Thumbnails of the grid: one picture for forty photos, at an address that repeats, so that the browser keeps it.
const AT_ONCE = 1; // with two, each takes longer and the view is complete no sooner
const KEEP = 90;

export class Sheets {
  /**
   * @param {string} url address of the data set
   * @param {number} side tile in pixels
   * @param {() => void} onReady called when a sheet has come
   */
  constructor(url, side, onReady) {
    this.url = url;
    this.side = side;
    this.onReady = onReady;
    this.tiles = new Map(); // row -> {address, at, of}
    this.sheets = new Map(); // address -> {image, rows}; the oldest first
    this.loading = new Map();
    this.failed = new Set();
    this.waiting = [];
  }

  tile(row) {
    return this.tiles.get(row);
  }

  /** Asks for blocks of rows, the most wanted first; what is not among them any more is given up. */
  want(blocks) {
    const missing = blocks.map((rows) => rows.filter((row) => !this.tiles.has(row))).filter((rows) => rows.length);
    const addresses = missing.map((rows) => [`${this.url}/sheet?rows=${rows.join(',')}&size=${this.side}`, rows]);
    const wanted = new Set(addresses.map(([address]) => address));
    for (const [address, image] of this.loading) {
      if (!wanted.has(address)) {
        image.onload = null;
        image.onerror = null;
        image.removeAttribute('src');
        this.loading.delete(address);
      }
    }
    this.waiting = addresses.filter(([address]) => !this.loading.has(address) && !this.failed.has(address));
    this.next();
  }

  next() {
    while (this.waiting.length && this.loading.size < AT_ONCE) {
      const [address, rows] = this.waiting.shift();
      this.load(address, rows);
    }
  }

  load(address, rows) {
    const image = new Image();
    this.loading.set(address, image);
    image.onload = () => {
      this.loading.delete(address);
      this.keep(address, image, rows);
      this.onReady();
      this.next();
    };
    image.onerror = () => {
      this.loading.delete(address);
      this.failed.add(address);
      this.next();
    };
    image.src = address;
  }

  keep(address, image, rows) {
    this.sheets.set(address, { image, rows });
    for (const [at, row] of rows.entries()) this.tiles.set(row, { address, at, of: rows.length });
    while (this.sheets.size > KEEP) {
      const [oldest, { rows: old }] = this.sheets.entries().next().value;
      this.sheets.delete(oldest);
      for (const row of old) if (this.tiles.get(row)?.address === oldest) this.tiles.delete(row);
    }
  }
}

/** Paints a tile into an element of `side` CSS pixels. */
export function paintTile(node, tile, side) {
  node.style.backgroundImage = tile ? `url("${tile.address}")` : '';
  node.style.backgroundSize = tile ? `${tile.of * side}px ${side}px` : '';
  node.style.backgroundPosition = tile ? `${-tile.at * side}px 0` : '';
}
