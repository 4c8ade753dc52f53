/** Ships lines to slices and is killed at one of its changes on disk: `crash-child.ts DIRECTORY PATH LINES CHANGE`. */
import { CrashPoint } from './crash-point.ts';
import { shipLines, shippedLines } from './file-shipping.ts';

const [directory = '', path = '', lines = '0', at = '0'] = process.argv.slice(2);
const fileSystem = new CrashPoint({ at: Number(at), crash: () => process.kill(process.pid, 'SIGKILL') });
await shipLines({ directory, path, lines: shippedLines(Number(lines)), fileSystem });
