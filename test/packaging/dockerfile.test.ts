import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..', '..');

function linesOf(file: string): string[] {
  return readFileSync(join(ROOT, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
}

const instructions = linesOf('Dockerfile');

/** What is copied from the checkout, not from another stage. */
function copiedSources(): string[] {
  return instructions
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(/\s+/).slice(1, -1));
}

describe('the Dockerfile', () => {
  it('copies only what exists and what .dockerignore lets through', () => {
    const let_through = linesOf('.dockerignore').filter((line) => line.startsWith('!'));

    expect(linesOf('.dockerignore')[0]).toBe('*');
    expect(copiedSources().filter((source) => !existsSync(join(ROOT, source)))).toEqual([]);
    expect(new Set(copiedSources().map((source) => `!${source.replace('./', '')}`))).toEqual(
      new Set(let_through),
    );
  });

  it('runs the bundle on a Node that the program accepts', () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      engines: { node: string };
    };
    const least = Number(/>=(\d+)/.exec(engines.node)?.[1]);
    const runtime = instructions.filter((line) => line.startsWith('FROM ')).at(-1) ?? '';

    expect(Number(/nodejs(\d+)-/.exec(runtime)?.[1])).toBeGreaterThanOrEqual(least);
    expect(instructions.find((line) => line.startsWith('ENTRYPOINT '))).toContain('/dist/main.js');
  });

  it('puts no package of the build stage into the image', () => {
    const last = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));

    expect(last.filter((line) => line.includes('node_modules') || line.startsWith('RUN '))).toEqual([]);
  });
});
