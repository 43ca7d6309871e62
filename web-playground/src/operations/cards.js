// Cards: accounts with money of their own.

export default {
    title: "Cards",
    operations: [
        {
            name: "Me",
            title: "Who I am and what I have",
            document: `# One question for a whole front page.
# extensions.cost in the answer says what
# it cost.
query Me {
  me {
    firstName
    lastName
    email
    netWorth { amount currency }
    cards { id maskedNumber status balance { available { amount currency } } }
    savings { id name progressPercent balance { posted { amount } } goal { amount } }
    wallet { id balance { posted { amount currency } } }
    limits { kind remaining { amount } resetsAt }
  }
}
`,
        },
        {
            name: "CreateCard",
            title: "Make a card",
            document: `# In the sandbox a new card starts with
# 50.00.
mutation CreateCard($input: CreateCardInput) {
  createCard(input: $input) {
    card { id maskedNumber expiresOn balance { posted { amount currency } } }
    replayed
    errors { code message path }
  }
}
`,
            variables: { input: { idempotencyKey: "{{key}}" } },
        },
        {
            name: "RevealCard",
            title: "Show a card's number",
            document: `# Full numbers are sealed. They are shown
# for five minutes after a second factor
# was confirmed; later the answer is
# STEP_UP_REQUIRED with a challenge.
mutation RevealCard($input: CardRefInput!) {
  revealCard(input: $input) {
    details { number expirationDate cvv }
    errors {
      code
      message
      ... on StepUpRequired { challenge { id methods sentTo } }
    }
  }
}
`,
            variables: { input: { cardId: "{{card}}" } },
        },
        {
            name: "LimitCard",
            title: "Limit a card's day",
            document: `# What may be spent from this card in a
# day; null takes the limit away.
mutation LimitCard($input: SetCardLimitInput!) {
  setCardLimit(input: $input) {
    card { id spendingLimit { amount currency } }
    errors { code message path }
  }
}
`,
            variables: { input: { cardId: "{{card}}", amount: "500.00" } },
        },
        {
            name: "FreezeAndThaw",
            title: "Freeze a card, and thaw it",
            document: `# Nothing leaves a frozen card, but money
# still comes in. Two fields of one
# mutation run one after the other.
mutation FreezeAndThaw($input: CardRefInput!) {
  freezeCard(input: $input) {
    card { id status }
    errors { code message path }
  }
  unfreezeCard(input: $input) {
    card { id status }
    errors { code message path }
  }
}
`,
            variables: { input: { cardId: "{{card}}" } },
        },
    ],
};
