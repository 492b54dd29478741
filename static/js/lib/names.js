// What people call where a network comes from and how far it was trained.
import { gettext } from './words.js';

const SOURCES = {
  base_search: gettext('Search'),
  scaled: gettext('Scaled family'),
  baseline: gettext('Hand-made baseline'),
  first_model: gettext('First model'),
};
const TRAINED = { frozen: gettext('head only'), short: gettext('short training'), final: gettext('full training') };

export const sourceName = (source) => SOURCES[source] ?? source;
export const trainedName = (fidelity) => TRAINED[fidelity] ?? fidelity;
