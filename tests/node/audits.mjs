// Runs the 61 audits of GraphQL over HTTP that the package graphql-http has for servers,
// and prints what each of them found as one JSON object.
//
//   node audits.mjs http://127.0.0.1:8080/graphql

import { serverAudits } from 'graphql-http';

const [url] = process.argv.slice(2);
if (!url) {
  throw new Error('name the URL of a GraphQL server');
}

// One after the other: an audit is about one request, not about load.
const results = [];
for (const audit of serverAudits({ url, fetchFn: fetch })) {
  const { status, reason } = await audit.fn();
  results.push({ id: audit.id, name: audit.name, status, reason });
}
const failed = results.filter(({ status }) => status !== 'ok');
console.log(JSON.stringify({ audits: results.length, passed: results.length - failed.length, failed }));
