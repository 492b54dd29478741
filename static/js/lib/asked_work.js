// Work that a worker does when somebody asks: a button, then progress, then the page anew with the result.
import { api } from './api.js';
import { fill, gettext } from './words.js';

const POLL_MS = 1000;

/**
 * @param {HTMLElement} node as templates/search/model_work.html makes it
 * @param {string} address answers GET with how far it is, POST asks
 */
export function wireWork(node, address) {
  const part = (name) => node.querySelector(`.work-${name}`);

  function show({ state, stage, done, total, error }) {
    const going = state === 'waiting' || state === 'working';
    part('progress').hidden = !going;
    part('ask').hidden = going;
    part('error').hidden = state !== 'failed';
    if (state === 'failed') part('error').textContent = error;
    if (total) {
      part('progress').max = total;
      part('progress').value = done;
    } else part('progress').removeAttribute('value');
    part('text').textContent = state === 'waiting' ? gettext('Waiting for a free worker…') : state === 'working' ? fill(gettext('%(stage)s…'), { stage }) : '';
    return going;
  }

  async function follow(first) {
    let found = first;
    try {
      while (show(found)) {
        await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
        found = await api(address);
      }
      if (found.state === 'done') location.reload();
    } catch (error) {
      show({ state: 'failed', error: error.message });
    }
  }

  part('ask').addEventListener('click', async () => {
    try {
      await follow(await api(address, { method: 'POST' }));
    } catch (error) {
      show({ state: 'failed', error: error.message });
    }
  });
  if (['waiting', 'working'].includes(node.dataset.state)) follow({ state: 'waiting' });
}
