// What a browser tells about the device it runs on, as plain ASCII.
const plain = (text) => text.replace(/[^\x20-\x7e]+/g, ' ').replace(/ +/g, ' ').trim().slice(0, 120);

/** Model, system and number of cores; browsers that hide the model tell the system alone. */
export async function hardware() {
  const told = [];
  try {
    const { model, platform, platformVersion, architecture } = await navigator.userAgentData.getHighEntropyValues(['model', 'platformVersion', 'architecture']);
    told.push(model, [platform, platformVersion].filter(Boolean).join(' '), architecture);
  } catch {
    told.push(/\(([^)]*)\)/.exec(navigator.userAgent)?.[1]);
  }
  if (navigator.hardwareConcurrency) told.push(`${navigator.hardwareConcurrency} cores`);
  return plain(told.filter(Boolean).join(', ')) || 'unknown hardware';
}

/** What WebGPU calls the graphics processor; empty where there is none, or the page may not use it. */
export async function graphics() {
  try {
    const { info } = await navigator.gpu.requestAdapter();
    return plain([info.vendor, info.architecture, info.description].filter(Boolean).join(' ')) || 'unknown graphics';
  } catch {
    return '';
  }
}

/** Name and version of the browser. */
export function browser() {
  const known = /(Firefox|FxiOS|EdgA?|OPR|SamsungBrowser|CriOS|Chrome)\/(\d+)|Version\/(\d+).*(Safari)/.exec(navigator.userAgent);
  const name = known ? `${known[1] ?? known[4]} ${known[2] ?? known[3]}` : 'unknown browser';
  return plain(name);
}
