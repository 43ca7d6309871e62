//! card-bank: what is wrong with a body, to the byte, and what is no operation at all.

use crate::support::{
    bank::each_database,
    cardbank::{Member, detail},
    wire::Check,
};

/// One fault of a member.
fn fault(kind: &str, name: &str, told: &str, input: &str, context: &str) -> String {
    let context = if context.is_empty() { String::new() } else { format!(",\"ctx\":{context}") };
    format!(
        r#"{{"type":"{kind}","loc":["body","{name}"],"msg":"{told}","input":{input}{context}}}"#
    )
}

fn list(faults: &[String]) -> String {
    format!(r#"{{"detail":[{}]}}"#, faults.join(","))
}

#[tokio::test]
async fn cardbank_says_of_a_body_everything_that_is_wrong_in_order() {
    each_database(async |bank| {
        let send = |body: &str| Check::new("POST", "/auth/register").json(body);
        let missing = |name: &str, input: &str| fault("missing", name, "Field required", input, "");
        let all = ["email", "phone_number", "social_security"];
        let told = list(&all.map(|name| missing(name, "{}")));
        send("{}").expect(bank, 422, &told).await;
        let body = r#"{"a":[1.50,null],"phone_number":5}"#;
        let number = fault("string_type", "phone_number", "Input should be a valid string", "5", "");
        let told = list(&[missing("email", body), number, missing("social_security", body)]);
        send(body).expect(bank, 422, &told).await;
        let whole = |kind: &str, told: &str, input: &str| {
            format!(
                r#"{{"detail":[{{"type":"{kind}","loc":["body"],"msg":"{told}","input":{input}}}]}}"#
            )
        };
        let nothing = whole("missing", "Field required", "null");
        Check::new("POST", "/auth/register").expect(bank, 422, &nothing).await;
        send("").expect(bank, 422, &nothing).await;
        send("null").expect(bank, 422, &nothing).await;
        let no_object = |input: &str| {
            let told = "Input should be a valid dictionary or object to extract fields from";
            whole("model_attributes_type", told, input)
        };
        send("[1]").expect(bank, 422, &no_object("[1]")).await;
        send("\"x\"").expect(bank, 422, &no_object("\"x\"")).await;
        let plain = Check::new("POST", "/auth/register").body("text/plain", "{\"a\":\"é\"}");
        plain.expect(bank, 422, &no_object(r#""{\"a\":\"é\"}""#)).await;
        let broken = |at: usize, told: &str| {
            format!(
                r#"{{"detail":[{{"type":"json_invalid","loc":["body",{at}],"msg":"JSON decode error","input":{{}},"ctx":{{"error":"{told}"}}}}]}}"#
            )
        };
        for (body, at, told) in [
            ("{", 1, "Expecting property name enclosed in double quotes"),
            ("{\"é\":}", 5, "Expecting value"),
            ("{\"a\":1 2}", 7, "Expecting ',' delimiter"),
            ("{\"a\" 1}", 5, "Expecting ':' delimiter"),
            ("{\"a\":\"x", 5, "Unterminated string starting at"),
            ("{} {}", 3, "Extra data"),
            ("{\"a\":NaN}", 5, "Expecting value"),
        ] {
            send(body).expect(bank, 422, &broken(at, told)).await;
        }
        let good = r#"{"email":"ann@example.org","phone_number":"+12025550001","social_security":"078-05-0001"}"#;
        for media_type in ["application/json; charset=utf-8", "application/vnd.bank+json"] {
            let call = Check::new("POST", "/auth/register").body(media_type, good);
            let told = if media_type.contains("vnd") { 409 } else { 200 };
            call.expect(bank, told, "{{all}}").await;
        }
        // What the bank itself does not take.
        let body = good.replace("+12025550001", "string").replace("078-05-0001", "?");
        let told = list(&[
            fault("value_error", "phone_number", "Value error, The phone number must be a phone number of 7 to 15 digits, such as +12025550123.", "\"string\"", "{\"error\":{}}"),
            fault("value_error", "social_security", "Value error, The social security must be a social security number of 4 to 20 letters and digits.", "\"?\"", "{\"error\":{}}"),
        ]);
        send(&body).expect(bank, 422, &told).await;
    })
    .await;
}

#[tokio::test]
async fn cardbank_says_what_is_wrong_with_an_address_and_a_long_text() {
    each_database(async |bank| {
        for (email, reason) in [
            ("nope", "An email address must have an @-sign."),
            ("", "An email address must have an @-sign."),
            ("@example.org", "There must be something before the @-sign."),
            ("ann@", "There must be something after the @-sign."),
            ("a@localhost", "The part after the @-sign is not valid. It should have a period."),
            ("a b@example.org", "The email address is not valid."),
        ] {
            let told = format!("value is not a valid email address: {reason}");
            let context = format!(r#"{{"reason":"{reason}"}}"#);
            let told =
                list(&[fault("value_error", "email", &told, &format!("\"{email}\""), &context)]);
            let body = format!(r#"{{"email":"{email}","phone_number":"1","social_security":"1"}}"#);
            Check::new("POST", "/auth/register").json(&body).expect(bank, 422, &told).await;
            Check::new("POST", "/auth/reset").json(&body).expect(bank, 422, &told).await;
        }
        let long = "é".repeat(256);
        let body = format!(r#"{{"email":"{long}","password":"{long}"}}"#);
        let at_most = "String should have at most 255 characters";
        let context = "{\"max_length\":255}";
        let told = list(&[
            fault("string_too_long", "email", at_most, &format!("\"{long}\""), context),
            fault("string_too_long", "password", at_most, "\"**********\"", context),
        ]);
        Check::new("POST", "/auth/2fa/request").json(&body).expect(bank, 422, &told).await;
    })
    .await;
}

#[tokio::test]
async fn cardbank_never_sends_a_secret_back() {
    each_database(async |bank| {
        let hidden = "\"**********\"";
        let no_text = "Input should be a valid string";
        let secrets = |name: &str| fault("string_type", name, no_text, hidden, "");
        let missing = |name: &str, input: &str| fault("missing", name, "Field required", input, "");
        let body = r#"{"password":{"s3cret":1},"twofa_code":["s3cret"],"x":{"token":"s3cret"}}"#;
        let shown = r#"{"password":"**********","twofa_code":"**********","x":{"token":"**********"}}"#;
        let told = list(&[missing("email", shown), secrets("password"), secrets("twofa_code")]);
        for path in ["/auth/2fa/request", "/auth/2fa/confirm"] {
            Check::new("POST", path).json(body).expect(bank, 422, &told).await;
        }
        let told = list(&[
            secrets("token"),
            missing("new_password", r#"{"token":"**********","a":[{"password":"**********"}]}"#),
        ]);
        let body = r#"{"token":7,"a":[{"password":"s3cret"}]}"#;
        Check::new("PATCH", "/auth/reset").json(body).expect(bank, 422, &told).await;
        let names = [
            "first_name", "last_name", "email", "phone_number", "date_of_birth",
            "social_security", "address", "city", "state", "post_code",
        ];
        let shown = r#"{"password":"**********","verification_code":"**********"}"#;
        let mut faults: Vec<String> = names.iter().map(|name| missing(name, shown)).collect();
        faults.extend(["password", "verification_code"].map(secrets));
        let body = r#"{"password":1,"verification_code":2}"#;
        Check::new("POST", "/auth/verify-email").json(body).expect(bank, 422, &list(&faults)).await;
        // A body that was not read may be one as a whole.
        let told = "Input should be a valid dictionary or object to extract fields from";
        let told = format!(
            r#"{{"detail":[{{"type":"model_attributes_type","loc":["body"],"msg":"{told}","input":{hidden}}}]}}"#
        );
        for (method, path) in [
            ("POST", "/auth/verify-email"),
            ("POST", "/auth/2fa/request"),
            ("POST", "/auth/2fa/confirm"),
            ("PATCH", "/auth/reset"),
        ] {
            let form = "application/x-www-form-urlencoded";
            Check::new(method, path).body(form, "password=s3cret").expect(bank, 422, &told).await;
            Check::new(method, path).json("\"s3cret\"").expect(bank, 422, &told).await;
        }
    })
    .await;
}

#[tokio::test]
async fn cardbank_says_what_is_wrong_with_numbers_and_times() {
    each_database(async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        let number = "Input should be a valid number";
        let over = "less_than_equal";
        let most = "Input should be less than or equal to 9999999999999.99";
        let (above, le) = ("Input should be greater than 0", "{\"le\":9999999999999.99}");
        let places = "Decimal input should have no more than 2 decimal places";
        let unread = "Input should be a valid number, unable to parse string as a number";
        for (value, kind, told, context) in [
            ("0", "greater_than", above, "{\"gt\":0.0}"),
            ("-5.5", "greater_than", above, "{\"gt\":0.0}"),
            ("\" -1 \"", "greater_than", above, "{\"gt\":0.0}"),
            ("1.005", "decimal_max_places", places, "{\"decimal_places\":2}"),
            ("10000000000000", over, most, le),
            ("1e300", over, most, le),
            ("\"abc\"", "float_parsing", unread, ""),
            ("\"\"", "float_parsing", unread, ""),
            ("\"NaN\"", "finite_number", "Input should be a finite number", ""),
            ("\"-inf\"", "finite_number", "Input should be a finite number", ""),
            ("null", "float_type", number, ""),
            ("true", "float_type", number, ""),
            ("[]", "float_type", number, ""),
            ("{}", "float_type", number, ""),
        ] {
            let told = |name: &str| list(&[fault(kind, name, told, value, context)]);
            let transfer =
                format!(r#"{{"from_card_number":"1","to_card_number":"2","amount":{value}}}"#);
            ann.send("POST", "/card/transfer", &transfer).expect(bank, 422, &told("amount")).await;
            let goal = format!(r#"{{"name":"x","goal":{value}}}"#);
            ann.send("POST", "/savings/create", &goal).expect(bank, 422, &told("goal")).await;
            let aside = format!(r#"{{"amount":{value},"saving_account_id":1,"card_id":1}}"#);
            for path in ["/savings/topUp", "/savings/decrease"] {
                ann.send("POST", path, &aside).expect(bank, 422, &told("amount")).await;
            }
            let bill = format!(r#"{{"name":"x","amount":{value},"due_date":"2026-06-30"}}"#);
            ann.send("POST", "/bills/create", &bill).expect(bank, 422, &told("amount")).await;
        }
        let integer = "Input should be a valid integer";
        let text = "Input should be a valid integer, unable to parse string as an integer";
        let part = "Input should be a valid integer, got a number with a fractional part";
        for (value, kind, told) in [
            ("7.5", "int_from_float", part),
            ("\"x\"", "int_parsing", text),
            ("\"7.5\"", "int_parsing", text),
            ("null", "int_type", integer),
            ("false", "int_type", integer),
            ("[7]", "int_type", integer),
        ] {
            let told = |name: &str| fault(kind, name, told, value, "");
            let aside = format!(r#"{{"amount":1,"saving_account_id":{value},"card_id":{value}}}"#);
            let both = list(&[told("saving_account_id"), told("card_id")]);
            for path in ["/savings/topUp", "/savings/decrease"] {
                ann.send("POST", path, &aside).expect(bank, 422, &both).await;
            }
            let one = format!(r#"{{"saving_account_id":{value}}}"#);
            let told_one = list(&[told("saving_account_id")]);
            ann.send("DELETE", "/savings/delete", &one).expect(bank, 422, &told_one).await;
            let bill = format!(r#"{{"bill_id":{value},"card_number":"1"}}"#);
            ann.send("POST", "/bills/pay", &bill)
                .expect(bank, 422, &list(&[told("bill_id")]))
                .await;
        }
        times(bank, &ann).await;
    })
    .await;
}

async fn times(bank: &crate::support::bank::TestBank, ann: &Member) {
    for (value, reason) in [
        ("\"zz\"", "input is too short"),
        ("\"03/02/1990\"", "invalid character in year"),
        ("\"1990/02/03\"", "invalid date separator, expected `-`"),
        ("\"1990-13-03\"", "month value is outside expected range of 1-12"),
        ("\"1990-02-30\"", "day value is outside expected range"),
        ("\"1990-02-03!\"", "unexpected extra characters at the end of the input"),
    ] {
        let context = format!(r#"{{"error":"{reason}"}}"#);
        let told = format!("Input should be a valid datetime or date, {reason}");
        let told = list(&[fault("datetime_from_date_parsing", "due_date", &told, value, &context)]);
        let bill = format!(r#"{{"name":"x","amount":1,"due_date":{value}}}"#);
        ann.send("POST", "/bills/create", &bill).expect(bank, 422, &told).await;
        let told = format!("Input should be a valid date or datetime, {reason}");
        let told =
            list(&[fault("date_from_datetime_parsing", "date_of_birth", &told, value, &context)]);
        let person = crate::support::cardbank::create("bob", 2, "AAAA0000");
        let person = person.replace("\"1990-04-01\"", value);
        Check::new("POST", "/auth/verify-email").json(&person).expect(bank, 422, &told).await;
    }
    for value in ["7", "null", "true"] {
        let told = "Input should be a valid datetime";
        let told = list(&[fault("datetime_type", "due_date", told, value, "")]);
        let bill = format!(r#"{{"name":"x","amount":1,"due_date":{value}}}"#);
        ann.send("POST", "/bills/create", &bill).expect(bank, 422, &told).await;
        let told =
            list(&[fault("date_type", "date_of_birth", "Input should be a valid date", value, "")]);
        let person = crate::support::cardbank::create("bob", 2, "AAAA0000");
        let person = person.replace("\"1990-04-01\"", value);
        Check::new("POST", "/auth/verify-email").json(&person).expect(bank, 422, &told).await;
    }
    let far = r#"{"name":"x","amount":1,"due_date":"1969-12-31"}"#;
    let told = list(&[fault(
        "value_error",
        "due_date",
        "Value error, The due date must lie between the years 1970 and 9999.",
        "\"1969-12-31\"",
        "{\"error\":{}}",
    )]);
    ann.send("POST", "/bills/create", far).expect(bank, 422, &told).await;
}

#[tokio::test]
async fn cardbank_knows_its_paths_and_methods_and_no_other() {
    each_database(async |bank| {
        let wrong = detail("Method Not Allowed");
        for (path, allow) in [
            ("/", "GET"),
            ("/auth/register", "POST"),
            ("/auth/verify-email", "POST"),
            ("/auth/2fa/request", "POST"),
            ("/auth/2fa/confirm", "POST"),
            ("/auth/me", "GET"),
            ("/auth/reset", "POST, PATCH"),
            ("/auth/logout", "POST"),
            ("/cleanup-unverified", "DELETE"),
            ("/card", "GET"),
            ("/card/create", "POST"),
            ("/card/delete", "DELETE"),
            ("/card/transfer", "POST"),
            ("/card/history", "POST"),
            ("/card/0443", "GET"),
            ("/savings", "GET"),
            ("/savings/create", "POST"),
            ("/savings/topUp", "POST"),
            ("/savings/decrease", "POST"),
            ("/savings/delete", "DELETE"),
            ("/bills", "GET"),
            ("/bills/create", "POST"),
            ("/bills/pay", "POST"),
        ] {
            for path in [path.to_owned(), format!("/compat/card-bank{path}")] {
                for method in ["PUT", "OPTIONS"] {
                    Check::new(method, &path)
                        .gets("allow", allow)
                        .gets("content-type", "application/json")
                        .expect(bank, 405, &wrong)
                        .await;
                }
                Check::new("HEAD", &path).gets("allow", allow).expect(bank, 405, "").await;
            }
        }
        let unknown = detail("Not Found");
        for path in
            ["/cards", "/savings/topup", "/bills/1", "/card/create/x", "/card//", "/auth/nothing"]
        {
            Check::new("GET", path).expect(bank, 404, &unknown).await;
            Check::new("GET", &format!("/compat/card-bank{path}"))
                .gets("deprecation", "@1795651200")
                .expect(bank, 404, &unknown)
                .await;
        }
        Check::new("POST", "/auth/register")
            .json(&"x".repeat(256 * 1024 + 1))
            .expect(bank, 413, &detail("Content Too Large"))
            .await;
        let up = r#"{"Status":"Server up and running"}"#;
        for path in ["/", "/compat/card-bank/", "/compat/card-bank"] {
            Check::new("GET", path)
                .gets("content-type", "application/json")
                .expect(bank, 200, up)
                .await;
            let all = Check::new("GET", path).header("accept", "*/*");
            all.expect(bank, 200, up).await;
        }
        // What broke inside is told by its id alone.
        let ann = Member::join(bank, "ann", 1).await;
        bank.fresh.raw("ALTER TABLE bills RENAME TO bills_gone").await.expect("it is renamed");
        let broken = ann.call("GET", "/bills");
        let broken = broken.expect(bank, 500, &detail("Internal Server Error")).await;
        assert_eq!(broken.answer.header("x-request-id").len(), 26);
        bank.fresh.raw("ALTER TABLE bills_gone RENAME TO bills").await.expect("it is renamed");
    })
    .await;
}

#[tokio::test]
async fn cardbank_does_not_send_back_much_more_of_a_body_than_it_was_sent() {
    each_database(async |bank| {
        let missing = |name: &str, input: &str| fault("missing", name, "Field required", input, "");
        let names = ["email", "phone_number", "social_security"];
        let large = format!(r#"{{"x":"{}"}}"#, "y".repeat(100_000));
        let told = list(&names.map(|name| missing(name, "\"...\"")));
        Check::new("POST", "/auth/register").json(&large).expect(bank, 422, &told).await;
        // What fits comes back until there is no more room.
        let some = format!(r#"{{"x":"{}"}}"#, "y".repeat(1_500));
        let told = list(&[
            missing("email", &some),
            missing("phone_number", &some),
            missing("social_security", "\"...\""),
        ]);
        Check::new("POST", "/auth/register").json(&some).expect(bank, 422, &told).await;
        let many = [
            large,
            format!("{{{}}}", vec!["\"x\":[{},[]]"; 5_000].join(",")),
            format!("[{}]", vec!["{}"; 50_000].join(",")),
            format!("{{\"email\":\"{}\"}}", "@".repeat(100_000)),
            format!("{{\"password\":\"{0}\",\"email\":[\"{0}\"]}}", "p".repeat(50_000)),
        ];
        for body in many {
            for content_type in ["application/json", "text/plain"] {
                for path in ["/auth/verify-email", "/auth/register", "/auth/2fa/request"] {
                    let answer = Check::new("POST", path).body(content_type, body.clone());
                    let answer = answer.expect(bank, 422, "{{all}}").await.answer;
                    assert!(answer.body.len() < 10_000, "{path}: {} bytes", answer.body.len());
                }
            }
        }
    })
    .await;
}
