// Figures for people.
export const percent = (fraction) => (fraction == null ? '–' : `${(100 * fraction).toFixed(1)}%`);

export const ms = (value) => (value == null ? '–' : value < 10 ? `${value.toFixed(2)} ms` : `${value.toFixed(1)} ms`);

export function bytes(value) {
  if (value == null) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let step = 0;
  let rest = value;
  while (rest >= 1000 && step < units.length - 1) { rest /= 1000; step += 1; }
  return `${rest < 10 && step > 0 ? rest.toFixed(1) : Math.round(rest)} ${units[step]}`;
}

export const count = (value) => (value == null ? '–' : value.toLocaleString('en'));

/** Seconds as words; rounded the more, the longer it is. */
export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return '–';
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  if (whole < 5400) return `${Math.round(whole / 60)} min`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}

/** Text that may stand in Plotly's small HTML dialect; long names are cut so that a hover box stays a box. */
export function plotlyText(value, limit = 80) {
  const points = Array.from(String(value ?? ''));
  const text = points.length > limit ? `${points.slice(0, limit - 1).join('')}…` : points.join('');
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
