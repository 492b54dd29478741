// Calls of the JSON API with the session's CSRF token. Errors carry the server's plain sentence.
import { fill, gettext } from './words.js';

const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? '';

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export function csrfToken() {
  return token();
}

/** Text of an error answer: the API's `detail`, else a sentence of our own. */
export function errorText(status, body) {
  try {
    const { detail } = JSON.parse(body);
    if (typeof detail === 'string') return detail;
    if (Array.isArray(detail) && detail[0]?.msg) return detail.map((one) => one.msg).join('. ');
  } catch { /* not JSON: fall through */ }
  if (status === 413) return gettext('The file is larger than this server accepts.');
  if (status === 404) return gettext('This was not found. It may have been deleted; go back to the home page.');
  if (status === 401 || status === 403) return gettext('Your session has ended. Reload the page and sign in again.');
  return fill(gettext('The server could not do this (error %(status)s). Nothing was lost; try again in a moment.'), { status });
}

/** One call; with a `signal` that aborts it, it throws the browser's AbortError. */
export async function api(path, { method = 'GET', body, signal } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      signal,
      headers: {
        Accept: 'application/json',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(method === 'GET' ? {} : { 'X-CSRFToken': token() }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(gettext('The server cannot be reached. Check that it runs, then try again.'), 0);
  }
  const text = await response.text();
  if (!response.ok) throw new ApiError(errorText(response.status, text), response.status);
  return text ? JSON.parse(text) : null;
}
