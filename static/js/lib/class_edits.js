// Corrections before the import that need no new reading: rename, merge (the same name twice), leave out, divide anew.
import { count } from './format.js';
import { fill, gettext } from './words.js';

export const FEWEST = 5;
export const ADVISED = 25;

const clean = (name) => name.replace(/\s+/g, ' ').trim();

export class ClassEdits {
  /** @param {string} key under which the edits survive a reload of the page */
  constructor(key) {
    this.key = key;
    this.classes = [];
    this.edits = new Map();
    this.anew = null;
    try {
      const { edits, anew } = JSON.parse(sessionStorage.getItem(key));
      this.edits = new Map(edits);
      this.anew = anew;
    } catch { /* none, unreadable or forbidden: begin without */ }
  }

  /** @param {{name: string, n: number}[]} classes of a new reading; edits of classes that are still there stay */
  load(classes) {
    this.classes = classes;
    this.groups = null;
  }

  forget() {
    this.edits.clear();
    this.anew = null;
    this.#save();
  }

  /** Whether the images are divided anew, whatever the upload says; null while nobody decided. */
  divideAnew(anew) {
    this.anew = anew;
    this.#save();
  }

  isKept(name) {
    return this.edits.get(name)?.keep ?? true;
  }

  /** The name as typed; the old one while the field is empty. */
  newName(name) {
    return clean(this.edits.get(name)?.to ?? '') || name;
  }

  set(name, change) {
    const edit = { to: name, keep: true, ...this.edits.get(name), ...change };
    if (edit.keep && (clean(edit.to) || name) === name) this.edits.delete(name);
    else this.edits.set(name, edit);
    this.#save();
  }

  /** Photos and number of old classes under each new name, of the classes that are kept. */
  merged() {
    if (this.groups) return this.groups;
    this.groups = new Map();
    for (const { name, n } of this.classes) {
      if (!this.isKept(name)) continue;
      const group = this.groups.get(this.newName(name)) ?? { n: 0, parts: 0 };
      group.n += n;
      group.parts += 1;
      this.groups.set(this.newName(name), group);
    }
    return this.groups;
  }

  /** `{photos, classes}` that will be imported as far as the list of files can tell. */
  totals() {
    const large = [...this.merged().values()].filter(({ n }) => n >= FEWEST);
    return { photos: large.reduce((sum, { n }) => sum + n, 0), classes: large.length };
  }

  /** A remark about one class, or an empty string. */
  remark(name) {
    if (!this.isKept(name)) return gettext('left out');
    const to = this.newName(name);
    const { n, parts } = this.merged().get(to);
    if (this.#isGivenAway(name)) return fill(gettext('“%(to)s” is itself renamed here. Choose another name, or rename after the import.'), { to });
    if (n < FEWEST) return fill(gettext('fewer than %(fewest)s photos: will be left out'), { fewest: FEWEST });
    if (parts > 1) return fill(gettext('%(parts)s classes become one of %(n)s photos'), { parts, n: count(n) });
    return n < ADVISED ? fill(gettext('few photos; %(advised)s or more are advised'), { advised: ADVISED }) : '';
  }

  /** A sentence why these names cannot be imported, or an empty string. */
  objection() {
    const one = this.classes.find(({ name }) => this.isKept(name) && this.#isGivenAway(name));
    if (one) return this.remark(one.name);
    if (!this.totals().classes) return gettext('No class is left. Keep at least two.');
    return '';
  }

  /** Renames are followed to their end, so a class cannot take a name that another class gives up. */
  #isGivenAway(name) {
    const to = this.newName(name);
    return to !== name && this.isKept(to) && this.edits.has(to) && this.newName(to) !== to;
  }

  /** The interpretation with these edits in it. */
  applyTo(interpretation) {
    const renames = { ...interpretation.renames };
    const dropped = [...(interpretation.dropped ?? [])];
    const taken = this.merged();
    for (const { name } of this.classes) {
      if (this.isKept(name)) {
        if (this.newName(name) !== name) renames[name] = this.newName(name);
      } else if (taken.has(name)) {
        // Another class takes its name, and classes are dropped by the name they end with.
        renames[name] = `${name.slice(0, 200)} (left out)`;
        dropped.push(renames[name]);
      } else {
        dropped.push(name);
      }
    }
    return { ...interpretation, renames, dropped };
  }

  #save() {
    this.groups = null;
    try {
      sessionStorage.setItem(this.key, JSON.stringify({ edits: [...this.edits], anew: this.anew }));
    } catch { /* full or forbidden: the edits live as long as the page */ }
  }
}
