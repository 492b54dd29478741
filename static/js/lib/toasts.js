// Short messages at the foot of the page, read out by screen readers. They go by themselves unless someone is at them.
import { $, el, icon, onTop } from './dom.js';

const MOST = 3;
const SHORTEST_MS = 9000;
const MS_PER_SIGN = 60;
const ICONS = { info: 'info-circle', good: 'circle-check', bad: 'alert-triangle' };

/** Shows a sentence. `kind` is 'info', 'good' or 'bad'. */
export function notice(text, kind = 'info') {
  const region = onTop($('notice'));
  const twin = [...region.children].find((one) => one.textContent === text);
  twin?.remove();
  const close = el('button', { type: 'button', class: 'toast-close', 'aria-label': region.dataset.close ?? 'Close' }, icon('x'));
  const toast = el('div', { class: `toast-item toast-${kind}` }, icon(ICONS[kind]), el('p', { text }), close);
  close.addEventListener('click', () => leave(toast));
  region.append(toast);
  while (region.children.length > MOST) region.firstElementChild.remove();
  region.hidden = false;
  waitToLeave(toast, Math.max(SHORTEST_MS, text.length * MS_PER_SIGN));
}

/** Takes a toast away after a while; the while starts anew when the pointer or the keyboard has left it. */
function waitToLeave(toast, time) {
  let timer = setTimeout(() => leave(toast), time);
  const stay = () => clearTimeout(timer);
  const go = () => {
    clearTimeout(timer);
    timer = setTimeout(() => leave(toast), time);
  };
  toast.addEventListener('pointerenter', stay);
  toast.addEventListener('pointerleave', go);
  toast.addEventListener('focusin', stay);
  toast.addEventListener('focusout', go);
}

function leave(toast) {
  const region = toast.parentElement;
  toast.remove();
  if (region && !region.childElementCount) region.hidden = true;
}
