// What has happened, by pages.

export default {
    title: "History",
    operations: [
        {
            name: "History",
            title: "The newest entries",
            document: `# Entries of all accounts, the newest
# first.
query History($first: Int) {
  history(first: $first) {
    nodes { ...Line }
    pageInfo { hasNextPage endCursor }
  }
}

fragment Line on Entry {
  id
  kind
  direction
  amount { amount currency }
  balanceAfter { amount }
  counterparty { label }
  note
  postedAt
}
`,
            variables: { first: 2 },
        },
        {
            name: "NextPage",
            title: "The page behind it",
            document: `# The endCursor of one page is the after
# of the next. A page costs the same
# wherever in the history it lies.
query NextPage($first: Int, $after: Cursor) {
  history(first: $first, after: $after) {
    nodes { id kind direction amount { amount } note postedAt }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
`,
            variables: { first: 2, after: "{{page}}" },
        },
        {
            name: "Search",
            title: "Filter and search",
            document: `# By kind, direction, time, amount and
# text, together.
query Search($filter: HistoryFilter) {
  history(filter: $filter, first: 10) {
    nodes { kind amount { amount currency } counterparty { label } note postedAt }
    totalCount
  }
}
`,
            variables: { filter: { direction: "IN", minAmount: "10.00" } },
        },
    ],
};
