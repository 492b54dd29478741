// Numbers of things and names of the parts of a data set, in words.
import { count } from './format.js';
import { fill, gettext, ngettext } from './words.js';

export const photos = (n) => fill(ngettext('%(n)s photo', '%(n)s photos', n), { n: count(n) });
export const files = (n) => fill(ngettext('%(n)s file', '%(n)s files', n), { n: count(n) });
export const classes = (n) => fill(ngettext('%(n)s class', '%(n)s classes', n), { n: count(n) });
export const changes = (n) => fill(ngettext('%(n)s change', '%(n)s changes', n), { n: count(n) });

/** Parts inside a sentence; an unknown one keeps its name. */
export const PARTS = { train: gettext('training'), val: gettext('validation'), test: gettext('test'), excluded: gettext('left out') };

export const partName = (part) => PARTS[part] ?? part;
