// Waits for balances by one of three clients, and prints each as one line of JSON:
//
//   TOKEN=… node clients/live.mjs graphql-ws|graphql-sse|apollo http://127.0.0.1:8080 ACCOUNT
//
//   {"version","posted","reset"}
//
// The token comes by the environment, as arguments are seen by whoever lists processes.
// It ends when its standard input closes, so a test that is killed leaves nothing behind.

import { ApolloClient, ApolloLink, gql, InMemoryCache } from '@apollo/client/core';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';
import WebSocket from 'ws';

const [which, url, account] = process.argv.slice(2);
const token = process.env.TOKEN;
const query = `
  subscription Balance($ids: [ID!]) {
    balanceChanged(accountIds: $ids) {
      reset
      account { id }
      balance { version posted { amount } }
    }
  }
`;
const variables = { ids: [account] };

function fail(error) {
  console.error(`${which}:`, error);
  process.exit(1);
}

function tell(result) {
  if (result.errors ?? result.error) fail(JSON.stringify(result));
  const { reset, balance } = result.data.balanceChanged;
  console.log(JSON.stringify({ version: balance.version, posted: balance.posted.amount, reset }));
}

const socket = () =>
  createWs({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { accessToken: token },
    lazy: false,
    onNonLazyError: fail,
  });
const sink = { next: tell, error: fail, complete: () => fail('the server says no more') };
const clients = {
  'graphql-ws': () => socket().subscribe({ query, variables }, sink),
  'graphql-sse': () =>
    createSse({
      url: `${url}/graphql/stream`,
      headers: { authorization: `Bearer ${token}` },
    }).subscribe({ query, variables }, sink),
  apollo: () =>
    new ApolloClient({
      cache: new InMemoryCache(),
      link: ApolloLink.from([new GraphQLWsLink(socket())]),
    })
      .subscribe({ query: gql(query), variables })
      .subscribe(sink),
};

if (!(which in clients)) fail('name graphql-ws, graphql-sse or apollo');
clients[which]();
process.stdin.resume().on('close', () => process.exit(0));
