// The signs of the chart, drawn once each and stamped from then on: shape by source, strength by training.
import { colour } from './colour.js';

export const SIGNS = ['base_search', 'scaled', 'baseline', 'first_model'];
export const STRENGTHS = ['frozen', 'short', 'final'];
const FAINT = { frozen: 0.85, short: 0.5, final: 1 };

function outline(context, source, radius) {
  context.beginPath();
  if (source === 'scaled') {
    for (const [x, y] of [[0, -1], [1, 0], [0, 1], [-1, 0]]) context.lineTo(1.2 * radius * x, 1.2 * radius * y);
  } else if (source === 'baseline') {
    context.rect(-0.9 * radius, -0.9 * radius, 1.8 * radius, 1.8 * radius);
  } else if (source === 'first_model') {
    for (let corner = 0; corner < 10; corner += 1) {
      const long = corner % 2 ? 0.55 : 1.3;
      context.lineTo(long * radius * Math.sin((corner * Math.PI) / 5), -long * radius * Math.cos((corner * Math.PI) / 5));
    }
  } else {
    context.arc(0, 0, radius, 0, 2 * Math.PI);
  }
  context.closePath();
}

/**
 * Returns canvases by `${source} ${fidelity}`, each with its sign in the middle.
 * @param {number} radius of the fully trained, in CSS pixels
 * @param {{ring?: string, faint?: number}} style colour of a ring around it; factor on the opacity
 */
export function stamps(radius, { ring = null, faint = 1 } = {}) {
  const ratio = devicePixelRatio || 1;
  const made = new Map();
  for (const source of SIGNS) {
    const paint = colour(`--chart-${source}`);
    for (const fidelity of STRENGTHS) {
      const size = fidelity === 'short' ? 0.75 * radius : radius;
      const canvas = document.createElement('canvas');
      const side = Math.ceil(ratio * (2.8 * size + 4));
      canvas.width = side;
      canvas.height = side;
      const context = canvas.getContext('2d');
      context.translate(side / 2, side / 2);
      context.scale(ratio, ratio);
      outline(context, source, size);
      context.globalAlpha = ring ? 1 : FAINT[fidelity] * faint;
      context.fillStyle = paint;
      context.fill();
      if (ring) {
        context.lineWidth = 1.5;
        context.strokeStyle = ring;
        context.stroke();
      }
      made.set(`${source} ${fidelity}`, canvas);
    }
  }
  return made;
}
