// A page on paper: what is folded is opened, charts take the width of the sheet, and all is put back afterwards.
const opened = [];

function unfold() {
  for (const details of document.querySelectorAll('details:not([open], .menu, .files)')) {
    details.open = true;
    opened.push(details);
  }
  for (const image of document.images) image.loading = 'eager';
}

function fold() {
  for (const details of opened.splice(0)) details.open = false;
}

/** Prepares the page whenever it is printed; `button` prints it. */
export function wirePaper(button) {
  addEventListener('beforeprint', unfold);
  addEventListener('afterprint', fold);
  button?.addEventListener('click', () => print());
}
