// The candidates of a snapshot: columns in base64 (search_app/columns.py) -> small objects, as events bring them.
const ARRAYS = { d: Float64Array, f: Float32Array };

function numbersOf({ type, data }) {
  const text = atob(data);
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place += 1) bytes[place] = text.charCodeAt(place);
  return new ARRAYS[type](bytes.buffer);
}

const known = (value) => (Number.isNaN(value) ? null : value);

function deviceReader(device) {
  if (!device) return () => null;
  const columns = Object.entries(device.numbers).map(([name, column]) => [name, numbersOf(column)]);
  const broken = new Set(device.broken);
  return (row) => ({
    name: device.name,
    how: device.how,
    broken_limits: broken.has(row) ? [''] : [], // the words are asked for when someone looks
    ...Object.fromEntries(columns.map(([name, values]) => [name, known(values[row])])),
  });
}

/** Returns the candidates in the order of their numbers; none for null. */
export function candidatesOf(columns) {
  if (!columns) return [];
  const numbers = Object.fromEntries(Object.entries(columns.numbers).map(([name, column]) => [name, numbersOf(column)]));
  const deviceOf = deviceReader(columns.device);
  return columns.labels.map((label, row) => {
    const finished = !Number.isNaN(numbers.accuracy[row]);
    return {
      number: numbers.number[row],
      label,
      source: columns.source_names[columns.sources[row]] ?? '',
      fidelity: columns.fidelity_names[columns.fidelities[row]] ?? '',
      status: finished ? 'finished' : 'failed',
      seconds: numbers.seconds[row],
      refines: known(numbers.refines[row]),
      twin: numbers.twin[row],
      metrics: finished
        ? {
          accuracy: numbers.accuracy[row],
          accuracy_low: numbers.accuracy_low[row],
          accuracy_high: numbers.accuracy_high[row],
          latency_ms: numbers.latency_ms[row],
          size_bytes: numbers.size_bytes[row],
          macs: numbers.macs[row],
          device: deviceOf(row),
        }
        : null,
    };
  });
}
