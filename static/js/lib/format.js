// Figures for people, in the language of the page.
import { fill, gettext, language } from './words.js';

const decimals = [0, 1, 2, 3, 4].map((places) => new Intl.NumberFormat(language, { minimumFractionDigits: places, maximumFractionDigits: places }));
const shares = [0, 1, 2].map((places) => new Intl.NumberFormat(language, { style: 'percent', minimumFractionDigits: places, maximumFractionDigits: places }));

/** A number with 0 to 4 decimals. */
export const decimal = (value, places = 1) => decimals[places].format(value);

/** A fraction in percent, with 0 to 2 decimals. */
export const percent = (fraction, places = 1) => (fraction == null ? '–' : shares[places].format(fraction));

/** Whole percent, rounded down: 100% is only said of what is complete. */
export const percentDone = (fraction) => percent(Math.floor(100 * fraction) / 100, 0);

export const ms = (value) => (value == null ? '–' : `${decimal(value, value < 10 ? 2 : 1)} ms`);

export function bytes(value) {
  if (value == null) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let step = 0;
  let rest = value;
  while (rest >= 1000 && step < units.length - 1) { rest /= 1000; step += 1; }
  return `${decimal(rest, rest < 10 && step > 0 ? 1 : 0)} ${units[step]}`;
}

export const count = (value) => (value == null ? '–' : value.toLocaleString(language));

/** Seconds as words; rounded the more, the longer it is. */
export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return '–';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  if (whole < 5400) return `${Math.round(whole / 60)} min`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/** `duration` as what is left of something. */
export const timeLeft = (seconds) => fill(gettext('about %(time)s left'), { time: duration(seconds) });

/** Text that may stand in Plotly's small HTML dialect; long names are cut so that a hover box stays a box. */
export function plotlyText(value, limit = 80) {
  const points = Array.from(String(value ?? ''));
  const text = points.length > limit ? `${points.slice(0, limit - 1).join('')}…` : points.join('');
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
