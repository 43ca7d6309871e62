// Fills Apollo Client's normalised cache from the histories of two accounts that share a
// transaction, and reads both back.
//
//   TOKEN=… node clients/cache.mjs http://127.0.0.1:8080/graphql CARD CARD
//
// The token comes by the environment, as arguments are seen by whoever lists processes.
// It prints what the server answered for each account, what the cache has for it once
// both are in, and the keys under which the cache keeps entries and transactions.

import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core';
import { readFile } from 'node:fs/promises';
import { buildSchema, isInterfaceType } from 'graphql';

const [url, ...cards] = process.argv.slice(2);
const sdl = await readFile(new URL('../../../schema.graphql', import.meta.url), 'utf8');
const schema = buildSchema(sdl);
const possibleTypes = Object.fromEntries(
  Object.values(schema.getTypeMap())
    .filter(isInterfaceType)
    .map((type) => [
      type.name,
      schema.getImplementations(type).objects.map((object) => object.name),
    ]),
);
const cache = new InMemoryCache({ possibleTypes });
const authorization = `Bearer ${process.env.TOKEN}`;
const client = new ApolloClient({
  cache,
  link: new HttpLink({ uri: url, headers: { authorization } }),
});
const HISTORY = gql`
  query History($id: ID!) {
    card(by: { id: $id }) {
      id
      balance {
        posted {
          amount
        }
        version
      }
      history(first: 10) {
        nodes {
          id
          direction
          kind
          amount {
            amount
          }
          balanceAfter {
            amount
          }
          accountVersion
          account {
            id
          }
          counterparty {
            label
            account {
              id
            }
          }
          transaction {
            id
            amount {
              amount
            }
            from {
              label
            }
            to {
              label
            }
          }
        }
      }
    }
  }
`;

const answered = [];
for (const id of cards) {
  const { data } = await client.query({
    query: HISTORY,
    variables: { id },
    fetchPolicy: 'network-only',
  });
  // As it came, before the cache knows of the other account.
  answered.push(structuredClone(data));
}
const cached = cards.map((id) => cache.readQuery({ query: HISTORY, variables: { id } }));
const kept = Object.keys(cache.extract());
const keys = (name) => kept.filter((key) => key.startsWith(`${name}:`)).sort();
console.log(
  JSON.stringify({ answered, cached, entries: keys('Entry'), transactions: keys('Transaction') }),
);
