// Words of the interface in the reader's language. Without the catalogue (pages that stand alone) they stay English.

/** The text in the reader's language. */
export const gettext = (text) => window.gettext?.(text) ?? text;

/** The form for one or for many. */
export const ngettext = (one, many, n) => window.ngettext?.(one, many, n) ?? (n === 1 ? one : many);

/** Puts values into a text: `fill('%(n)s photos', { n: 3 })`. */
export const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (all, name) => (name in values ? String(values[name]) : all));

/** The language of the page, for figures and dates. */
export const language = document.documentElement.lang || 'en';
