import { graphql } from 'relay-runtime';

export const entry = graphql`
  fragment Entry_entry on Entry {
    amount {
      amount
      currency
    }
    balanceAfter {
      amount
    }
    note
    postedAt
    transaction {
      id
      kind
      receipt {
        sequence
      }
    }
  }
`;
