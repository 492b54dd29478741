// What the device that is searched for can hold; everything, where it is this server.

export const fits = ({ metrics }) => !metrics.device?.broken_limits?.length;

/** Those that fit, or all while none does. */
export function fitting(some) {
  const found = some.filter(fits);
  return found.length ? found : some;
}
