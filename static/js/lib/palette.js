// Small dialogs that ask for one thing: a class by its first letters, a part by one key.
import { $, el } from './dom.js';
import { fill, gettext } from './words.js';

const SHOWN = 60;

/** The class that a digit stands for: the one of that name, else the first to ninth. */
export function classOfKey(classes, digit) {
  if (classes.some((name) => /^[0-9]$/.test(name))) return classes.includes(digit) ? digit : undefined;
  return classes[Number(digit) - 1];
}

/** Classes for what was typed: those that begin so, then those that contain it. */
function fitting(classes, typed) {
  const wanted = typed.toLocaleLowerCase();
  const begins = classes.filter((name) => name.toLocaleLowerCase().startsWith(wanted));
  const contains = classes.filter((name) => !begins.includes(name) && name.toLocaleLowerCase().includes(wanted));
  return [...begins, ...contains].slice(0, SHOWN);
}

class ClassPalette {
  constructor() {
    this.dialog = $('palette');
    this.input = $('palette-input');
    this.list = $('palette-list');
    this.input.addEventListener('input', () => this.fill());
    this.input.addEventListener('keydown', (event) => this.key(event));
    this.list.addEventListener('click', (event) => {
      const option = event.target.closest('[role=option]');
      if (option) this.dialog.close(option.dataset.label);
    });
  }

  /** Resolves to the class, or to null. */
  ask(classes) {
    this.classes = classes;
    this.input.value = '';
    this.fill();
    this.dialog.returnValue = '';
    this.dialog.showModal();
    if (matchMedia('(pointer: coarse)').matches) this.input.blur(); // a tap on the list needs no keyboard
    return new Promise((resolve) => {
      this.dialog.addEventListener('close', () => resolve(this.dialog.returnValue || null), { once: true });
    });
  }

  fill() {
    const typed = this.input.value.trim();
    const names = fitting(this.classes, typed);
    const digits = new Map([...'1234567890'].map((digit) => [classOfKey(this.classes, digit), digit]));
    const options = names.map((name) => {
      const digit = digits.get(name);
      return [name, el('span', { class: 'text-clip', text: name }), digit ? el('kbd', { text: digit }) : null];
    });
    if (typed && !this.classes.includes(typed)) options.push([typed, el('span', { class: 'text-clip', text: fill(gettext('New class “%(typed)s”'), { typed }) })]);
    this.list.replaceChildren(...options.map(([name, ...parts], i) => el('li', { role: 'option', id: `palette-${i}`, 'data-label': name }, ...parts)));
    this.mark(0);
  }

  mark(place) {
    const options = [...this.list.children];
    this.at = Math.max(0, Math.min(options.length - 1, place));
    for (const [i, option] of options.entries()) option.setAttribute('aria-selected', String(i === this.at));
    if (options.length) this.input.setAttribute('aria-activedescendant', `palette-${this.at}`);
    options[this.at]?.scrollIntoView({ block: 'nearest' });
  }

  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    if (event.key in steps) this.mark(this.at + steps[event.key]);
    else if (event.key === 'Enter') {
      const option = this.list.children[this.at];
      if (option) this.dialog.close(option.dataset.label);
    } else return;
    event.preventDefault();
  }
}

let palette;

export function askClass(classes) {
  palette ??= new ClassPalette();
  return palette.ask(classes);
}

const PART_KEYS = { t: 'train', v: 'val', s: 'test' };

export function askPart() {
  const dialog = $('parts');
  const onKey = (event) => {
    const part = PART_KEYS[event.key.toLowerCase()];
    if (part) dialog.close(part);
  };
  dialog.addEventListener('keydown', onKey);
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.removeEventListener('keydown', onKey);
      resolve(dialog.returnValue || null);
    }, { once: true });
  });
}
