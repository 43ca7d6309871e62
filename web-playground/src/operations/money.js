// Moving money.

export default {
    title: "Move money",
    operations: [
        {
            name: "TopUp",
            title: "Pay in",
            document: `# Free in the sandbox. Watch the balance
# beside change without a reload.
mutation TopUp($input: TopUpInput!) {
  topUp(input: $input) {
    transaction { id postedAt }
    account { id balance { posted { amount currency } version } }
    replayed
    errors { code message path }
  }
}
`,
            variables: {
                input: {
                    idempotencyKey: "{{key}}",
                    accountId: "{{card}}",
                    amount: "100.00",
                    note: "Salary",
                },
            },
        },
        {
            name: "Quote",
            title: "Ask before paying",
            document: `# What a transfer would do, and why it
# would be refused; nothing moves.
query Quote($input: TransferQuoteInput!) {
  transferQuote(input: $input) {
    allowed
    recipientName
    balanceAfter { amount currency }
    fee { amount }
    errors { code message path }
  }
}
`,
            variables: {
                input: {
                    fromAccountId: "{{card}}",
                    to: { accountId: "{{friend.card}}" },
                    amount: "12.50",
                },
            },
        },
        {
            name: "TransferTwice",
            title: "Pay a friend, and say so twice",
            document: `# A client makes one idempotency key for
# each movement that it wants. When it
# does not know whether its request
# arrived, it sends the same again: here
# both stand in one document. The second
# answers with replayed: true, and money
# moved once.
mutation TransferTwice($input: TransferInput!) {
  once: transfer(input: $input) { ...Moved }
  again: transfer(input: $input) { ...Moved }
}

fragment Moved on MoneyPayload {
  transaction { id postedAt to { label } }
  account { id balance { posted { amount currency } version } }
  replayed
  errors {
    code
    message
    path
    ... on InsufficientFunds { available { amount } shortBy { amount } }
  }
}
`,
            variables: {
                input: {
                    idempotencyKey: "{{key}}",
                    fromAccountId: "{{card}}",
                    to: { accountId: "{{friend.card}}" },
                    amount: "12.50",
                    note: "Lunch",
                },
            },
        },
        {
            name: "Provoke",
            title: "Provoke an error",
            document: `# Amounts that a sandbox answers with an
# error, so that a client can be tried
# against each: the list is beside, under
# “Tools”.
mutation Provoke($input: TransferInput!) {
  transfer(input: $input) {
    account { id }
    errors {
      __typename
      code
      message
      path
      ... on InsufficientFunds { available { amount } shortBy { amount } }
      ... on RateLimited { retryAfterSeconds }
    }
  }
}
`,
            variables: {
                input: {
                    idempotencyKey: "{{key}}",
                    fromAccountId: "{{card}}",
                    to: { accountId: "{{friend.card}}" },
                    amount: "9000000.12",
                },
            },
            refused: ["INSUFFICIENT_FUNDS"],
        },
    ],
};
