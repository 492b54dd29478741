// Tables as files that spreadsheets open.

/** A cell: quoted where it must be; text that a spreadsheet would calculate begins with an apostrophe. */
export function cell(value) {
  if (value == null) return '';
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows of values as CSV. */
export const csvText = (rows) => `${rows.map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;

/** Offers rows as a download. */
export function saveCsv(name, rows) {
  const link = document.createElement('a');
  // The mark makes spreadsheets read UTF-8.
  link.href = URL.createObjectURL(new Blob(['\ufeff', csvText(rows)], { type: 'text/csv;charset=utf-8' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
