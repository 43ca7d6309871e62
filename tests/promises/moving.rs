//! What the README tells legacy clients of where they go: it leaves no call out, and leads
//! to nothing that is not there.

use regex::Regex;
use teller::{
    compat::router::doors,
    seed::people::{ALL, PASSWORD},
};

const README: &str = include_str!("../../README.md");
const SCHEMA: &str = include_str!("../../schema.graphql");

/// What stands under a heading, up to the next one.
fn section(heading: &str) -> &'static str {
    let start = README.find(&format!("\n{heading}\n"));
    let rest = &README[start.unwrap_or_else(|| panic!("the README has no {heading}")) + 1..];
    rest[1..].find("\n#").map_or(rest, |end| &rest[..=end])
}

#[test]
fn the_readme_tells_of_every_legacy_call_what_takes_its_place() {
    let guide = section("### From a dialect to GraphQL");
    for door in doors() {
        for resource in door.resources {
            for operation in resource.operations {
                let (method, path) = (operation.method, resource.path);
                // Whoever asks for the head of something means to read it.
                let told = method == "HEAD" || guide.contains(&format!("`{method} {path}`"));
                assert!(told, "{}: {method} {path}", door.dialect.name());
            }
        }
    }
}

#[test]
fn the_readme_leads_legacy_clients_to_nothing_that_graphql_has_not() {
    let names = Regex::new("`([a-z][A-Za-z0-9]+)`").expect("a pattern");
    let rows =
        section("### From a dialect to GraphQL").lines().filter(|line| line.starts_with('|'));
    let mut count = 0;
    for row in rows {
        let place = row.split('|').nth(2).unwrap_or_default();
        for name in names.captures_iter(place) {
            let there = Regex::new(&format!(r"(?m)^\t+{}[(:]", &name[1])).expect("a pattern");
            assert!(there.is_match(SCHEMA), "{}: {row}", &name[1]);
            count += 1;
        }
    }
    assert!(count >= 50, "only {count} names were found");
}

#[test]
fn the_readme_names_every_demo_person_and_their_password() {
    let told = section("### Demo people");
    for demo in ALL {
        assert!(told.contains(&format!("`{}`", demo.person.email)), "{}", demo.person.email);
    }
    assert!(told.contains(&format!("`{PASSWORD}`")), "{PASSWORD}");
    assert_eq!(told.matches("@example.org`").count(), ALL.len());
}
