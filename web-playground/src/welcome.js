// What stands in the first tab.

export const WELCOME = `# Welcome to Teller. This is a sandbox:
# letters are captured, money is free.
#
# 1. Press "Make a person" in the panel:
#    their token is in your requests.
# 2. Under "Try", open "Pay a friend, and
#    say so twice"; run it by Ctrl-Enter.
# 3. Watch the balance change. Then copy
#    the document into your application.
#
# Ctrl-Space completes. A name in
# {{braces}} in the variables is filled
# in when the request is sent.

query Hello {
  serverInfo {
    version
    sandbox
    currencies
  }
}
`;
