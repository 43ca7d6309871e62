// Lets relay-compiler compile the documents of `relay/` against the schema.
//
//   node clients/relay.mjs SCHEMA FOLDER
//
// It prints the names of the artifacts that were made, in FOLDER.

import { execFileSync } from 'node:child_process';
import { copyFile, cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import compiler from 'relay-compiler';

const [schema, folder] = process.argv.slice(2);
const artifacts = join(folder, 'artifacts');
await cp(join(import.meta.dirname, 'relay'), join(folder, 'src'), { recursive: true });
await copyFile(schema, join(folder, 'schema.graphql'));
await mkdir(artifacts);
const config = {
  src: './src',
  schema: './schema.graphql',
  artifactDirectory: './artifacts',
  language: 'javascript',
  eagerEsModules: true,
};
await writeFile(join(folder, 'relay.config.json'), JSON.stringify(config));
await writeFile(join(folder, 'package.json'), '{}');
execFileSync(compiler, [join(folder, 'relay.config.json')], { cwd: folder, stdio: ['ignore', 2, 2] });
console.log(JSON.stringify({ artifacts: (await readdir(artifacts)).sort() }));
