//! Floor 6: the GraphQL face. Translation only, one file for each noun.
//!
//! A file holds a noun's types, its part of `Query`, its part of `Mutation`, its
//! inputs and its payloads; `schema` merges them. A resolver reads its input,
//! calls one function of `bank`, and shows what came back. This floor decides
//! nothing and knows no SQL and no HTTP.
//!
//! To add a field: 1. write it in the file of its noun, with a description; 2.
//! run `make schema`, which renews `schema.graphql`; 3. where it loads something
//! for each of many objects, load it through `loaders`.

pub mod shape;
pub mod scalars;
pub mod money;
pub mod limit;
pub mod request;
pub mod errors;
pub mod guard;
pub mod loaders;
pub mod history;
pub mod viewer;
pub mod handover;
pub mod account;
pub mod card;
pub mod savings;
pub mod wallet;
pub mod hold;
pub mod seal;
pub mod entry;
pub mod bill;
pub mod session;
pub mod second_factor;
pub mod user;
pub mod customer;
pub mod leaving;
pub mod file;
pub mod sign_in;
pub mod registration;
pub mod password;
pub mod profile;
pub mod transfer;
pub mod quote;
pub mod staff;
pub mod server_info;
pub mod node;
pub mod operation;
pub mod source;
pub mod event;
pub mod schema;
pub mod completion;
