import { graphql } from 'relay-runtime';

export const home = graphql`
  query AppQuery {
    me {
      id
      email
      cards {
        id
        ...History_card
      }
    }
  }
`;

export const card = graphql`
  query AppCardQuery($id: ID!) {
    node(id: $id) {
      __typename
      ...History_card @alias
    }
  }
`;

export const pay = graphql`
  mutation AppTransferMutation($input: TransferInput!) {
    transfer(input: $input) {
      account {
        id
        balance {
          posted {
            amount
          }
        }
      }
      replayed
      errors {
        __typename
        code
        message
        path
      }
    }
  }
`;
