// What comes by itself.

export default {
    title: "Live",
    operations: [
        {
            name: "Balances",
            title: "Balances as they change",
            document: `# First each balance as it is, then each
# change the moment it is committed.
# version grows by one with every
# posting: drop what is older than you
# have.
subscription Balances {
  balanceChanged {
    cursor
    reset
    account { id label }
    balance { available { amount currency } version }
    entry { kind direction amount { amount } note }
  }
}
`,
        },
        {
            name: "Resume",
            title: "Go on where you were cut off",
            document: `# With the cursor of the last message
# that came, nothing is missed and
# nothing comes twice, however long the
# client was away.
subscription Resume($after: Cursor) {
  events(after: $after) {
    __typename
    cursor
    occurredAt
    ... on EntryPosted { entry { kind direction amount { amount currency } note } }
    ... on BillChanged { bill { name status } }
    ... on AccountChanged { account { label status } }
    ... on SessionStarted { session { id facade } }
    ... on SessionEnded { sessionId }
  }
}
`,
            variables: { after: "{{cursor}}" },
        },
        {
            name: "Events",
            title: "The same stream as pages",
            document: `# For who cannot keep a connection open:
# the same events by the same cursors.
query Events($first: Int) {
  events(first: $first) {
    nodes {
      __typename
      cursor
      occurredAt
      ... on EntryPosted { entry { kind amount { amount currency } } }
    }
    endCursor
    hasNextPage
  }
}
`,
            variables: { first: 5 },
        },
    ],
};
