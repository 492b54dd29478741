// What a network may cost: the axes of the chart, which of them can be shown, and the front for each.
import { fitting } from './fits.js';
import { Front } from './front.js';
import { fill, gettext, language } from './words.js';

/**
 * `cost` takes the metrics of a candidate and returns a number in `unit`, null where it is not known. `scale`: what
 * one `unit` is in the API's fronts, for the costs that it knows. `only`: whether an axis is worth offering.
 */
export const AXES = [
  { name: 'latency', title: gettext('Time per photo'), unit: 'ms', better: gettext('faster'), scale: 1, cost: (metrics) => metrics.latency_ms },
  {
    name: 'here',
    title: gettext('Time on this server'),
    unit: 'ms',
    better: gettext('faster'),
    only: (metrics) => metrics.device != null,
    cost: (metrics) => metrics.device?.here_ms ?? metrics.latency_ms,
  },
  { name: 'size', title: gettext('Size'), unit: 'MB', better: gettext('smaller'), scale: 1e6, cost: (metrics) => (metrics.device?.size_bytes ?? metrics.size_bytes) / 1e6 },
  { name: 'macs', title: gettext('Multiply-adds'), unit: gettext('million'), better: gettext('less work'), cost: (metrics) => metrics.macs / 1e6 },
  { name: 'energy', title: gettext('Energy a photo'), unit: 'mJ', better: gettext('less'), scale: 1, cost: (metrics) => metrics.device?.energy_mj ?? null },
  {
    name: 'memory',
    title: gettext('Memory for activations'),
    unit: 'kB',
    better: gettext('less'),
    scale: 1e3,
    cost: (metrics) => (metrics.device?.peak_sram_bytes == null ? null : metrics.device.peak_sram_bytes / 1e3),
  },
];

/** Why an axis cannot be shown for some candidates; empty if it can. */
export function refusal(axis, candidates) {
  const dark = candidates.filter(({ metrics }) => axis.cost(metrics) == null);
  if (!dark.length) return '';
  const device = dark.map(({ metrics }) => metrics.device).find(Boolean);
  if (!device) return gettext('not measured on this server; known in searches for a phone, a microcontroller and other devices with a profile');
  if (device.how === 'profile') return gettext('not known for all of these networks');
  return fill(gettext('%(device)s measured its times only'), { device: device.name });
}

/** Numbers that nothing beats: cheapest first, each must be better than all cheaper ones; equal points stay together. */
export function frontOf(candidates, axis) {
  const front = new Front();
  for (const { number, metrics } of fitting(candidates)) front.add(number, axis.cost(metrics), metrics.accuracy);
  return new Set(front.on.keys());
}

/** Three digits and the unit. */
export const costText = (axis, value) => `${Number(value.toPrecision(3)).toLocaleString(language)} ${axis.unit}`;

/** Ticks of a log scale at 1, 2 and 5 times the powers of ten, from below the smallest value to above the largest. */
export function logTicks(values) {
  const known = values.filter((value) => value > 0);
  const [low, high] = [Math.min(...known) / 2, Math.max(...known) * 2];
  const powers = Array.from({ length: 16 }, (_, place) => place - 6);
  return powers.flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power)).filter((tick) => tick >= low && tick <= high);
}
