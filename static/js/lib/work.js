// Follows a data set on which somebody works: the upload, the check, a new version.
import { api } from './api.js';
import { $ } from './dom.js';
import { count, duration, percentDone } from './format.js';
import { fill, gettext } from './words.js';

const SOON = 700;
const LATER = 3000;
const SURE_AFTER = 4; // seconds of one stage before its end is told

/** Tells the seconds left of a stage from how fast it went since the page looked first. */
class Pace {
  left(stage, done, total) {
    const now = performance.now() / 1000;
    if (stage !== this.stage || done < this.first) Object.assign(this, { stage, first: done, since: now });
    const seconds = now - this.since;
    if (seconds < SURE_AFTER || done <= this.first) return null;
    return ((total - done) * seconds) / (done - this.first);
  }
}

const pace = new Pace();

function showUpload({ upload }) {
  const share = upload?.length ? upload.offset / upload.length : 0;
  $('sent').value = Math.floor(100 * share);
  $('sent-text').textContent = fill(gettext('%(part)s has arrived.'), { part: percentDone(share) });
}

function showWork({ state, stage, progress }) {
  $('state').className = `state state-${state}`;
  $('state').textContent = state === 'UPLOADED' ? gettext('Waiting') : gettext('Checking');
  const bar = $('import');
  if (!progress) {
    bar.removeAttribute('value');
    $('import-text').textContent = state === 'UPLOADED' ? gettext('Waiting for a free worker…') : `${stage || gettext('Beginning')}…`;
    return;
  }
  const { done, total } = progress;
  bar.max = total;
  bar.value = done;
  const left = pace.left(stage, done, total);
  const end = left === null ? '' : `, ${fill(gettext('about %(time)s left of this step'), { time: duration(left) })}`;
  $('import-text').textContent = fill(gettext('%(stage)s: %(done)s of %(total)s%(end)s'), { stage: stage || gettext('Working'), done: count(done), total: count(total), end });
}

/** Asks until the state is another one, then shows the page anew. */
export async function follow(url, state) {
  const uploading = state === 'UPLOADING';
  let pause = uploading ? LATER : SOON;
  try {
    const dataset = await api(url);
    const still = uploading ? dataset.state === 'UPLOADING' : ['UPLOADED', 'CHECKING'].includes(dataset.state);
    if (!still) {
      location.reload();
      return;
    }
    if (uploading) showUpload(dataset);
    else showWork(dataset);
  } catch (error) {
    if (error.status === 404) {
      location.assign('/datasets/');
      return;
    }
    $(uploading ? 'sent-text' : 'import-text').textContent = gettext('The server cannot be reached. What was done is kept; this page will follow again.');
    pause = LATER;
  }
  setTimeout(() => follow(url, state), pause);
}
