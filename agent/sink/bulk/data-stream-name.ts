const MAX_NAME_BYTES = 255;
const BAD_CHARACTERS = /[\\/*?"<>| ,#:\p{Cc}]/u;

/** What keeps a text from being the name of a data stream `<type>-<dataset>-<namespace>`; undefined where nothing does. */
export function dataStreamProblem(name: string): string | undefined {
  if (name !== name.toLowerCase()) return 'a data stream name is lower case';
  if (BAD_CHARACTERS.test(name))
    return 'a data stream name holds none of \\ / * ? " < > | , # : or white space';
  if (/^[-_+.]/.test(name)) return 'a data stream name does not start with "-", "_", "+" or "."';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES)
    return `a data stream name has at most ${MAX_NAME_BYTES} bytes`;
  if (name.split('-').length !== 3 || name.split('-').includes(''))
    return 'expected <type>-<dataset>-<namespace>, such as logs-kubernetes.audit_logs-default';
  return undefined;
}
