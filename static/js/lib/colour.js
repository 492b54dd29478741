// Colours of the theme for canvases and SVG attributes, which need plain ones.

/** A CSS variable as a plain colour: light-dark() is resolved by letting an element wear it. */
export function colour(name) {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  probe.hidden = true;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
