// Becoming a customer.

export default {
    title: "Register",
    // They are for strangers: the others need somebody who is signed in.
    strangers: true,
    operations: [
        {
            name: "Register",
            title: "Ask for an account",
            document: `# A registration is answered the same
# whether or not the person is known: the
# code goes out by letter. The sandbox
# keeps every letter, see the inbox
# beside.
mutation Register($input: RegisterInput!) {
  register(input: $input) {
    registrationExpiresAt
    errors { code message path }
  }
}
`,
            variables: {
                input: {
                    email: "{{new.email}}",
                    phoneNumber: "{{new.phone}}",
                    socialSecurity: "{{new.socialSecurity}}",
                },
            },
        },
        {
            name: "VerifyEmail",
            title: "Send the code back",
            document: `# The code of the letter makes a customer
# of whoever registered, and signs them
# in. The tokens of the answer are put
# into the requests that follow.
mutation VerifyEmail($input: VerifyEmailInput!) {
  verifyEmail(input: $input) {
    user { id email firstName }
    session { id }
    accessToken
    refreshToken
    accessExpiresAt
    errors { code message path }
  }
}
`,
            variables: {
                input: {
                    email: "{{new.email}}",
                    code: "{{new.code}}",
                    password: "{{new.password}}",
                    firstName: "{{new.firstName}}",
                    lastName: "{{new.lastName}}",
                    dateOfBirth: "1990-04-01",
                    address: {
                        line: "1 Main Street",
                        city: "Springfield",
                        state: "Oregon",
                        postCode: "97477",
                    },
                },
            },
        },
        {
            name: "ResendVerification",
            title: "Ask for the code again",
            document: `# A code that was lost: a fresh one
# comes, and says nothing of who is a
# customer.
mutation ResendVerification($input: ResendVerificationInput!) {
  resendVerification(input: $input) {
    ok
    errors { code message path }
  }
}
`,
            variables: { input: { email: "{{new.email}}" } },
        },
    ],
};
