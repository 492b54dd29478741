// Elements from data. Text is always set as text, never parsed as HTML.
export const $ = (id) => document.getElementById(id);

/** el('a', {href, class, text}, child...): attributes by name, `text` for the content. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (name === 'text') node.textContent = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

export function icon(name) {
  return el('i', { class: `ti ti-${name}`, 'aria-hidden': 'true' });
}

/** Puts a box for messages where it is seen and read out: into the dialog that covers the page, if there is one. */
export function onTop(box) {
  const place = document.querySelector('dialog[open]') ?? document.body;
  if (box.parentElement !== place) place.append(box);
  return box;
}

export { notice } from './toasts.js';

/** Asks in the page's own dialog; resolves to true if the person agreed. */
export function confirmIn(dialog) {
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
    dialog.returnValue = '';
    dialog.showModal();
  });
}
