// Which photos are chosen and which one is active. Places are where they are drawn; what is remembered is the row of
// the photo, so that a list that shifts under the selection does not hand a command to the neighbour.

export class Selection {
  /** @param {import('./photos.js').PhotoList} list */
  constructor(list) {
    this.list = list;
    this.reset();
  }

  /** Nothing is chosen, and the first photo of whatever comes is the active one. */
  reset() {
    this.chosen = new Map(); // place -> row; undefined for a photo that nobody has looked at
    this.soft = false; // chosen by a mere click: moving on lets go of it
    this.total = this.list.total;
    this.active = 0;
    this.activeRow = undefined;
    this.#anchorHere();
  }

  /** Places the next command is about. */
  targets() {
    if (this.chosen.size) return [...this.chosen.keys()];
    return this.list.items[this.active] ? [this.active] : [];
  }

  choose(places, soft = false) {
    this.chosen = new Map([...places].map((place) => [place, this.chosen.get(place) ?? this.list.items[place]?.row]));
    this.soft = soft;
    this.total = this.list.total;
  }

  toggle(place) {
    const places = new Set(this.chosen.keys());
    if (!places.delete(place)) places.add(place);
    this.choose(places);
  }

  /** From where the last choice began to `place`. */
  chooseTo(place) {
    const [from, to] = place < this.anchor ? [place, this.anchor] : [this.anchor, place];
    this.choose(Array.from({ length: to - from + 1 }, (_, i) => from + i));
  }

  /** Makes a photo the active one; `extending` leaves the beginning of the choice where it is. */
  activate(place, extending = false) {
    this.active = Math.max(0, Math.min((this.list.total ?? 0) - 1, place));
    this.activeRow = this.list.items[this.active]?.row;
    if (!extending) this.#anchorHere();
  }

  /** After the list has changed: everything moves to where its photo is now. A photo that has left is let go. */
  follow() {
    const { items, total } = this.list;
    if (total === null) return;
    const known = [...this.chosen.values(), this.activeRow, this.anchorRow].filter((row) => row !== undefined);
    const places = this.#isMoved() ? this.list.placesOf(known) : null;
    // Of photos that nobody has looked at only the places are known, and these are no longer the same ones.
    const lost = (places || total !== this.total) && [...this.chosen.values()].includes(undefined);
    const now = (place, row) => (places && items[place] && row !== undefined ? places.get(row) : place);
    const moved = [...(lost ? [] : this.chosen)].map(([place, row]) => [now(place, row), row]);
    this.chosen = new Map(moved.filter(([place]) => place < total).map(([place, row]) => [place, row ?? items[place]?.row]));
    this.total = total;
    const anchor = now(this.anchor, this.anchorRow) ?? this.anchor;
    this.activate(now(this.active, this.activeRow) ?? this.active, true);
    this.anchor = Math.max(0, Math.min(total - 1, anchor));
    this.anchorRow = items[this.anchor]?.row;
  }

  #isMoved() {
    const isOther = ([place, row]) => {
      const item = this.list.items[place];
      return row !== undefined && item !== undefined && item.row !== row;
    };
    return [...this.chosen, [this.active, this.activeRow], [this.anchor, this.anchorRow]].some(isOther);
  }

  #anchorHere() {
    this.anchor = this.active;
    this.anchorRow = this.activeRow;
  }
}
