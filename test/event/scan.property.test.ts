import { isUtf8 } from 'node:buffer';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeLine } from '../../agent/event/decode.ts';
import { LineFields } from '../../agent/event/fields.ts';
import { scanLine } from '../../agent/event/scan.ts';
import { recordedLines, sampleLines } from '../support/audit-lines.ts';
import { mutateLine, seededRandom } from '../support/mutate-line.ts';
import { mergeInvalid } from '../support/merge-invalid.ts';
import {
  referenceFields,
  scannedAnnotations,
  scannedFields,
  typeProblem,
} from '../support/reference-fields.ts';
import { isSameJson } from '../support/same-json.ts';
import { sharedDir } from '../support/shared.ts';

const MUTATIONS = 100_000;
/** Longer lines cost time and show nothing that these do not. */
const MAX_MUTATED_BYTES = 6_000;
const TIMEOUT_MS = 240_000;

const fields = new LineFields();

function parse(line: Buffer): { event: unknown } | undefined {
  try {
    return { event: JSON.parse(line.toString()) as unknown };
  } catch {
    return undefined;
  }
}

/** What `bytes`, which the scan has accepted, say against it; undefined where all is well. */
function scanProblem(bytes: Buffer): string | undefined {
  const parsed = parse(bytes);
  if (parsed === undefined) return 'the scan accepts what JSON.parse refuses';
  const found = scannedFields(bytes, fields);
  const reference = referenceFields(parsed.event);
  if (!isSameJson(found, reference)) return 'the scan finds other fields than JSON.parse';
  const annotations = reference['annotations'] ?? {};
  if (!isSameJson(scannedAnnotations(bytes, fields), annotations)) return 'other annotations';
  const problem = typeProblem(found);
  return problem === undefined ? undefined : `wrong type in ${problem}`;
}

/** What a line that the scan does not take is to `decodeLine`; undefined where all is well. */
function decodeProblem(line: Buffer): string | undefined {
  const decoded = decodeLine(line);
  const parsed = parse(line);
  if (decoded.status === 'undecodable') {
    const reason = parsed === undefined ? 'json' : 'not-audit';
    return decoded.reason === reason ? undefined : `reason ${decoded.reason}`;
  }
  if (parsed === undefined) return 'decoded what JSON.parse refuses';
  if (line[decoded.start] !== 0x7b || line[decoded.end - 1] !== 0x7d) return 'wrong range';
  if ((decoded.degraded === 'utf8') === isUtf8(line)) return `degraded ${decoded.degraded}`;
  const { bytes } = decoded;
  if (scanLine(bytes, 0, bytes.length, fields) !== bytes.length) return 'the scan refuses the decoded event';
  const same = isSameJson(mergeInvalid(parse(bytes)?.event), parsed.event);
  return same ? scanProblem(bytes) : 'the decoded event says something else';
}

/** Checks a line; true where the scan took it. */
function checkLine(line: Buffer, where: string): boolean {
  const isScanned = isUtf8(line) && scanLine(line, 0, line.length, fields) === line.length;
  const problem = isScanned ? scanProblem(line) : decodeProblem(line);
  if (problem !== undefined)
    throw new Error(`${where}: ${problem}: ${line.toString('latin1').slice(0, 4000)}`);
  return isScanned;
}

const directory = sharedDir();
if (directory === undefined) console.log('no shared directory: the scan is not held against recorded logs');

(directory === undefined ? describe.skip : describe)('scanLine and decodeLine beside JSON.parse', () => {
  const lines: Buffer[] = [];

  beforeAll(() => {
    for (const part of [...recordedLines(), ...sampleLines()]) lines.push(...part.lines);
  });

  it(
    'finds the same fields in every recorded line, more than 99 % of them without decoding',
    () => {
      for (const { file, lines: recorded } of recordedLines()) {
        const scanned = recorded.filter((line) => checkLine(line, file)).length;
        expect(scanned).toBeGreaterThan(recorded.length * 0.99);
      }
    },
    TIMEOUT_MS,
  );

  it(
    'finds the same fields in every sample',
    () => {
      for (const { file, lines: samples } of sampleLines()) for (const line of samples) checkLine(line, file);
      expect(lines.length).toBeGreaterThan(8_000);
    },
    TIMEOUT_MS,
  );

  it(
    `finds the same fields, or refuses, in ${MUTATIONS} mutations`,
    () => {
      const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 32);
      console.log(`mutations of audit lines: SEED=${seed}`);
      const random = seededRandom(seed);
      const small = lines.filter((line) => line.length <= MAX_MUTATED_BYTES);
      let scanned = 0;
      for (let i = 0; i < MUTATIONS; i += 1) {
        const line = small[Math.floor(random() * small.length)] ?? Buffer.alloc(0);
        if (checkLine(mutateLine(line, random), `SEED=${seed}, mutation ${i}`)) scanned += 1;
      }
      // A share of the mutations is still an event, or nothing would have been compared.
      expect(scanned / MUTATIONS).toBeGreaterThan(0.1);
    },
    TIMEOUT_MS,
  );
});
