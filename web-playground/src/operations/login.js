// Signing in with two factors, and what belongs to a session.

export default {
    title: "Sign in",
    operations: [
        {
            name: "Login",
            title: "First the password",
            document: `# The right password opens nothing yet:
# the answer names a challenge, and a
# code goes out by letter.
mutation Login($input: LoginInput!) {
  login(input: $input) {
    challenge { id methods sentTo expiresAt }
    errors { code message path }
  }
}
`,
            variables: { input: { email: "{{email}}", password: "{{password}}" } },
        },
        {
            name: "ConfirmLogin",
            title: "Then the code",
            document: `# The code answers the challenge of the
# login before. The new session's tokens
# are put into the requests that follow.
mutation ConfirmLogin($input: ConfirmLoginInput!) {
  confirmLogin(input: $input) {
    user { email }
    session { id }
    accessToken
    refreshToken
    accessExpiresAt
    errors { code message path }
  }
}
`,
            variables: { input: { challengeId: "{{challenge}}", code: "{{code}}" } },
        },
        {
            name: "Refresh",
            title: "Renew the access",
            document: `# An access token is good for ten
# minutes, a refresh token once: each
# answer has the next one. Whoever shows
# a spent one later ends the session,
# because two have it.
mutation Refresh($input: RefreshSessionInput) {
  refreshSession(input: $input) {
    user { email }
    session { id }
    accessToken
    refreshToken
    accessExpiresAt
    errors { code message path }
  }
}
`,
            variables: { input: { refreshToken: "{{refreshToken}}" } },
        },
        {
            name: "Sessions",
            title: "Where I am signed in",
            document: `# Every session of the caller, whichever
# API it was begun with.
query Sessions {
  sessions {
    id
    current
    facade
    platform
    ipAddress
    lastActiveAt
    expiresAt
  }
}
`,
        },
        {
            name: "EndOtherSessions",
            title: "End all other sessions",
            document: `# Whoever else is signed in as the caller
# is not any more: at once here, within a
# second in every other process, and
# their sockets close with 4403.
mutation EndOtherSessions {
  revokeOtherSessions {
    revoked
    errors { code message path }
  }
}
`,
        },
    ],
};
