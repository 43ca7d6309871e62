// Lets graphql-codegen make a typed client of the schema and some documents.
//
//   node clients/codegen.mjs SCHEMA FOLDER
//
// It prints the names of the operations and fragments for which types were made.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from '@graphql-codegen/cli';

const [schema, folder] = process.argv.slice(2);
const scalars = {
  BigInt: 'string',
  CurrencyCode: 'string',
  Cursor: 'string',
  Date: 'string',
  DateTime: 'string',
  Decimal: { input: 'string | number', output: 'string' },
  IdempotencyKey: 'string',
  URL: 'string',
};
await generate(
  {
    schema,
    documents: join(import.meta.dirname, 'documents.graphql'),
    silent: true,
    errorsOnly: true,
    generates: {
      [`${folder}/`]: { preset: 'client', config: { strictScalars: true, scalars } },
    },
  },
  true,
);
const made = await readFile(join(folder, 'graphql.ts'), 'utf8');
const documents = [...made.matchAll(/^export const (\w+)(?:Document|FragmentDoc) =/gm)];
console.log(JSON.stringify({ documents: documents.map(([, name]) => name).sort() }));
