// The packed bundle: four bytes with the length of an index, the index as JSON, then the graphs.
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const index = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const bytesOf = (entry) => new Uint8Array(buffer, 4 + length + entry.offset, entry.length);
  return { index, bytesOf };
}
