import type { RecordFile } from '../event/record.ts';
import { API_VERSION } from '../event/shape.ts';
import type { DocumentContext } from '../sink/definition.ts';
import { constantBytes } from './constant-bytes.ts';
import { DATASET } from './data-stream.ts';
import { documentHead } from './document-head.ts';

const TIME_LENGTH = 24;

/** The parts of a document that are the same for many events, ready to be copied. */
export class ConstantBlocks {
  /** `,"orchestrator":{…`, without its end. */
  readonly orchestrator: Buffer;
  /** From the document's `{` up to the value of `log.offset`; the same for all events of a file. */
  file = constantBytes('');
  /** From the end of `log` up to the value of `event.sequence`; the same for all events of a millisecond. */
  readonly event: Buffer;
  /** Where the time of day stands in `event`, with its quotes. */
  readonly timeStart: number;
  readonly timeEnd: number;
  readonly #ingestedAt: number;
  readonly #head: string;
  #recordFile: RecordFile | undefined;
  #nowMs = -1;

  constructor(context: DocumentContext, dataStream: string) {
    this.#head = JSON.stringify(documentHead(context, dataStream)).slice(1, -1);
    const cluster = context.clusterName === undefined ? {} : { cluster: { name: context.clusterName } };
    const orchestrator = JSON.stringify({ type: 'kubernetes', api_version: API_VERSION, ...cluster });
    this.orchestrator = constantBytes(`,"orchestrator":${orchestrator.slice(0, -1)}`);
    const time = ' '.repeat(TIME_LENGTH);
    const created = `},"event":{"kind":"event","dataset":"${DATASET}","created":`;
    const ingested = `${created}"${time}","ingested":"`;
    this.event = constantBytes(`${ingested}${time}","sequence":`);
    this.timeStart = created.length;
    this.timeEnd = created.length + TIME_LENGTH + 2;
    this.#ingestedAt = ingested.length;
  }

  get maxBytes(): number {
    return this.orchestrator.length + this.file.length + this.event.length;
  }

  useFile(file: RecordFile): void {
    if (file === this.#recordFile) return;
    this.#recordFile = file;
    const { path, inode, fingerprint } = file;
    const log = JSON.stringify({ file: { path, inode: String(inode), fingerprint } });
    this.file = constantBytes(`{${this.#head},"log":${log.slice(0, -1)},"offset":`);
  }

  /** The time at which the event is read and sent, as far as an agent can know the latter. */
  useTime(nowMs: number): void {
    if (nowMs === this.#nowMs) return;
    this.#nowMs = nowMs;
    const time = new Date(nowMs).toISOString();
    this.event.write(time, this.timeStart + 1, TIME_LENGTH, 'latin1');
    this.event.write(time, this.#ingestedAt, TIME_LENGTH, 'latin1');
  }
}
