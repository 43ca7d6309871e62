//! How card-bank describes cards, savings and bills.

use utoipa::openapi::HttpMethod;

use super::{
    errors::{CARD_NOT_EMPTY, NO_CARD, NO_SAVINGS, NO_USER, SAVINGS_NOT_EMPTY},
    openapi_terms::{acts, detail, new, own, reads, sentences, text},
};
use crate::compat::wire::{
    description::{Described, Said},
    shape::{Member, like, list, object, or_null},
};

const CARDS: &str = "Cards";
const SAVINGS: &str = "Savings";
const BILLS: &str = "Bills";

/// Their operations, in the order of the published text.
pub fn operations() -> Vec<Described> {
    vec![
        cards(),
        create_card(),
        delete_card(),
        transfer(),
        history(),
        card(),
        all_savings(),
        create_savings(),
        top_up(),
        decrease(),
        delete_savings(),
        bills(),
        create_bill(),
        pay_bill(),
    ]
}

const NUMBER: &str = "1505244430126122";

/// The keys as they always were.
const CARD: &str = r#"{"cardholer_name":"Ann","cardholer_surname":"Lee","number":"1505244430126122","expiration_date":"11/31","cvv":"466","balance":50.0}"#;
const LISTED_CARD: &str = r#"{"card_id":1,"number":"1505244430126122","cardholder_name":"Ann","cardholder_surname":"Lee","expiration_date":"11/31","cvv":"466","balance":50.0}"#;
const LINE: &str = r#"{"direction":"out","from":"Ann Lee","from_card_number":"1505244430126122","to":"Bob Ray","to_card_number":"************0017","transfer_type":"TRANSFER","amount":1.0,"time":"2026-11-21T19:27:01.680936"}"#;
const NEW_SAVINGS: &str = r#"{"id":1,"name":"Goal","goal":500.0,"balance":200.0}"#;
const LISTED_SAVINGS: &str =
    r#"{"id":1,"name":"Goal","balance":200.0,"goal":500.0,"remain":300.0}"#;
const BILL: &str =
    r#"{"id":1,"name":"Rent","amount":20.0,"due_date":"2026-06-30T23:59:59","paid":false}"#;

const NOT_ENOUGH: &str = "Not enough funds";
const FOREIGN: &str = "Origin not allowed";
const REFUSED: &str = "The page may not use this server, or the bank refuses it and says why";

/// One that changes something; what the bank may say is shown by examples.
fn refusing(described: Described, texts: &[&str]) -> Described {
    own(described).says(403, sentences(REFUSED, &[texts, &[FOREIGN]].concat()))
}

fn amount(about: &str) -> Member {
    // A text of digits is read as well.
    Member::number("amount", about, 12.5).more_than(0).at_most(9_999_999_999_999.99)
}

fn money_once(described: Described) -> Described {
    described.idempotent().says(
        409,
        detail(
            "The key was used with another request",
            &["Idempotency key was used with another request"],
        ),
    )
}

fn bad_key(more: &[&str]) -> Said {
    let about = "The key is none, or both ends are one";
    detail(about, &[&["Idempotency-Key is not valid"], more].concat())
}

fn number(name: &str, about: &str) -> Member {
    text(name, about, NUMBER)
}

fn id(name: &str, about: &str) -> Member {
    Member::integer(name, about, 1)
}

fn no_wallet(about: &str) -> Said {
    detail(about, &[NO_USER])
}

fn cards() -> Described {
    own(new(HttpMethod::Get, "/card", "listCards", "One's cards").tag(CARDS))
        .says(200, Said::json("All cards with all that stands on them", list(like(LISTED_CARD))))
        .says(406, no_wallet("There is no card, or the person has no name yet"))
}

fn create_card() -> Described {
    let described = new(HttpMethod::Post, "/card/create", "createCard", "Make a card").tag(CARDS);
    refusing(described, &["One person may have at most 20 cards."])
        .about("Takes no body. In the sandbox a new card has 50.0.")
        .says(200, Said::json("The card", like(CARD)))
        .says(406, no_wallet("The person has no name yet"))
}

fn delete_card() -> Described {
    let path = "/card/delete";
    let described = new(HttpMethod::Delete, path, "deleteCard", "Delete an empty card");
    let deleted = r#"{"status":"deleted","card_number":"1505244430126122"}"#;
    let described = reads(described.tag(CARDS), [number("card_number", "The card")]);
    refusing(described, &[CARD_NOT_EMPTY])
        .says(200, Said::json("It is deleted", like(deleted)))
        .says(406, detail("Nobody's, or another's", &[NO_CARD]))
}

fn transfer() -> Described {
    let path = "/card/transfer";
    let described = new(HttpMethod::Post, path, "transfer", "Pay to a card").tag(CARDS);
    let fields = [
        number("from_card_number", "One's own card"),
        number("to_card_number", "The receiver's card"),
        amount("How much"),
    ];
    let missing = "The receiver's card is nobody's, or the sender's is not one's own";
    money_once(refusing(reads(described, fields), &[NOT_ENOUGH]))
        .says(200, Said::json("The money moved", like(r#"["Transferred 12.5"]"#)))
        .says(400, bad_key(&["Cannot transfer to the same card"]))
        .says(406, detail(missing, &[NO_USER, NO_CARD]))
}

fn history() -> Described {
    let path = "/card/history";
    let described = new(HttpMethod::Post, path, "history", "What happened on a card").tag(CARDS);
    let line = or_null(or_null(like(LINE), "from_card_number"), "to_card_number");
    let whole = object("history", list(line));
    own(acts(reads(described, [number("card_number", "The card")])))
        .about("The newest first, at most 1,000.")
        .says(200, Said::json("The movements", whole))
        .says(406, detail("Nobody's, or another's", &[NO_CARD]))
}

fn card() -> Described {
    let path = "/card/{four_digits}";
    let digits = Member::text("", "The last four digits of a card", "6122").length(1, None);
    own(new(HttpMethod::Get, path, "showCard", "One card").tag(CARDS))
        .in_path("four_digits", digits)
        .says(200, Said::json("The newest card that ends so", like(CARD)))
        .says(406, detail("None ends so", &[NO_CARD]))
}

fn all_savings() -> Described {
    let all = Said::json("All savings", list(like(LISTED_SAVINGS)));
    own(new(HttpMethod::Get, "/savings", "listSavings", "One's savings").tag(SAVINGS))
        .says(200, all)
        .says(406, no_wallet("The person has no name yet"))
}

fn create_savings() -> Described {
    let path = "/savings/create";
    let described = new(HttpMethod::Post, path, "createSavings", "Begin to save").tag(SAVINGS);
    let goal = Member::number("goal", "How much is wanted", 500.0);
    let goal = goal.more_than(0).at_most(9_999_999_999_999.99);
    let described = reads(described, [text("name", "What it is for", "Goal"), goal]);
    refusing(described, &["One person may have at most 50 savings goals."])
        .about("In the sandbox new savings have 200.0.")
        .says(200, Said::json("The savings", like(NEW_SAVINGS)))
        .says(406, no_wallet("The person has no name yet"))
}

fn aside(path: &'static str, operation: &str, summary: &str) -> Described {
    let fields =
        [amount("How much"), id("saving_account_id", "The savings"), id("card_id", "The card")];
    reads(new(HttpMethod::Post, path, operation, summary).tag(SAVINGS), fields)
}

fn top_up() -> Described {
    let described = aside("/savings/topUp", "topUpSavings", "Put money aside");
    money_once(refusing(described, &[NOT_ENOUGH, NO_SAVINGS]))
        .says(200, Said::json("The money moved", like(r#"{"message":"Top up for 12.5"}"#)))
        .says(400, bad_key(&[]))
        .says(406, detail("No such card, or no savings at all", &[NO_CARD, NO_SAVINGS]))
}

fn decrease() -> Described {
    let described = aside("/savings/decrease", "decreaseSavings", "Take money back");
    money_once(refusing(described, &[NOT_ENOUGH, NO_CARD]))
        .says(200, Said::json("The money moved", like(r#"{"message":"Decreased by 12.5"}"#)))
        .says(400, bad_key(&[]))
        .says(406, detail("No such savings", &[NO_SAVINGS]))
}

fn delete_savings() -> Described {
    let path = "/savings/delete";
    let described = new(HttpMethod::Delete, path, "deleteSavings", "Delete empty savings");
    let deleted = r#"{"status":"deleted","saving_account_id":1}"#;
    let described = reads(described.tag(SAVINGS), [id("saving_account_id", "The savings")]);
    refusing(described, &[NO_SAVINGS, SAVINGS_NOT_EMPTY])
        .says(200, Said::json("They are deleted", like(deleted)))
}

fn bills() -> Described {
    own(new(HttpMethod::Get, "/bills", "listBills", "One's bills").tag(BILLS))
        .says(200, Said::json("All bills", list(like(BILL))))
        .says(406, no_wallet("The person has no name yet"))
}

fn create_bill() -> Described {
    let path = "/bills/create";
    let described = new(HttpMethod::Post, path, "createBill", "Note a bill").tag(BILLS);
    let fields = [
        text("name", "Whose it is", "Rent"),
        amount("How much"),
        text("due_date", "When it is due; an offset is dropped", "2026-06-30T23:59:59Z")
            .format("date-time"),
    ];
    refusing(reads(described, fields), &["One person may have at most 500 open bills."])
        .says(200, Said::json("The bill", like(BILL)))
        .says(406, no_wallet("The person has no name yet"))
}

fn pay_bill() -> Described {
    let described = new(HttpMethod::Post, "/bills/pay", "payBill", "Pay a bill").tag(BILLS);
    let fields = [id("bill_id", "The bill"), number("card_number", "The card that pays")];
    let paid = r#"{"status":"paid","bill_id":1,"remaining_card_balance":218.25}"#;
    money_once(refusing(reads(described, fields), &["Bill already paid", NOT_ENOUGH]))
        .says(200, Said::json("It is paid", like(paid)))
        .says(400, bad_key(&[]))
        .says(406, detail("No such bill, or no such card", &[NO_USER]))
}
