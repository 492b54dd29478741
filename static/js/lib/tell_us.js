// "Wrong? Tell us": the one thing on the page that sends a photo, and only when its button is pressed.
import { ApiError, api, csrfToken, errorText } from './api.js';
import { el, icon } from './dom.js';
import { fill, gettext } from './words.js';

const POLL_MS = 1500;
const GIVE_UP_AFTER = 120;
const WORKING = new Set(['UPLOADED', 'CHECKING']);

const rest = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

async function send(url, file, label) {
  const body = new FormData();
  body.append('file', file, file.name);
  body.append('label', label);
  let response;
  try {
    response = await fetch(url, { method: 'POST', body, credentials: 'same-origin', headers: { Accept: 'application/json', 'X-CSRFToken': csrfToken() } });
  } catch {
    throw new ApiError(gettext('The server cannot be reached. Check that it runs, then try again.'), 0);
  }
  const text = await response.text();
  if (!response.ok) throw new ApiError(errorText(response.status, text), response.status);
  return JSON.parse(text);
}

/** Waits until no worker is at the data set, and returns it. */
async function settled(address) {
  for (let tries = 0; tries < GIVE_UP_AFTER; tries += 1) {
    const dataset = await api(address);
    if (!WORKING.has(dataset.state)) return dataset;
    await rest(POLL_MS);
  }
  throw new Error(gettext('The data set is still being worked on. Look at its page in a few minutes.'));
}

function links(dataset) {
  return el('span', { class: 'try-tools' },
    el('a', { href: dataset.page, text: gettext('See the data set') }),
    el('a', { href: dataset.search, text: gettext('Search again with it') }));
}

function outcome({ making_version: making }, before, after, dataset, label) {
  if (!making) return [fill(gettext('The photo waits as %(label)s with your other edits. Make a version of them on the data set’s page.'), { label }), links(dataset)];
  if (after.version === before) return [after.error || gettext('The version could not be made. Look at the page of the data set.'), links(dataset)];
  return [fill(gettext('Version %(version)s of the data set has it as %(label)s, in the training part. The test part is as before. This model stays as it is: a new search learns from the photo.'), { version: after.version, label }), links(dataset)];
}

/** The form below an answer. `choices` are the classes that the data set has now. */
export function tellForm(file, choices, dataset) {
  const select = el('select', { class: 'form-select', required: true, 'aria-label': gettext('The right class') },
    el('option', { value: '', text: gettext('What is it really?') }),
    ...choices.map((name) => el('option', { value: name, text: name })));
  const button = el('button', { class: 'btn btn-primary', type: 'submit' }, icon('send'), gettext('Send this photo to the data set'));
  const said = el('p', { class: 'mb-0', role: 'status' });
  const form = el('form', { class: 'tell' },
    el('p', { class: 'mb-0 text-quiet', text: gettext('This sends the photo to this server. It goes into a new version of the data set, for training only.') }), select, button, said);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const label = select.value;
    button.disabled = true;
    said.className = 'mb-0';
    said.textContent = gettext('Sending…');
    try {
      const { version: before } = await settled(dataset.api); // photos that were sent before come first
      const sent = await send(dataset.photos, file, label);
      said.textContent = gettext('It has arrived. The version is being made…');
      const after = sent.making_version ? await settled(dataset.api) : null;
      const [text, more] = outcome(sent, before, after, dataset, label);
      said.replaceChildren(text, ' ', more);
      form.dataset.version = String(after?.version ?? '');
    } catch (error) {
      said.className = 'mb-0 text-bad';
      said.textContent = error.message;
      button.disabled = false;
    }
  });
  return form;
}
