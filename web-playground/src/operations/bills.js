// Bills, which are paid once.

export default {
    title: "Bills",
    operations: [
        {
            name: "CreateBill",
            title: "Note a bill",
            document: `# It falls due by the clock: move the
# clock under “Tools”, and it is OVERDUE.
mutation CreateBill($input: CreateBillInput!) {
  createBill(input: $input) {
    bill { id name status dueAt amount { amount currency } }
    replayed
    errors { code message path }
  }
}
`,
            variables: {
                input: {
                    idempotencyKey: "{{key}}",
                    name: "Power",
                    amount: "18.20",
                    dueAt: "{{in.7d}}",
                },
            },
        },
        {
            name: "PayBill",
            title: "Pay a bill",
            document: `# A bill is paid in whole and once,
# whoever else tries at the same moment.
mutation PayBill($input: PayBillInput!) {
  payBill(input: $input) {
    bill { id name status paidAt }
    account { id balance { posted { amount } } }
    replayed
    errors { code message path }
  }
}
`,
            variables: {
                input: {
                    idempotencyKey: "{{key}}",
                    billId: "{{bill}}",
                    fromAccountId: "{{card}}",
                },
            },
        },
        {
            name: "Bills",
            title: "Bills by where they stand",
            document: `# status: DUE, OVERDUE, PAID or
# CANCELLED; without it all of them.
query Bills($status: BillStatus) {
  bills(status: $status, first: 10) {
    nodes { id name status dueAt amount { amount currency } }
    totalCount
    pageInfo { hasNextPage endCursor }
  }
}
`,
            variables: { status: "PAID" },
        },
    ],
};
