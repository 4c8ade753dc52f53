import { describe, expect, it } from '@jest/globals';
import { configJsonSchema } from '../../agent/config/json-schema.ts';
import { exampleSink, plainSink } from '../support/example-sinks.ts';

interface Node {
  readonly [key: string]: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly oneOf?: readonly Node[];
}

const schema = configJsonSchema([exampleSink(), plainSink]) as unknown as Node;

function settingsWithoutDescription(node: Node, path: string): string[] {
  const members = Object.entries(node.properties ?? {});
  const missing = members.flatMap(([name, member]) => [
    ...(typeof member['description'] === 'string' ? [] : [`${path}.${name}`]),
    ...settingsWithoutDescription(member, `${path}.${name}`),
  ]);
  return node.items === undefined
    ? missing
    : [...missing, ...settingsWithoutDescription(node.items, `${path}[]`)];
}

describe('the JSON Schema of the configuration', () => {
  it('is draft 2020-12 and refuses unknown keys', () => {
    expect(schema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema['additionalProperties']).toBe(false);
    expect(schema['required']).toEqual(['logs', 'sinks']);
  });

  it('describes every setting of the agent itself', () => {
    expect(settingsWithoutDescription(schema, '')).toEqual([]);
  });

  it('shows defaults as one would write them', () => {
    expect(schema.properties?.['stateDir']?.['default']).toBe('/var/lib/kube-audit-agent');
    expect(schema.properties?.['memory']?.properties?.['maxBufferedBytes']?.['default']).toBe('96MiB');
    expect(schema.properties?.['telemetry']?.properties?.['listen']?.['default']).toBe('0.0.0.0:9464');
    expect(schema.properties?.['logs']?.items?.properties?.['maxReadBytesPerSecond']?.['default']).toBe(
      'unlimited',
    );
  });

  it('joins the settings of each type of sink and marks secrets', () => {
    const sinks = schema.properties?.['sinks']?.items?.oneOf ?? [];

    expect(sinks.map((sink) => sink.properties?.['type']?.['const'])).toEqual(['example', 'plain']);
    expect(sinks[0]?.properties?.['password']?.['writeOnly']).toBe(true);
    expect(sinks[0]?.properties?.['batch']?.properties?.['maxBytes']?.['default']).toBe(4 * 1024 ** 2);
    expect(JSON.stringify(schema)).not.toContain('"secret":true');
  });
});
