"""What is wrong with how a page lies: text that is cut or covered, pictures that did not come."""

from __future__ import annotations

from playwright.sync_api import Page

_PROBLEMS = """() => {
  const found = [];
  const short = (text) => text.trim().replace(/\\s+/g, ' ').slice(0, 40);
  const wide = document.documentElement.scrollWidth;
  if (wide > window.innerWidth) found.push(`the page is ${wide} px wide in a window of ${window.innerWidth}`);
  const foreign = 'script, style, noscript, option, svg, canvas, .visually-hidden, .js-plotly-plot, '
    + 'dialog:not([open])';
  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest(foreign)) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const line of range.getClientRects()) {
      const box = { left: line.left, right: line.right, top: line.top, bottom: line.bottom };
      let shortened = false;
      let raised = false;
      for (let outer = element; outer && outer !== document.body; outer = outer.parentElement) {
        const style = getComputedStyle(outer);
        raised ||= ['fixed', 'sticky'].includes(style.position) || outer.tagName === 'DIALOG';
        shortened ||= style.textOverflow === 'ellipsis' || style.webkitLineClamp !== 'none';
        if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
        const edge = outer.getBoundingClientRect();
        const cut = Math.max(edge.left - box.left, box.right - edge.right);
        if (style.overflowX === 'hidden' && !shortened && cut > 2 && cut < box.right - box.left) {
          found.push(`cut: "${short(node.data)}"`);
        }
        box.left = Math.max(box.left, edge.left);
        box.right = Math.min(box.right, edge.right);
        box.top = Math.max(box.top, edge.top);
        box.bottom = Math.min(box.bottom, edge.bottom);
      }
      if (!raised && box.right - box.left > 1 && box.bottom - box.top > 1) boxes.push({ ...box, node });
    }
  }
  boxes.sort((a, b) => a.top - b.top);
  boxes.forEach((one, place) => {
    for (let next = place + 1; next < boxes.length && boxes[next].top < one.bottom - 4; next += 1) {
      const other = boxes[next];
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      if (across > 3 && one.node !== other.node && Math.min(one.bottom, other.bottom) - other.top > 4) {
        found.push(`over each other: "${short(one.node.data)}" and "${short(other.node.data)}"`);
      }
    }
  });
  for (const image of document.images) {
    const source = image.getAttribute('src');
    const missing = source && image.complete && image.naturalWidth === 0;
    if (missing && image.checkVisibility()) found.push(`no picture: ${source.slice(0, 80)}`);
  }
  return [...new Set(found)].slice(0, 20);
}"""


def problems(page: Page) -> list[str]:
    """Returns one line for each thing that is cut, covered or missing in the page as it lies now."""
    found: list[str] = page.evaluate(_PROBLEMS)
    return found
