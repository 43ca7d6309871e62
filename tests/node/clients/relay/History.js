import { graphql } from 'relay-runtime';

// A list that is read page by page, and found again by the node that it belongs to.
export const list = graphql`
  fragment History_card on Card
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 25 }
    cursor: { type: "Cursor" }
  )
  @refetchable(queryName: "HistoryPageQuery") {
    id
    label
    balance {
      posted {
        amount
        currency
      }
      version
    }
    history(first: $count, after: $cursor) @connection(key: "History_card_history") {
      edges {
        node {
          id
          kind
          direction
          ...Entry_entry
        }
      }
    }
  }
`;
