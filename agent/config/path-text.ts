/** Where a setting stands: the keys and indexes that lead to it. */
export type SettingPath = readonly (string | number)[];

/** A path for people: `sinks[0].url`. A key that is no plain word is quoted. */
export function pathText(path: SettingPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}
