// Money that is put aside.

export default {
    title: "Savings",
    operations: [
        {
            name: "CreateSavings",
            title: "Make a goal",
            document: `# A goal holds money apart. In the
# sandbox it starts with 200.00.
mutation CreateSavings($input: CreateSavingsInput!) {
  createSavings(input: $input) {
    savings { id name goal { amount currency } progressPercent }
    replayed
    errors { code message path }
  }
}
`,
            variables: { input: { idempotencyKey: "{{key}}", name: "Bicycle", goal: "900.00" } },
        },
        {
            name: "PutAside",
            title: "Put money aside",
            document: `# From a card to a goal of the same
# person; it counts for no limit.
mutation PutAside($input: MoveSavingsInput!) {
  topUpSavings(input: $input) {
    account { id balance { posted { amount } } ... on SavingsAccount { progressPercent } }
    counterAccount { id balance { posted { amount } } }
    replayed
    errors { code message path }
  }
}
`,
            variables: {
                input: {
                    idempotencyKey: "{{key}}",
                    savingsId: "{{savings}}",
                    cardId: "{{card}}",
                    amount: "25.00",
                },
            },
        },
        {
            name: "TakeBack",
            title: "Take some back",
            document: `# A goal never goes below zero.
mutation TakeBack($input: MoveSavingsInput!) {
  withdrawSavings(input: $input) {
    account { id balance { posted { amount } } }
    counterAccount { id balance { posted { amount } } }
    replayed
    errors { code message path }
  }
}
`,
            variables: {
                input: {
                    idempotencyKey: "{{key}}",
                    savingsId: "{{savings}}",
                    cardId: "{{card}}",
                    amount: "10.00",
                },
            },
        },
    ],
};
