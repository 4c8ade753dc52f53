import * as z from 'zod';
import { SECRET_MARK } from './blocks.ts';
import { rootSchema, type SinkSchema } from './schema.ts';

/** JSON Schema (draft 2020-12) of the configuration file, for editors and checks. */
export function configJsonSchema(definitions: readonly SinkSchema[]): Record<string, unknown> {
  const schema = z.toJSONSchema(rootSchema(definitions), {
    io: 'input',
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      if (jsonSchema['secret'] !== SECRET_MARK.secret) return;
      delete jsonSchema['secret'];
      jsonSchema.writeOnly = true;
    },
  });
  return { title: 'kube-audit-agent configuration', ...schema };
}
