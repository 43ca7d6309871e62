"""What Schemathesis is told of the dialects: how their people come in.

Whoever tests with random calls alone meets closed doors. So most calls are sent as a
person who signed in as the dialect documents it, with codes from the sandbox's inbox;
every fifth is sent as it was made up. Where an operation needs something that nobody
guesses (a mailed code, one's own password), every second call gets it. A person whose
session ends by a call is followed by a new one.

TELLER_DIALECT is the dialect, TELLER_URL the server, and TELLER_TALLY a file that gets,
at the end, how often each operation answered with which status.
"""

import atexit
import collections
import itertools
import json
import os
import re
import time

import requests
import schemathesis

URL = os.environ["TELLER_URL"]
PASSWORD = "correct horse battery staple"
FRESH = "wooden lantern over the harbour"

#: Numbers that are used once, the same in each run.
count = itertools.count(1)

http = requests.Session()
http.trust_env = False


def call(method, path, **more):
    """A call of ours, which must succeed."""
    answer = http.request(method, URL + path, timeout=120, **more)
    assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer


def letters(email):
    found = call("GET", "/dev/inbox", params={"to": email}, headers={"accept": "application/json"})
    return found.json()


def seen_by(email):
    """The letters that are there already; the inbox shows no more than the newest hundred."""
    return {letter["id"] for letter in letters(email)}


def letter(email, seen, pattern):
    """What a pattern finds in the newest letter that has it, once it is none of those seen."""
    for _ in range(1200):
        for one in reversed(letters(email)):
            found = re.search(pattern, one["text"])
            if found and one["id"] not in seen:
                return found.group(1)
        time.sleep(0.05)
    raise AssertionError(f"no letter to {email}")


class Dialect:
    """How people of a dialect come in; each instance is one signed-in person."""

    #: Operations that end the session when they succeed.
    ends = ()
    made = 0

    def __init__(self):
        type(self).made += 1
        self.email = f"{os.environ['TELLER_DIALECT']}{self.made}@example.org"
        self.sign_in()

    def sign_in(self):
        raise NotImplementedError

    def show(self, case):
        """Puts who calls into a call."""
        raise NotImplementedError

    def help(self, case):
        """Puts into a call what nobody guesses; the operation's id names a method."""
        helper = getattr(self, case.operation.definition.raw["operationId"], None)
        if helper is not None:
            helper(case)


class Accounts(Dialect):
    ends = ("changePassword",)

    def sign_in(self):
        person = {"email": self.email, "password": PASSWORD, "password2": PASSWORD}
        call("POST", "/api/auth/signup/", json=person)
        person = {"email": self.email, "password": PASSWORD}
        self.access = call("POST", "/api/auth/get-token/", json=person).json()["access"]

    def show(self, case):
        case.headers["Authorization"] = f"JWT {self.access}"

    def signUp(self, case):
        case.body = {
            "email": f"other{next(count)}@example.org",
            "password": PASSWORD,
            "password2": PASSWORD,
        }

    def getToken(self, case):
        case.body = {"email": self.email, "password": PASSWORD}

    def changeEmail(self, case):
        self.email = f"moved{next(count)}@example.org"
        case.body = {"email": self.email}

    def changePassword(self, case):
        case.body = {"password": PASSWORD, "newPassword": FRESH, "newPassword2": FRESH}

    def sendResetCode(self, case):
        case.query = {"email": self.email}

    def forgotten(self):
        """Somebody who forgot the password, with a code: few are sent to one person."""
        email = Accounts().email
        call("GET", "/api/auth/reset-password/", params={"email": email})
        return {"email": email, "code": letter(email, (), r"\b(\d{4})\b")}

    def confirmResetCode(self, case):
        case.body = self.forgotten()

    def setPassword(self, case):
        body = self.forgotten()
        token = call("POST", "/api/auth/reset-password/", json=body).json()["sessionToken"]
        case.body = {
            "email": body["email"],
            "sessionToken": token,
            "newPassword": FRESH,
            "newPassword2": FRESH,
        }


class Fintract(Dialect):
    ends = ("deactivate", "delete")
    staff = None

    def sign_in(self):
        call(
            "POST",
            "/auth/register/",
            json={
                "email": self.email,
                "username": self.email.split("@")[0],
                "password": PASSWORD,
                "password2": PASSWORD,
                "phone": "12025550123",
            },
        )
        self.link = letter(self.email, (), r"token=(\S+)")
        self.access, self.id = self.log_in(self.email)

    def log_in(self, email):
        id, code = self.ask_code(email)
        tokens = call("POST", f"/auth/login/{id}/", json={"otp": code}).json()["tokens"]
        return tokens["access"], id

    def ask_code(self, email):
        seen = seen_by(email)
        body = {"email": email, "otpType": "Email", "password": PASSWORD}
        id = call("POST", "/auth/login/", json=body).json()["data"]["id"]
        return id, letter(email, seen, r"\b(\d{6})\b")

    def show(self, case):
        case.headers["Authorization"] = f"Bearer {self.access}"
        if "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = self.id

    def register(self, case):
        name = f"other{next(count)}"
        case.body = {
            "email": f"{name}@example.org",
            "username": name,
            "password": PASSWORD,
            "password2": PASSWORD,
            "phone": "12025550123",
        }

    def logIn(self, case):
        case.body = {"email": self.email, "otpType": "email", "password": PASSWORD}

    def confirm(self, case):
        id, code = self.ask_code(self.email)
        case.path_parameters["id"] = id
        case.body = {"otp": code}

    def approve(self, case):
        if Fintract.staff is None:
            Fintract.staff = self.log_in("staff@example.org")[0]
        case.headers["Authorization"] = f"Bearer {Fintract.staff}"
        info = call(
            "GET", f"/auth/info/{self.id}/", headers={"Authorization": f"Bearer {self.access}"}
        )
        case.body = {"customer_id": info.json()["customer-id"]}

    def update(self, case):
        case.body = {"name": "John Doe", "country": "USA"}

    def rename(self, case):
        case.body = {"username": f"renamed{next(count)}", "name": "John Doe"}

    def verifyEmail(self, case):
        case.query = {"token": self.link}

    def upload(self, case):
        case.body = {"file": b"day,amount\n1,2\n"}

    def setAvatar(self, case):
        case.body = {"file": PIXEL}


#: An image of one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154"
    "78da63f8cfc0000003010100f7034143" "0000000049454e44ae426082"
)


class Ewallet(Dialect):
    ends = ()
    made = 0

    def __init__(self):
        # There is no way to register: the operator made this person.
        self.email = "wallet@example.org"
        self.sign_in()

    def sign_in(self):
        body = {"email": self.email, "password": PASSWORD}
        call("POST", "/token/auth", json=body)
        jar = {cookie.name: cookie.value for cookie in http.cookies}
        http.cookies.clear()
        self.jar = jar

    def show(self, case):
        if case.operation.path.startswith("/api/"):
            case.cookies["access_token_cookie"] = self.jar["access_token_cookie"]
            case.headers["X-CSRF-TOKEN"] = self.jar["csrf_access_token"]
        else:
            case.cookies["refresh_token_cookie"] = self.jar["refresh_token_cookie"]
            case.headers["X-CSRF-TOKEN"] = self.jar["csrf_refresh_token"]

    def logIn(self, case):
        case.body = {"email": self.email, "password": PASSWORD}

    def money(self, case, body):
        case.body = body
        case.headers["location"] = "Jakarta"
        case.headers["ip-address"] = "203.0.113.7"
        case.headers["Idempotency-Key"] = str(next(count))

    def topUp(self, case):
        self.money(case, {"amount": 500})

    def transfer(self, case):
        self.money(case, {"amount": 5, "code": "bni"})


class Financelime(Dialect):
    NAME = "K7800-H7625-Z5852-N1693-K1972"
    headers = {"request-id": NAME}

    def v1(self, method, path, body):
        return call(method, path, json=body, headers=self.headers)

    def ask(self, email):
        body = {"email": email, "inviteCode": "testInviteCode", "language": "en"}
        self.v1("POST", "/v1/user/signup", body)
        return letter(email, (), r"/u/(\w+)")

    def sign_in(self):
        call("GET", f"/u/{self.ask(self.email)}")
        self.password = letter(self.email, (), r"\n\s*([a-z0-9]{16})\s*\n")
        body = {"email": self.email, "password": self.password, "clientID": "test"}
        self.tokens = self.v1("POST", "/v1/oauth/create", body).json()

    def show(self, case):
        case.headers["request-id"] = self.NAME
        if "/session/" in case.operation.path:
            case.headers["authorization"] = f"bearer {self.tokens['accessToken']}"

    def signUp(self, case):
        email = f"other{next(count)}@example.org"
        case.body = {"email": email, "inviteCode": "testInviteCode", "language": "ru"}

    def confirmSignUp(self, case):
        key = self.ask(f"other{next(count)}@example.org")
        case.path_parameters["confirmationKey"] = key

    def resetPassword(self, case):
        case.body = {"email": self.email}

    def confirmReset(self, case):
        seen = seen_by(self.email)
        self.v1("POST", "/v1/user/password", {"email": self.email})
        key = letter(self.email, seen, r"/p/(\w+)")
        case.path_parameters["confirmationKey"] = key

    def createTokens(self, case):
        device = {"platform": "Linux x86_64", "height": 1920, "width": 1060}
        case.body = {"email": self.email, "password": self.password, "device": device}

    def refreshTokens(self, case):
        case.body = {"refreshToken": self.tokens["refreshToken"]}

    def removeSession(self, case):
        case.body = {"sessionID": self.tokens["sessionID"]}


def numbers():
    """A phone number and a social security number that are nobody's yet."""
    one = next(count)
    return {
        "phone_number": f"+1202{5550000 + one}",
        "social_security": f"{100 + one // 9000}-10-{1000 + one % 9000}",
    }


class CardBank(Dialect):
    ends = ("setPassword",)

    def sign_in(self):
        self.register_as(self.email)
        self.card = self.own("POST", "/card/create").json()["number"]
        self.other = self.own("POST", "/card/create").json()["number"]
        self.card_id = self.own("GET", "/card").json()[0]["card_id"]
        goal = {"name": "Goal", "goal": 500}
        self.savings_id = self.own("POST", "/savings/create", json=goal).json()["id"]

    def own(self, method, path, **more):
        return call(method, path, cookies={"authorization": self.token}, **more)

    def ask(self, email):
        """A registration that waits for its code, with numbers of its own."""
        three = {"email": email, **numbers()}
        call("POST", "/auth/register", json=three)
        rest = {
            "first_name": "Ann",
            "last_name": "Lee",
            "date_of_birth": "1990-03-02",
            "address": "1 Main Street",
            "city": "Springfield",
            "state": "IL",
            "post_code": "62701",
            "password": PASSWORD,
            "verification_code": letter(email, (), CODE),
        }
        return three, {**three, **rest}

    def register_as(self, email):
        self.three, whole = self.ask(email)
        call("POST", "/auth/verify-email", json=whole)
        self.token = {cookie.name: cookie.value for cookie in http.cookies}["authorization"]
        http.cookies.clear()

    def show(self, case):
        case.cookies["authorization"] = self.token

    def register(self, case):
        case.body = {"email": f"other{next(count)}@example.org", **numbers()}

    def verifyEmail(self, case):
        case.body = self.ask(f"new{next(count)}@example.org")[1]

    def requestCode(self, case):
        case.body = {"email": self.email, "password": PASSWORD}

    def confirmCode(self, case):
        seen = seen_by(self.email)
        call("POST", "/auth/2fa/request", json={"email": self.email, "password": PASSWORD})
        case.body = {"email": self.email, "twofa_code": letter(self.email, seen, CODE)}

    def sendReset(self, case):
        case.body = self.three

    def setPassword(self, case):
        seen = seen_by(self.email)
        call("POST", "/auth/reset", json=self.three)
        token = letter(self.email, seen, r"token=([\w-]+)")
        case.body = {"token": token, "new_password": FRESH}

    def logOut(self, case):
        # The session of whoever calls goes on.
        case.cookies.clear()

    def resetPage(self, case):
        pass

    def showCard(self, case):
        case.path_parameters["four_digits"] = self.card[-4:]

    def deleteCard(self, case):
        number = self.own("POST", "/card/create").json()["number"]
        body = {"from_card_number": number, "to_card_number": self.card, "amount": 50}
        self.own("POST", "/card/transfer", json=body)
        case.body = {"card_number": number}

    def transfer(self, case):
        body = {"from_card_number": self.card, "to_card_number": self.other, "amount": 0.01}
        self.money(case, body)

    def history(self, case):
        case.body = {"card_number": self.card}

    def createSavings(self, case):
        case.body = {"name": "Goal", "goal": "12.5"}

    def money(self, case, body):
        case.body = body
        case.headers["Idempotency-Key"] = str(next(count))

    def aside(self, case):
        body = {"amount": 0.01, "saving_account_id": self.savings_id, "card_id": self.card_id}
        self.money(case, body)

    topUpSavings = decreaseSavings = aside

    def deleteSavings(self, case):
        id = self.own("POST", "/savings/create", json={"name": "G", "goal": 1}).json()["id"]
        body = {"amount": 200, "saving_account_id": id, "card_id": self.card_id}
        self.own("POST", "/savings/decrease", json=body)
        case.body = {"saving_account_id": id}

    def createBill(self, case):
        case.body = {"name": "Rent", "amount": 0.01, "due_date": "2026-12-01T00:00:00"}

    def payBill(self, case):
        bill = {"name": "Rent", "amount": 0.01, "due_date": "2026-12-01"}
        id = self.own("POST", "/bills/create", json=bill).json()["id"]
        self.money(case, {"bill_id": id, "card_number": self.card})


#: The code in a letter of card-bank.
CODE = r"\b((?=[A-Z0-9]*\d)[A-Z0-9]{8})\b"

DIALECTS = {
    "accounts": Accounts,
    "card-bank": CardBank,
    "ewallet": Ewallet,
    "financelime": Financelime,
    "fintract": Fintract,
}
dialect = DIALECTS[os.environ["TELLER_DIALECT"]]

person = None
sent = collections.Counter()
tally = collections.defaultdict(collections.Counter)


def operation_of(case):
    return case.operation.definition.raw["operationId"]


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Sends most calls as somebody, and every second of those with what it needs."""
    global person
    name = operation_of(case)
    sent[name] += 1
    if case.method != case.operation.method.upper() or sent[name] % 5 == 0:
        return
    if person is None:
        person = dialect()
    person.show(case)
    if sent[name] % 2 == 1:
        person.help(case)


@schemathesis.hook
def after_call(ctx, case, response):
    """Counts what came of a call, and lets go of whoever was signed out by it."""
    global person
    name = operation_of(case)
    if case.method != case.operation.method.upper():
        return
    tally[name][response.status_code] += 1
    ended = name in dialect.ends and response.status_code < 300
    if ended or response.status_code == 401:
        person = None


@atexit.register
def write_tally():
    with open(os.environ["TELLER_TALLY"], "w", encoding="utf-8") as file:
        json.dump(tally, file)
