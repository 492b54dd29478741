// The page's side of try_worker.js: calls with answers.
import { fill, gettext } from './words.js';

function sentenceOf(reason) {
  if (reason === 'pixels') return gettext('This photo has more than 100 million pixels. Make it smaller.');
  if (reason === 'picture') return gettext('This is not a picture that the browser can read. Try a JPEG or PNG.');
  if (reason === 'missing') return gettext('The model could not be loaded. Reload the page; if that does not help, export the model again.');
  return fill(gettext('The model could not be run here (%(reason)s). Reload the page, or try another browser.'), { reason });
}

export class ModelWorker {
  constructor(address) {
    this.worker = new Worker(address, { type: 'module' });
    this.waiting = new Map();
    this.calls = 0;
    this.worker.onmessage = ({ data }) => this.settle(data);
    this.worker.onerror = () => {
      for (const call of [...this.waiting.keys()]) this.settle({ call, refused: 'worker' });
    };
  }

  settle({ call, answer, refused }) {
    const { resolve, reject } = this.waiting.get(call) ?? {};
    this.waiting.delete(call);
    if (refused == null) resolve?.(answer);
    else reject?.(new Error(sentenceOf(refused)));
  }

  /** Asks the worker to do something; what is in `give` changes hands. */
  ask(kind, values = {}, give = []) {
    const call = this.calls;
    this.calls += 1;
    return new Promise((resolve, reject) => {
      this.waiting.set(call, { resolve, reject });
      this.worker.postMessage({ kind, call, ...values }, give);
    });
  }
}
